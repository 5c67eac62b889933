// urql with authExchange.
//
//   const { client, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   session.begin((await client.mutation(LOGIN, { input })).data.login);
//   const { data, error } = await client.query('{ me { email } }');
import { Client, fetchExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { REFRESH, Refused, createSession, logoutAt, stale } from './session.mjs';

export function connect(api, { storage, onSignedOut, locks, reuseWindow }) {
  let mutate;
  const session = createSession({
    storage,
    onSignedOut,
    locks,
    reuseWindow,
    logout: logoutAt(api),
    async exchange(token, key) {
      // The expired access token goes along with it, which does no harm.
      const { data, error } = await mutate(REFRESH, { token, key });
      if (error?.graphQLErrors.length) throw new Refused(error.graphQLErrors[0]);
      if (error) throw error.networkError;
      return data.refreshToken;
    },
  });

  const auth = authExchange(async (utils) => {
    mutate = utils.mutate;
    let failed = null; // the access token of the call that was refused
    return {
      addAuthToOperation(operation) {
        const token = session.token();
        return token ? utils.appendHeaders(operation, { Authorization: `Bearer ${token}` }) : operation;
      },
      didAuthError(error, operation) {
        if (!error.graphQLErrors.some((e) => stale(e.extensions))) return false;
        // Of ten calls with one token the last may fail after the refresh that the
        // first caused. The session must know which token failed, or it would refresh again.
        failed = operation.context.fetchOptions?.headers?.Authorization?.slice('Bearer '.length) ?? null;
        return failed !== null; // a wrong password has nothing to refresh
      },
      // What it throws becomes the error of the calls that wait.
      async refreshAuth() {
        await session.refresh(failed);
      },
    };
  });
  // No GET: a token in the variables does not belong in a URL.
  const client = new Client({ url: `${api}/graphql`, exchanges: [auth, fetchExchange], preferGetMethod: false });
  return { client, session };
}
