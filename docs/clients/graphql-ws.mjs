// Subscriptions over WebSocket with graphql-ws. The socket carries
// subscriptions alone: queries and mutations go by the client of another file,
// with the same storage.
//
//   const { follow, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   const stop = follow({ query: 'subscription { sessionEvents { kind reason } }' }, { next, error, complete });
import { createClient } from 'graphql-ws';
import { createSession, exchangeAt, logoutAt } from './session.mjs';

const PAUSE = 2000; // milliseconds before another try when no answer came
const LONGEST = 8000; // between two tries to connect
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// webSocketImpl is for where there is no WebSocket, such as Node before 22.
export function connect(api, { storage, onSignedOut, locks, reuseWindow, webSocketImpl }) {
  const session = createSession({ storage, onSignedOut, locks, reuseWindow, exchange: exchangeAt(api), logout: logoutAt(api) });
  let used = null; // the access token that the socket was opened with
  let stale = null; // the last one that it was closed for

  const client = createClient({
    url: `${api.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl,
    retryAttempts: Infinity, // after 4403, 1013 and lost connections; 4401 is final
    // The default doubles without end: after a long outage it would take as long again.
    retryWait: (retries) => sleep(Math.min(1000 * 2 ** retries, LONGEST) * (0.5 + Math.random() / 2)),
    async connectionParams() {
      used = session.token();
      // An exception here would be final. With the old token the server closes with 4403 again.
      if (used && used === stale) used = await session.refresh(used).catch(() => used);
      return used ? { Authorization: `Bearer ${used}` } : {};
    },
    on: { closed: ({ code }) => { if (code === 4403) stale = used; } },
  });

  // follow subscribes, and again with the next token when one runs out. Events
  // between the two are not sent: read the state again if that matters.
  function follow(payload, sink) {
    let stop;
    let stopped = false;
    const begin = () => {
      stop = client.subscribe(payload, {
        next: (result) => sink.next(result),
        complete: () => sink.complete?.(),
        error: (problem) => { renew(problem, used); },
      });
    };
    // The server sends the reason to each subscription before it closes the socket.
    async function renew(problem, token) {
      const { code, retryable } = problem[0]?.extensions ?? {}; // no list of errors: how the socket was closed
      try {
        if (retryable) throw problem;
        if (code !== 'UNAUTHENTICATED' || !(await session.refresh(token))) return sink.error(problem);
      } catch {
        await sleep(PAUSE); // not signed out: try again
      }
      if (!stopped) begin();
    }
    begin();
    return () => { stopped = true; stop(); };
  }
  return { follow, session, client };
}
