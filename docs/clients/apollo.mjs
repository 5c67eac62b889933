// Apollo Client 4 with an error link and a retry link.
//
//   const { client, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   session.begin((await client.mutate({ mutation: LOGIN, variables })).data.login);
//   const { data } = await client.query({ query: gql`{ me { email } }` });
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { RetryLink } from '@apollo/client/link/retry';
import { from, switchMap, throwError } from 'rxjs';
import { createSession, exchangeAt, logoutAt, stale } from './session.mjs';

export function connect(api, { storage, onSignedOut, locks, reuseWindow }) {
  const session = createSession({ storage, onSignedOut, locks, reuseWindow, exchange: exchangeAt(api), logout: logoutAt(api) });

  const authorize = new SetContextLink(({ headers }) => {
    const token = session.token();
    return { token, headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) } };
  });

  // Runs once a call: what the repeated call answers goes to the caller as it is.
  const renew = new ErrorLink(({ error, operation, forward }) => {
    const { token } = operation.getContext(); // the one that this call carried
    const refused = CombinedGraphQLErrors.is(error) && stale(error.errors[0].extensions);
    if (!refused || !token) return undefined; // a wrong password has nothing to refresh
    return from(session.refresh(token)).pipe(
      switchMap((next) => (next ? forward(operation) : throwError(() => error))),
    );
  });

  // Lost connections, of queries alone: nobody knows whether a lost mutation was carried out.
  // refreshToken may be repeated, by its key, and the session does that itself.
  const retry = new RetryLink({
    attempts: { max: 3, retryIf: (error, { operationType }) => operationType === 'query' && !CombinedGraphQLErrors.is(error) },
  });

  const http = new HttpLink({ uri: `${api}/graphql` });
  const client = new ApolloClient({ link: ApolloLink.from([renew, authorize, retry, http]), cache: new InMemoryCache() });
  return { client, session };
}
