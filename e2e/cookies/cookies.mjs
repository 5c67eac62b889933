// Usage: node cookies.mjs --api URL --app URL --sibling URL --foreign URL [--chromium PATH]
//
// Takes a session in cookie mode through what browsers do to it, with the code
// of docs/how-to/browsers.md, which --app serves as /session.js. --sibling is a page
// of the same site that is not trusted, --foreign one of another site. The API
// loses responses after a request to /drop, and does not answer after one to
// /hang, until /heal. Exits with 1 and a message when something is wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
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
const SIGN_UP = `mutation { signUp(input: {name: "Ada", email: "ada@example.com", password: "correct horse"}) { token refreshToken expiresIn } }`;
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
  await step(neverReadsTheToken, a);
  await step(isNoBrowser);
  const b = await tab(given.app);
  await step(comesBack, b);
  await step(racesWithCare, a, b);
  await step(asksOtherTabs, a);
  await step(overtakesAFrozenTab, a, b);
  await step(getsNoAnswer, a);
  await step(racesWithout, a, b);
  await step(losesAnAnswer, a);
  await step(isForged, given.sibling);
  await step(isForged, given.foreign);
  await step(logsOut, a, b);
  await step(isRobbed, a);
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
  const all = (await context.cookies()).map(({ value, expires, ...rest }) => rest);
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
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
    { name: '__Host-rekey_device', domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
    { name: '__Host-rekey_refresh', domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
  ]);
  assert.equal(await page.evaluate(() => document.cookie), '', 'a script reads the cookie');
}

// neverReadsTheToken: no way to send a request from a page returns a refresh
// token, with the cookie or without.
async function neverReadsTheToken(page) {
  const login = SIGN_UP.replace('signUp', 'login').replace('name: "Ada", ', '');
  const bodies = await page.evaluate(async ([url, body]) => {
    const type = { 'Content-Type': 'application/json' };
    const text = async (promise) => { try { return await (await promise).text(); } catch (error) { return error.name; } };
    const byFetch = (more) => text(fetch(url, { method: 'POST', headers: type, body, ...more }));
    const byXHR = (withCredentials) => new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open('POST', url);
      request.withCredentials = withCredentials;
      request.setRequestHeader('Content-Type', 'application/json');
      request.onloadend = () => resolve(request.responseText);
      request.send(body);
    });
    const code = `onmessage = async ({ data: [url, init] }) => postMessage(await (await fetch(url, init)).text())`;
    const source = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    const byWorker = (more) => new Promise((resolve) => {
      const worker = new Worker(source);
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve(message);
      worker.postMessage([url, { method: 'POST', headers: type, body, ...more }]);
    });
    const frame = document.body.appendChild(document.createElement('iframe'));
    frame.srcdoc = '<!doctype html>';
    await new Promise((resolve) => { frame.onload = resolve; });
    const all = {};
    for (const credentials of ['include', 'omit']) {
      all[`fetch, ${credentials}`] = await byFetch({ credentials });
      all[`fetch without referrer, ${credentials}`] = await byFetch({ credentials, referrerPolicy: 'no-referrer', keepalive: true });
      all[`XHR, ${credentials}`] = await byXHR(credentials === 'include');
      all[`worker, ${credentials}`] = await byWorker({ credentials });
      all[`frame, ${credentials}`] = await text(frame.contentWindow.fetch(url, { method: 'POST', headers: type, body, credentials }));
    }
    frame.remove();
    return all;
  }, [endpoint, JSON.stringify({ query: login })]);
  for (const [way, body] of Object.entries(bodies)) {
    assert.equal(JSON.parse(body).data?.login.refreshToken, null, `${way}: ${body}`);
    assert.equal(JSON.parse(body).data.login.token.split('.').length, 3);
  }
}

// isNoBrowser: a client of another kind gets the pair in the payload, and no cookie.
async function isNoBrowser() {
  const send = async (query, header) => {
    const request = http.request(endpoint, { method: 'POST', headers: { 'Content-Type': 'application/json', ...header } });
    request.end(JSON.stringify({ query }));
    const [response] = await once(request, 'response');
    let body = '';
    for await (const part of response) body += part;
    assert.equal(response.headers['set-cookie'], undefined);
    return JSON.parse(body).data;
  };
  const { signUp } = await send(SIGN_UP.replace('ada@', 'native@'));
  const { refreshToken } = await send(`mutation { refreshToken(refreshToken: "${signUp.refreshToken}") { token refreshToken } }`);
  const { logout } = await send('mutation { logout }', { Authorization: `Bearer ${refreshToken.refreshToken}` });
  assert.equal(logout, 1);
  // Node's fetch sends Sec-Fetch-Mode, as docs/how-to/browsers.md says.
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: SIGN_UP.replace('ada@', 'node@') }),
  });
  assert.equal((await response.json()).data.signUp.refreshToken, null);
  assert.equal(typeof response.headers.get('Set-Cookie'), 'string');
}

