// graphql-request. It has no hook that repeats a call, so request does.
//
//   const { request, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   session.begin((await request(LOGIN, { input })).login);
//   const { me } = await request('{ me { email } }');
import { ClientError, GraphQLClient } from 'graphql-request';
import { createSession, exchangeAt, logoutAt, stale } from './session.mjs';

export function connect(api, { storage, onSignedOut, locks, reuseWindow }) {
  const client = new GraphQLClient(`${api}/graphql`);
  const session = createSession({ storage, onSignedOut, locks, reuseWindow, exchange: exchangeAt(api), logout: logoutAt(api) });

  const send = (document, variables, token) =>
    client.request(document, variables, token ? { Authorization: `Bearer ${token}` } : {});

  async function request(document, variables) {
    const token = session.token();
    try {
      return await send(document, variables, token);
    } catch (error) {
      const refused = error instanceof ClientError && stale(error.response.errors?.[0].extensions);
      if (!refused || !token) throw error; // a wrong password has nothing to refresh
      const next = await session.refresh(token);
      if (!next) throw error;
      return send(document, variables, next);
    }
  }
  return { request, session };
}
