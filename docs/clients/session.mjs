// The rules of a session for apps that keep the pair themselves. The other
// files here connect them to one client each: copy this file and that of your
// client.
//
// storage      where the app keeps the pair: getItem, setItem and removeItem of
//              the Web Storage API. Tabs with the same storage share the session.
// onSignedOut  is called once with a reason when only a new login helps.
// exchange     (refreshToken, key, signal) requests the next pair: see exchangeAt.
// logout       (refreshToken, signal) ends the session: see logoutAt.
// reuseWindow  REUSE_WINDOW of the server, in milliseconds.
const ITEM = 'rekey-session';
const DEVICE = 'rekey-device'; // what the server recognises this device by; it outlives sessions
const ANSWER = 10_000; // milliseconds that a response may take; the server gives up earlier
const LOCK = 15_000; // milliseconds to wait for a tab that refreshes; it may be frozen
const PAUSES = [500, 2000]; // milliseconds before a refresh is retried
const VISIBLE = 100; // milliseconds until all tabs see what one of them has stored
// A token that was used, for these reasons (the last one on the legacy route,
// for several causes), has a successor somewhere.
const USED = ['TOKEN_BLACKLISTED', 'TOKEN_REUSED', 'token is blacklisted'];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const REFRESH = `mutation Refresh($token: String, $key: String) {
  refreshToken(refreshToken: $token, idempotencyKey: $key) { token refreshToken expiresIn }
}`;
const LOGOUT = 'mutation Logout($token: String) { logout(refreshToken: $token) }';

// Refused is a response with an error. Anything else that is thrown means that
// there was no response.
export class Refused extends Error {
  constructor({ message, extensions = {} }) {
    super(message);
    Object.assign(this, extensions); // code, reason, retryable, retryAfter, requestId
  }
}

// stale reports whether the extensions of an error ask for a refresh. On STEP_UP_REQUIRED
// the session is valid: send reauthenticate, then the call again.
export const stale = ({ code, reason } = {}) => code === 'UNAUTHENTICATED' && reason !== 'STEP_UP_REQUIRED';

async function post(api, query, variables, signal) {
  const response = await fetch(`${api}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query, variables }),
    signal,
  });
  const { data, errors } = await response.json();
  if (errors) throw new Refused(errors[0]);
  return data;
}

export const exchangeAt = (api) => async (token, key, signal) =>
  (await post(api, REFRESH, { token, key }, signal)).refreshToken;
export const logoutAt = (api) => (token, signal) => post(api, LOGOUT, { token }, signal);

// randomHex works where crypto.randomUUID does not exist: on plain http.
const randomHex = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

// answered rejects if send has no result in time, also where send ignores the signal.
function answered(send) {
  const signal = AbortSignal.timeout(ANSWER);
  const late = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  return Promise.race([send(signal), late]);
}

// exclusively runs work in one tab at a time where there are web locks. A tab
// that holds the lock for too long is frozen: another takes the lock from it.
async function exclusively(locks, work) {
  if (!locks) return work();
  let result;
  const run = () => (result = work());
  const take = (options) => locks.request(ITEM, options, run).catch((error) => {
    if (result) return result; // work has failed, or goes on without the lock
    throw error;
  });
  const waited = new AbortController();
  const timer = setTimeout(() => waited.abort(), LOCK);
  try {
    return await take({ signal: waited.signal });
  } catch (error) {
    if (result || !waited.signal.aborted) throw error;
    return await take({ steal: true });
  } finally {
    clearTimeout(timer);
  }
}

export function createSession({
  storage, onSignedOut, exchange, logout, locks = globalThis.navigator?.locks, reuseWindow = 10_000,
}) {
  let newest = null; // of the pairs that this tab has seen in this session

  function write(pair) {
    newest = pair;
    storage.setItem(ITEM, JSON.stringify(pair));
  }

  // read returns the stored pair. A tab that had not yet seen the newest pair
  // may have stored an older one over it; read then restores the newest.
  function read() {
    const stored = JSON.parse(storage.getItem(ITEM));
    if (stored && newest?.seed === stored.seed && newest.count > stored.count) write(newest);
    else newest = stored;
    return newest;
  }

  function begin({ token, refreshToken, device }) {
    if (device) storage.setItem(DEVICE, device);
    write({ token, refreshToken, seed: randomHex(), count: 0 });
  }

  // replaced reports whether another tab stores another pair within the time.
  async function replaced(used, ms) {
    for (const end = Date.now() + ms; read()?.token === used; await pause(25)) {
      if (Date.now() >= end) return false;
    }
    return true;
  }

  // renew exchanges the pair once. All tabs send the same key with a token, so
  // they all get the same pair, also after a reload if a response was lost. The
  // key contains the session's random seed, which the token does not reveal.
  async function renew({ refreshToken, seed, count, token: used }) {
    const key = `${seed}.${refreshToken.slice(-64)}`;
    const next = await answered((signal) => exchange(refreshToken, key, signal));
    // Not if another tab has logged out, or was faster.
    if (read()?.token === used) write({ token: next.token, refreshToken: next.refreshToken, seed, count: count + 1 });
    return next;
  }

  // signOut drops the pair. The successor of a used token may be in the hands of
  // a thief: signOut then ends the session first.
  async function signOut({ refreshToken }, { reason }) {
    if (USED.includes(reason) && logout) await answered((signal) => logout(refreshToken, signal));
    storage.removeItem(ITEM);
    onSignedOut(reason);
    return null;
  }

  // replace returns an access token other than used, or null when signed out.
  // It throws if neither can be known now: the session is kept, and the next
  // call tries again.
  async function replace(used) {
    for (let failures = 0, expired = 0; ; ) {
      const pair = read();
      if (pair?.token !== used) return pair?.token ?? null; // another call or tab was faster
      if (!pair.seed) { begin(pair); continue; }
      // Not even a lock makes the storage current in this tab at once.
      if (await replaced(used, VISIBLE)) continue;
      try {
        const { token, expiresIn } = await renew(pair);
        if (expiresIn <= 0 && expired++ === 0) used = token; // a repeated pair that has expired: once more
      } catch (error) {
        if (error.code === 'UNAUTHENTICATED') {
          // Another tab may be about to store the successor of a used token.
          const pending = USED.includes(error.reason) && error.reason !== 'TOKEN_REUSED';
          if (await replaced(used, pending ? reuseWindow : VISIBLE)) continue;
          return await signOut(pair, error);
        }
        const hopeless = error.code === 'RATE_LIMITED' || error.code === 'BAD_USER_INPUT';
        if (hopeless || failures >= PAUSES.length) throw error;
        await pause(PAUSES[failures++]);
      }
    }
  }

  // refresh replaces the access token used, once for all calls that wait for it.
  let last = Promise.resolve();
  const waiting = new Map();
  function refresh(used) {
    if (!waiting.has(used)) {
      const work = () => exclusively(locks, () => replace(used));
      last = last.then(work, work);
      waiting.set(used, last.finally(() => waiting.delete(used)));
    }
    return waiting.get(used);
  }

  return {
    begin, // after signUp or login, which select device too, and after changePassword
    device: () => storage.getItem(DEVICE), // for the input of signUp and login
    end: () => storage.removeItem(ITEM), // after logout
    token: () => read()?.token ?? null,
    refresh,
  };
}
