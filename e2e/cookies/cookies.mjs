// Usage: node cookies.mjs --api URL --app URL --sibling URL --foreign URL [--chromium PATH]
//
// Takes a session in cookie mode through what browsers do to it, with the code
// of docs/how-to/browsers.md, which --app serves as /session.js. --sibling is a page
// of the same site that is not trusted, --foreign one of another site. The API
// loses answers between requests to /drop and /heal. Exits with 1 when something
// is not as it should be, and says what.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const option = { type: 'string' };
const { values: given } = parseArgs({
  options: { api: option, app: option, sibling: option, foreign: option, chromium: { type: 'string', default: '/usr/bin/chromium' } },
});
const endpoint = `${given.api}/graphql`;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const PATIENCE = 180_000; // milliseconds: machines may be slow
const SIGN_UP = `mutation { signUp(input: {name: "Ada", email: "ada@example.com", password: "correct horse"}) { token refreshToken } }`;
const SESSION = '{ session { id generation } }';

const profile = await mkdtemp(join(tmpdir(), 'rekey-cookies-'));
const context = await chromium.launchPersistentContext(profile, { executablePath: given.chromium, args: FLAGS, timeout: PATIENCE });
context.setDefaultTimeout(PATIENCE);
try {
  await test();
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

async function test() {
  const a = await tab(given.app);
  await step(signsUp, a);
  const b = await tab(given.app);
  await step(comesBack, b);
  await step(racesWithCare, a, b);
  await step(racesWithout, a, b);
  await step(losesAnAnswer, a);
  await step(isForged, given.sibling);
  await step(isForged, given.foreign);
  await step(logsOut, a, b);
}

// step fails what does not end: code in a page may wait for ever.
async function step(action, ...args) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${action.name} did not end`)), PATIENCE);
  });
  await Promise.race([action(...args), late]);
  clearTimeout(timer);
}

// tab opens a page that has connected as docs/how-to/browsers.md says.
async function tab(origin) {
  const page = await context.newPage();
  await page.goto(origin);
  await connect(page);
  return page;
}

async function connect(page) {
  await page.evaluate(async (url) => {
    const { connect } = await import('/session.js');
    window.rekey = connect(url);
  }, endpoint);
}

async function cookies() {
  return (await context.cookies()).map(({ value, expires, ...rest }) => rest);
}

async function session(page) {
  const { data, errors } = await page.evaluate((query) => window.rekey.graphql(query), SESSION);
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data.session;
}

// raw sends a document as a page would that knows nothing of docs/how-to/browsers.md.
// It returns the answer, or what there is instead of one that can be read.
function raw(page, query, init = {}) {
  return page.evaluate(async ([url, body, more]) => {
    const json = { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body };
    try {
      const response = await fetch(url, { ...json, ...more });
      return response.type === 'opaque' ? 'opaque' : await response.json();
    } catch (error) {
      return error.name;
    }
  }, [endpoint, JSON.stringify({ query }), init]);
}

async function signsUp(page) {
  const data = await page.evaluate((document) => window.rekey.signIn(document), SIGN_UP);
  assert.equal(data.signUp.refreshToken, null);
  assert.deepEqual(await cookies(), [
    { name: '__Host-rekey_refresh', domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
  ]);
  assert.equal(await page.evaluate(() => document.cookie), '', 'a script reads the cookie');
}

// comesBack: a page that has nothing but the cookie is signed in, before and
// after a reload.
async function comesBack(page) {
  const { id } = await session(page);
  await page.reload();
  await connect(page);
  assert.equal((await session(page)).id, id);
}

// racesWithCare: the lock lets one tab refresh, and both have the new token.
async function racesWithCare(...pages) {
  for (let round = 0; round < 5; round++) {
    await Promise.all(pages.map((page) => page.evaluate(() => Promise.all([1, 2, 3].map(() => window.rekey.refresh())))));
    await Promise.all(pages.map(session));
  }
}

// racesWithout: of two tabs, whoever loses the race is told so, and is still
// signed in. A third might be overtaken by both, which counts as theft.
async function racesWithout(...pages) {
  const reasons = new Set();
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(pages.map((page) => raw(page, 'mutation { refreshToken { token } }')));
    for (const { errors } of answers) reasons.add(errors?.[0].extensions.reason);
  }
  reasons.delete(undefined);
  reasons.delete('TOKEN_BLACKLISTED');
  assert.deepEqual([...reasons], []);
  for (const page of pages) assert.equal(typeof (await session(page)).id, 'string');
}

// losesAnAnswer: the session was rotated and the page never heard of it. Even
// after a reload it gets the pair that it missed.
async function losesAnAnswer(page) {
  const before = await session(page);
  const old = await context.cookies();
  await fetch(`${given.api}/drop`);
  assert.match(await page.evaluate(() => window.rekey.refresh().catch((error) => error.name)), /TypeError/);
  assert.deepEqual(await context.cookies(), old, 'the answer was not lost');
  await fetch(`${given.api}/heal`);
  await page.reload();
  await connect(page);
  const after = await session(page);
  assert.deepEqual([after.id, after.generation], [before.id, before.generation + 1]);
}

// isForged: a page that is not trusted changes nothing.
async function isForged(origin) {
  const before = await context.cookies();
  const page = await context.newPage();
  await page.goto(origin);
  for (const document of ['mutation { logout }', 'mutation { refreshToken { token } }', SIGN_UP.replace('ada@', 'eve@')]) {
    assert.equal(await raw(page, document), 'TypeError', 'a page that is not trusted reads an answer');
    const simple = { mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }; // no preflight asks
    assert.equal(await raw(page, document, simple), 'opaque');
  }
  const sent = page.waitForResponse((response) => response.url() === endpoint);
  await page.evaluate((url) => {
    document.body.innerHTML = `<form method="post" enctype="text/plain" action="${url}"><input name='{"query":"mutation{logout}","x":"' value='"}'></form>`;
    setTimeout(() => document.forms[0].submit());
  }, endpoint);
  assert.equal((await sent).status(), 403);
  assert.deepEqual(await context.cookies(), before, 'a page that is not trusted changes the cookie');
}

// logsOut: the session is over in all tabs, and nothing is left behind.
async function logsOut(page, other) {
  await page.evaluate(() => window.rekey.logout());
  assert.deepEqual(await cookies(), []);
  const refused = await other.evaluate(() => window.rekey.refresh().catch((error) => `${error.constructor.name} ${error.message}`));
  assert.equal(refused, 'Unauthenticated TOKEN_MISSING');
  assert.equal(await other.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), '{}');
}
