// axios with axios-auth-refresh, on the legacy route GET /auth/refresh.
//
//   const { client, session } = connect('https://auth.example.com', { storage, onSignedOut });
//   session.begin(pair);
//   const { data } = await client.post('/graphql', { query: '{ me { email } }' });
import axios from 'axios';
import { createAuthRefresh } from 'axios-auth-refresh';
import { Refused, createSession, logoutAt } from './session.mjs';

// The route reports errors by status and message only. A 500 signs the user out
// only with one of these two messages.
const FINAL = ['token is blacklisted', 'auth token not found'];

async function exchange(api, refreshToken, key, signal) {
  const { status, data } = await axios.get(`${api}/auth/refresh`, {
    headers: { Authorization: `Bearer ${refreshToken}`, 'Idempotency-Key': key },
    validateStatus: () => true,
    signal,
  });
  if (status !== 201) {
    const final = status === 401 || (status === 500 && FINAL.includes(data.message));
    const code = { 400: 'BAD_USER_INPUT', 429: 'RATE_LIMITED', 503: 'UNAVAILABLE' }[status] ?? 'INTERNAL';
    const extensions = final ? { code: 'UNAUTHENTICATED', reason: data.message } : { code };
    throw new Refused({ message: data.message, extensions });
  }
  const { token, refresh_token, token_expiration } = data.payload;
  return { token, refreshToken: refresh_token, expiresIn: token_expiration - Date.now() / 1000 };
}

export function connect(api, { storage, onSignedOut, locks, reuseWindow }) {
  const session = createSession({
    storage,
    onSignedOut,
    locks,
    reuseWindow,
    exchange: (token, key, signal) => exchange(api, token, key, signal),
    logout: logoutAt(api),
  });

  // With application/json alone GraphQL answers 200 even to an expired token, and the plugin waits for 401.
  const client = axios.create({ baseURL: api, headers: { Accept: 'application/graphql-response+json, application/json' } });
  client.interceptors.request.use((config) => {
    const token = session.token();
    if (token) config.headers.set('Authorization', `Bearer ${token}`);
    return config;
  });
  const refresh = async (failed) => {
    const used = failed.config.headers.get('Authorization')?.slice('Bearer '.length);
    // On STEP_UP_REQUIRED the session is valid: send reauthenticate, then the call again.
    if (failed.response?.data?.errors?.[0].extensions?.reason === 'STEP_UP_REQUIRED') throw failed;
    if (!used || !(await session.refresh(used))) throw failed;
    // The interceptor above puts the new token into the repeated call.
  };
  // The plugin's own way to refresh once rejects calls that are refused while a
  // refresh is under way. The session refreshes once by itself.
  createAuthRefresh(client, refresh, { deduplicateRefresh: false });
  return { client, session };
}
