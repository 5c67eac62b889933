// Subscriptions as server-sent events with graphql-sse, each on a connection of
// its own. Queries and mutations go by the client of another file, with the
// same storage.
//
//   const { follow, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   const stop = follow({ query: 'subscription { sessionEvents { kind reason } }' }, { next, error, complete });
import { createClient } from 'graphql-sse';
import { createSession, exchangeAt, logoutAt } from './session.mjs';

const PAUSE = 2000; // milliseconds before another try when no answer came

export function connect(api, { storage, onSignedOut, locks, reuseWindow }) {
  const session = createSession({ storage, onSignedOut, locks, reuseWindow, exchange: exchangeAt(api), logout: logoutAt(api) });

  // follow subscribes, and again with the next token when one runs out. Events
  // between the two are not sent: read the state again if that matters.
  function follow(payload, sink) {
    let stop;
    let stopped = false;
    function begin() {
      const token = session.token();
      const client = createClient({
        url: `${api}/graphql`,
        retryAttempts: 0, // again does it, with a valid token
        headers: token ? { Authorization: `Bearer ${token}` } : {},
      });
      let last = null; // the errors that the stream ended with
      stop = client.subscribe(payload, {
        next: (result) => (result.errors && !result.data ? (last = result.errors) : sink.next(result)),
        complete: () => !stopped && (last ? again(last, token) : sink.complete?.()),
        // The stream broke, or was refused before it began: with a JSON body then.
        error: async (problem) => again(await errorsOf(problem), token),
      });
    }
    async function again(errors, token) {
      const code = errors[0].extensions?.code;
      try {
        if (code === 'BAD_USER_INPUT' || code === 'FORBIDDEN') return sink.error(errors);
        if (code !== 'UNAUTHENTICATED') throw errors;
        if (!token || !(await session.refresh(token))) return sink.error(errors);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE)); // not signed out: try again
      }
      if (!stopped) begin();
    }
    begin();
    return () => { stopped = true; stop(); };
  }
  return { follow, session };
}

// errorsOf returns the GraphQL errors of a refusal; one without a code when no
// answer came.
async function errorsOf(problem) {
  const body = await problem.response?.json().catch(() => null);
  return body?.errors ?? [{ message: String(problem) }];
}
