// Usage: node explorer.mjs URL [--cookies | --plain | --mails] [--chromium PATH] [--shots DIRECTORY]
//
// Drives the explorer at URL through a session's life and looks at it in both
// themes and widths. It prints what went wrong, and exits with 1, or with 0
// and a line that says what was done. With --cookies the server at URL is in
// cookie mode, and what differs then is looked at. With --plain URL is plain http
// on another host than localhost. With --mails the mails of the inbox are followed. --shots writes pictures.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open, visit } from './browser.mjs';
import { cookieFlow } from './cookieflow.mjs';
import { flow } from './flow.mjs';
import { looks } from './looks.mjs';
import { mailFlow } from './mails.mjs';
import { plainFlow } from './plainflow.mjs';
import { inPage, onDisk } from './storages.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { chromium: { type: 'string', default: '/usr/bin/chromium' }, cookies: { type: 'boolean' }, mails: { type: 'boolean' }, plain: { type: 'boolean' }, shots: { type: 'string' } },
});
const [url] = positionals;
const short = values.cookies || values.plain || values.mails;
const CANARIES = short ? [] : ['canary-literal', 'canary-comment', 'canary-header', 'canary-mail'];

const profile = await mkdtemp(join(tmpdir(), 'rekey-explorer-'));
try {
  await test();
} finally {
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

async function test() {
  const { context, page, record } = await open({ executable: values.chromium, profile, url });
  try {
    await run(context, page);
    checkStorages(await inPage(page), record);
  } catch (error) {
    await page.screenshot({ path: join(tmpdir(), 'rekey-explorer-failed.png') });
    throw new Error(`${error.stack}\n${record.problems.join('\n')}`);
  } finally {
    await context.close();
  }
  assert.deepEqual(record.problems, []);
  assert.ok(record.secrets.size > (short ? 5 : 20), `only ${record.secrets.size} secrets were seen`);
  // A browser's history keeps the links that were opened, which are used up.
  const secrets = [...record.secrets].filter((secret) => !values.mails || !/^[\w-]{43}$/.test(secret));
  assert.deepEqual(await onDisk(profile, [...secrets, ...CANARIES]), [], 'secrets in the profile');
  console.log(`${record.requests.length} requests, ${record.secrets.size} secrets, none stored`);
}

function run(context, page) {
  if (values.cookies) return cookieFlow(context, page, url);
  if (values.plain) return plainFlow(context, page, url);
  return values.mails ? mailFlow(context, page, url, values.shots) : wholeFlow(page);
}

async function wholeFlow(page) {
  await flow(page, url);
  await visit(page, url);
  await looks(page, values.shots);
}

function checkStorages(stored, { secrets }) {
  for (const secret of [...secrets, ...CANARIES]) {
    assert.ok(!JSON.stringify(stored).includes(secret), `stored: ${secret}`);
  }
  assert.match(stored.local, short ? /SignUp/ : /Literal/, 'the history is stored');
  assert.equal(stored.session, '{}');
  assert.equal(stored.cookies, '');
  assert.deepEqual([stored.databases, stored.caches, stored.workers], [0, 0, 0]);
  assert.equal(stored.url, url);
}
