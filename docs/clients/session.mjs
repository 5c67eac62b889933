// What every client has to know about a session; the other files here wire it
// into one client each. Copy this file and that of your client.
//
// storage   what the app keeps the pair in: getItem, setItem, removeItem as of
//           the Web Storage API. Tabs that share it share the session.
// onSignedOut(reason)   is called once, when only a new login helps.
// exchange(refreshToken, key)   asks for the next pair; see exchangeAt below.
const ITEM = 'rekey-session';
const PAUSES = [500, 2000]; // milliseconds before a refresh is tried again

export const REFRESH = `mutation Refresh($token: String, $key: String) {
  refreshToken(refreshToken: $token, idempotencyKey: $key) { token refreshToken expiresIn }
}`;

// Refused is an answer that was an error. Anything else that is thrown means
// that no answer came.
export class Refused extends Error {
  constructor({ message, extensions = {} }) {
    super(message);
    Object.assign(this, extensions); // code, reason, retryable, retryAfter, requestId
  }
}

export const exchangeAt = (api) => async (token, key) => {
  const response = await fetch(`${api}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: REFRESH, variables: { token, key } }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Refused(errors[0]);
  return data.refreshToken;
};

export function createSession({ storage, onSignedOut, exchange, locks = globalThis.navigator?.locks }) {
  const read = () => JSON.parse(storage.getItem(ITEM));
  const write = (pair) => storage.setItem(ITEM, JSON.stringify(pair));

  // One refresh at a time: in all tabs where there are web locks, else in this one.
  let last = Promise.resolve();
  const alone = (work) => (locks ? locks.request(ITEM, work) : (last = last.then(work, work)));

  // replace makes used give way to another access token, and returns that; null
  // when signed out. It throws when neither can be known now: the session is
  // kept, and the next call tries again.
  async function replace(used) {
    for (let failures = 0, early = 0; ; ) {
      const pair = read();
      if (pair?.token !== used) return pair?.token ?? null; // another call or tab was faster
      // The key is stored before it is sent: if the answer is lost, the same
      // token with the same key gets the same pair, after a reload or in another tab too.
      write({ ...pair, key: (pair.key ??= crypto.randomUUID()) });
      try {
        const { token, refreshToken, expiresIn } = await exchange(pair.refreshToken, pair.key);
        if (read()?.token === used) write({ token, refreshToken }); // not if somebody logged out meanwhile
        if (expiresIn <= 0 && early++ === 0) used = token; // a repeated pair that has run out: once more
      } catch (error) {
        if (error.code === 'UNAUTHENTICATED') {
          if (read()?.token !== used) continue; // TOKEN_BLACKLISTED, since another tab has the next pair
          storage.removeItem(ITEM);
          onSignedOut(error.reason);
          return null;
        }
        const hopeless = error.code === 'RATE_LIMITED' || error.code === 'BAD_USER_INPUT';
        if (hopeless || failures >= PAUSES.length) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSES[failures++]));
      }
    }
  }

  return {
    begin: ({ token, refreshToken }) => write({ token, refreshToken }), // after signUp or login
    end: () => storage.removeItem(ITEM), // after logout
    token: () => read()?.token ?? null,
    refresh: (used) => alone(() => replace(used)),
  };
}
