// Usage: node tabs.mjs --api URL --app URL --plain URL [--chromium PATH]
//
// Runs docs/clients/session.mjs, which --app and --plain serve as /session.mjs,
// in several tabs of one browser. --app is a secure context, --plain is not:
// it has neither navigator.locks nor crypto.randomUUID. Exits with 1 and a
// message when something is wrong.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const option = { type: 'string' };
const { values: given } = parseArgs({
  options: { api: option, app: option, plain: option, chromium: { type: 'string', default: '/usr/bin/chromium' } },
});
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP app.test 127.0.0.1'];
const PATIENCE = 180_000; // milliseconds: machines may be slow
const SIGN_UP = 'mutation ($input: SignUpInput!) { signUp(input: $input) { token refreshToken } }';

const profile = await mkdtemp(join(tmpdir(), 'rekey-tabs-'));
const context = await chromium.launchPersistentContext(profile, { executablePath: given.chromium, args: FLAGS, timeout: PATIENCE });
context.setDefaultTimeout(PATIENCE);
try {
  await refreshTogether(given.app, 2, 100, 'no locks');
  await refreshTogether(given.app, 3, 100, 'no locks');
  await refreshTogether(given.app, 3, 20);
  await refreshTogether(given.plain, 3, 20);
  await refreshFreely(given.app, 2, 100, 'no locks');
  await refreshFreely(given.app, 3, 100, 'no locks');
  await refreshFreely(given.app, 3, 20);
  await overtakesAFrozenTab();
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

async function post(query, variables, token) {
  const response = await fetch(`${given.api}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

// signedIn opens tabs that share a new session.
async function signedIn(origin, count, mode) {
  const input = { name: 'Ada', email: `${crypto.randomUUID()}@example.com`, password: 'correct horse' };
  const { signUp } = await post(SIGN_UP, { input });
  const tabs = await Promise.all(Array.from({ length: count }, async () => {
    const page = await context.newPage();
    await page.goto(origin);
    await page.evaluate(async ([api, withoutLocks]) => {
      const { createSession, exchangeAt, logoutAt } = await import('/session.mjs');
      window.reasons = [];
      window.session = createSession({
        storage: localStorage,
        exchange: exchangeAt(api),
        logout: logoutAt(api),
        onSignedOut: (reason) => window.reasons.push(reason),
        ...(withoutLocks && { locks: null }),
      });
    }, [given.api, mode === 'no locks']);
    return page;
  }));
  await tabs[0].evaluate((pair) => window.session.begin(pair), signUp);
  for (const tab of tabs) await tab.waitForFunction((token) => window.session.token() === token, signUp.token);
  return tabs;
}

async function finish(tabs, name) {
  for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => window.reasons), [], `${name}: a tab was signed out`);
  const token = await tabs[0].evaluate(() => window.session.refresh(window.session.token()));
  const { session } = await post('{ session { generation } }', {}, token);
  await Promise.all(tabs.map((tab) => tab.close()));
  console.log(`${name}: ${session.generation - 2} rotations`);
  return session.generation - 2;
}

// refreshTogether: when the same token fails in all tabs, they all get the same
// next token, by one rotation.
async function refreshTogether(origin, count, rounds, mode) {
  const name = `${count} tabs together, ${origin}, ${mode ?? 'as it is'}`;
  const tabs = await signedIn(origin, count, mode);
  assert.equal(await tabs[0].evaluate(() => isSecureContext), origin === given.app);
  let used = await tabs[0].evaluate(() => window.session.token());
  for (let round = 0; round < rounds; round++) {
    const next = await Promise.all(tabs.map((tab) => tab.evaluate((token) => window.session.refresh(token), used)));
    assert.equal(new Set(next).size, 1, `${name}: round ${round}`);
    assert.notEqual(next[0], used);
    [used] = next;
  }
  assert.equal(await finish(tabs, name), rounds);
}

// refreshFreely: each tab refreshes at its own pace, so that it meets the others
// at every moment of theirs.
async function refreshFreely(origin, count, rounds, mode) {
  const name = `${count} tabs freely, ${mode ?? 'as it is'}`;
  const tabs = await signedIn(origin, count, mode);
  await Promise.all(tabs.map((tab) => tab.evaluate(async (rounds) => {
    for (let round = 0; round < rounds; round++) await window.session.refresh(window.session.token());
  }, rounds)));
  await finish(tabs, name);
}

// overtakesAFrozenTab: a tab that holds the lock and does not go on delays the
// others once.
async function overtakesAFrozenTab() {
  const tabs = await signedIn(given.app, 3);
  const [frozen, ...others] = tabs;
  await frozen.evaluate(() => { navigator.locks.request('rekey-session', () => new Promise(() => {})).catch(() => {}); });
  for (const limit of [60_000, 5000]) {
    const begun = Date.now();
    const next = await Promise.all(others.map((tab) => tab.evaluate(() => window.session.refresh(window.session.token()))));
    assert.equal(new Set(next).size, 1);
    assert.ok(Date.now() - begun < limit, `a frozen tab delays the others by ${Date.now() - begun} ms`);
  }
  await finish(tabs, 'a frozen tab');
}
