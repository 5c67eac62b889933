import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP rekey.test 127.0.0.1',
];

// PATIENCE is for machines that are slow, in milliseconds.
const PATIENCE = 180_000;

// open starts a browser with a profile of its own on the page at url, and
// keeps a record of everything that should not happen, and of every secret
// that passes.
export async function open({ executable, profile, url, colorScheme = 'light', viewport = { width: 1280, height: 800 } }) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    args: FLAGS,
    colorScheme,
    viewport,
    timeout: PATIENCE,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = context.pages()[0] ?? (await context.newPage());
  const record = { problems: [], requests: [], secrets: new Set() };
  watch(context, page, record, new URL(url).origin);
  await visit(page, url);
  return { context, page, record };
}

export async function visit(page, url) {
  await page.goto(url);
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  // The schema is there once the docs name a type.
  await page.getByRole('button', { name: 'Re-fetch GraphQL schema' }).and(page.locator(':enabled')).waitFor();
}

function watch(context, page, { problems, requests, secrets }, origin) {
  // Browsers report on plain http that they ignore the header.
  const ignored = (m) => m.text().startsWith('The Cross-Origin-Opener-Policy header has been ignored');
  page.on('console', (m) => ignored(m) || problems.push(`console ${m.type()}: ${m.text()} (${m.location().url})`));
  page.on('pageerror', (e) => problems.push(`uncaught: ${e.message}`));
  page.on('dialog', (d) => problems.push(`dialog: ${d.message()}`));
  context.on('request', (r) => {
    requests.push(r);
    const url = new URL(r.url());
    if (url.origin !== origin) problems.push(`outside request: ${r.url()}`);
    if (url.search) problems.push(`something in a URL: ${r.url()}`);
    collect(r.postDataJSON(), secrets);
  });
  context.on('requestfailed', (r) => {
    if (!stopped(r)) problems.push(`failed: ${r.url()} ${r.failure()?.errorText}`);
  });
  context.on('response', async (r) => {
    if (r.status() >= 400) problems.push(`${r.status()}: ${r.url()}`);
    const json = r.headers()['content-type']?.includes('json');
    if (r.url() === `${origin}/graphql` && json) collect(await r.json().catch(() => null), secrets);
  });
}

// stopped: the page itself ended it. Monaco starts its worker for JSON anew at
// each change of tabs, also one that is still being loaded, and a stream ends
// when nobody reads it any more.
function stopped(request) {
  const may = /\.worker-\w+\.js$/.test(request.url()) || request.headers().accept?.startsWith('text/event-stream');
  return may && request.failure()?.errorText === 'net::ERR_ABORTED';
}

// collect keeps what must never be stored: tokens and their secrets, passwords
// and keys.
function collect(value, secrets, name = '') {
  if (typeof value === 'string') {
    if (/token|password|key$/i.test(name)) secrets.add(value);
    const claims = /^eyJ[^.]+\.([^.]+)\./.exec(value);
    if (claims) collect(JSON.parse(Buffer.from(claims[1], 'base64url').toString()), secrets);
  }
  if (value && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) collect(item, secrets, key);
  }
}