// comesBack: a page that has nothing but the cookie is signed in, before and
// after a reload.
async function comesBack(page) {
  const { id } = await session(page);
  await page.reload();
  await connect(page);
  assert.equal((await session(page)).id, id);
}

// racesWithCare: calls that fail together, in one tab and in several, cause one
// rotation, and all tabs have the new token. So does a call that fails later.
async function racesWithCare(...pages) {
  const { generation } = await session(pages[0]);
  const refreshed = (page, used) => page.evaluate((token) => Promise.all([1, 2, 3].map(() => window.rekey.refresh(token))), used);
  let used = null;
  const rounds = 5;
  for (let round = 0; round < rounds; round++) {
    const next = (await Promise.all(pages.map((page) => refreshed(page, used ?? undefined)))).flat();
    assert.equal(new Set(next).size, 1);
    if (used) assert.deepEqual(await refreshed(pages[0], used), [next[0], next[0], next[0]]);
    [used] = next;
    await Promise.all(pages.map(session));
  }
  assert.equal((await session(pages[0])).generation, generation + rounds);
}

// asksOtherTabs: a new tab receives the access token of another one.
async function asksOtherTabs(page) {
  const { generation } = await session(page);
  const other = await tab(given.app);
  assert.equal((await session(other)).generation, generation);
  await other.close();
}

// overtakesAFrozenTab: a tab that does not release the lock delays the others once.
async function overtakesAFrozenTab(...pages) {
  const frozen = await tab(given.app);
  await frozen.evaluate(() => { navigator.locks.request('rekey-refresh', () => new Promise(() => {})).catch(() => {}); });
  const { generation } = await session(pages[0]);
  for (const page of pages) await page.evaluate(() => window.rekey.refresh());
  assert.equal((await session(pages[0])).generation, generation + pages.length);
  await frozen.close();
}

// getsNoAnswer: a request that is never answered ends, and the next refresh
// works.
async function getsNoAnswer(page) {
  const { generation } = await session(page);
  await fetch(`${given.api}/hang`);
  assert.equal(await page.evaluate(() => window.rekey.refresh().catch((error) => error.name)), 'TimeoutError');
  await fetch(`${given.api}/heal`);
  assert.equal(typeof (await page.evaluate(() => window.rekey.refresh())), 'string');
  assert.equal((await session(page)).generation, generation + 1);
}

// isRobbed: another client has used the token first. The page cannot get the
// next token, so it ends the session.
async function isRobbed(page) {
  await page.evaluate((document) => window.rekey.signIn(document), SIGN_UP.replace('ada@', 'bo@'));
  const { name, value } = (await context.cookies()).find((cookie) => cookie.name === '__Host-rekey_refresh');
  const rob = (cookie) => fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Cookie: cookie },
    body: JSON.stringify({ query: 'mutation { refreshToken { token } }' }),
  });
  const stolen = (await rob(`${name}=${value}`)).headers.get('Set-Cookie').split(';')[0];
  const refused = await page.evaluate(() => window.rekey.refresh().catch((error) => `${error.constructor.name} ${error.message}`));
  assert.equal(refused, 'Unauthenticated TOKEN_BLACKLISTED');
  assert.deepEqual((await cookies()).map(({ name }) => name), ['__Host-rekey_device']);
  const { errors } = await (await rob(stolen)).json();
  assert.equal(errors[0].extensions.reason, 'SESSION_REVOKED');
}

// racesWithout: of two tabs, the one that loses the race gets an error and is
// still signed in. A third might be overtaken by both, which counts as reuse.
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
  assert.deepEqual((await cookies()).map(({ name }) => name), ['__Host-rekey_device']);
  const refused = await other.evaluate(() => window.rekey.refresh().catch((error) => `${error.constructor.name} ${error.message}`));
  assert.equal(refused, 'Unauthenticated TOKEN_MISSING');
  assert.equal(await other.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), '{}');
}
