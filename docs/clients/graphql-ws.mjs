// Subscriptions over WebSocket with graphql-ws. The socket carries
// subscriptions alone: queries and mutations go by the client of another file,
// with the same storage.
//
//   const { follow, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   const stop = follow({ query: 'subscription { sessionEvents { kind reason } }' }, { next, error, complete });
import { createClient } from 'graphql-ws';
import { createSession, exchangeAt } from './session.mjs';

const PAUSE = 2000; // milliseconds before another try when a refresh got no answer

// webSocketImpl is for where there is no WebSocket, such as Node before 22.
export function connect(api, { storage, onSignedOut, locks, webSocketImpl }) {
  const session = createSession({ storage, onSignedOut, locks, exchange: exchangeAt(api) });
  let used = null; // the access token that the socket was opened with
  let stale = null; // the last one that it was closed for

  const client = createClient({
    url: `${api.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl,
    retryAttempts: Infinity, // after 4403, 1013 and lost connections; 4401 is final
    async connectionParams() {
      used = session.token();
      // What is thrown here would be final: come with the old token rather, and be told 4403 again.
      if (used && used === stale) used = await session.refresh(used).catch(() => used);
      return used ? { Authorization: `Bearer ${used}` } : {};
    },
    on: { closed: ({ code }) => { if (code === 4403) stale = used; } },
  });

  // follow subscribes, and again with the next token when one runs out. What
  // happens between the two is not told: read the state anew when it matters.
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
    // A subscription is told why it ends before its socket is closed for it.
    async function renew(problem, token) {
      const refused = Array.isArray(problem) && problem[0].extensions?.code === 'UNAUTHENTICATED';
      try {
        if (!refused || !(await session.refresh(token))) return sink.error(problem);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE)); // not signed out: try again
      }
      if (!stopped) begin();
    }
    begin();
    return () => { stopped = true; stop(); };
  }
  return { follow, session, client };
}
