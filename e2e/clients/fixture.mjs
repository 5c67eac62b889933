// A user with a session that a recipe keeps, behind a proxy of its own.
import assert from 'node:assert/strict';
import { startProxy } from './proxy.mjs';

// STRICT is a replica on the same database where every replaced token is reuse.
export const STRICT = process.argv[4];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// post sends an operation without any client.
export async function post(api, query, variables) {
  const response = await fetch(`${api}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

const SIGN_UP = 'mutation ($input: SignUpInput!) { signUp(input: $input) { token refreshToken device } }';
const ROTATE = 'mutation ($t: String, $k: String) { refreshToken(refreshToken: $t, idempotencyKey: $k) { token refreshToken } }';

class MemoryStorage {
  #items = new Map();
  getItem(name) { return this.#items.get(name) ?? null; }
  setItem(name, text) { this.#items.set(name, text); }
  removeItem(name) { this.#items.delete(name); }
  pair() { return JSON.parse(this.getItem('rekey-session')); }
}

// locksLike is what tabs share as navigator.locks.
export function locksLike() {
  let last = Promise.resolve();
  return { request: (name, options, work) => (last = last.then(work, work)) };
}

// signUp makes one user after the other: hashing many passwords at once takes
// longer than an access token lives here.
let signingUp = Promise.resolve();
const signUp = (server) => (signingUp = signingUp.then(async () => {
  const input = { name: 'Ada', email: `${crypto.randomUUID()}@example.com`, password: 'correct horse' };
  const { data, errors } = await post(server, SIGN_UP, { input });
  assert.equal(errors, undefined);
  return data.signUp;
}));

export async function signedIn(server, adapter, { locks } = {}) {
  const proxy = await startProxy(server);
  const storage = new MemoryStorage();
  let calls = 0;
  const reasons = []; // one for each sign-out that a tab reported
  const open = () => adapter.connect(proxy.api, { storage, locks, reuseWindow: 2000, onSignedOut: (reason) => reasons.push(reason) });
  const tab = open();
  const signedUp = await signUp(server);
  tab.session.begin(signedUp);
  assert.equal(tab.session.device(), signedUp.device);
  const claims = () => JSON.parse(Buffer.from(storage.pair().token.split('.')[1], 'base64url'));
  return {
    proxy, storage, reasons, tab, open,
    life: (claims().exp - claims().iat) * 1000, // of an access token, in milliseconds
    // Each call has a name of its own: clients send equal ones that are under way but once.
    call: (of = tab) => adapter.call(of, `query Q${calls++} { session { generation } }`).then(({ session }) => session.generation),
    rotate: (refreshToken, key) => post(server, ROTATE, { t: refreshToken, k: key }),
    // expired waits until the stored access token has really run out.
    expired: () => sleep(claims().exp * 1000 - Date.now() + 100),
  };
}
