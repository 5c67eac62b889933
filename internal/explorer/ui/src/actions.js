import { newKey } from './random.js';

const PAIR = '{ token refreshToken expiresIn serverTime user { name } session { id generation } }';
const REFRESH = `mutation Refresh($refreshToken: String, $idempotencyKey: String) {
  refreshToken(refreshToken: $refreshToken, idempotencyKey: $idempotencyKey) ${PAIR}
}`;

// The buttons of the panel. Each is one request; what came of it stands in the
// session's events.

export function refresh(api) {
  return exchange(api, { token: api.session.state.pair.refresh, key: newKey() });
}

// retry repeats the last rotation as a client does that lost its answer.
export function retry(api) {
  return exchange(api, api.session.previous);
}

// replay presents the token that was replaced last, without its key: within
// the window it is taken for a race of two tabs, after it for a theft.
export function replay(api) {
  const { token, generation } = api.session.previous;
  api.session.note('info', 'Replaying', `The refresh token of generation ${generation ?? '?'}, which was used before.`);
  return exchange(api, { token });
}

export function logOut(api) {
  const query = 'mutation LogOut($refreshToken: String) { logout(refreshToken: $refreshToken) }';
  return attempt(api, { query, variables: { refreshToken: api.session.state.pair.refresh } });
}

function exchange(api, { token, key }) {
  return attempt(api, { query: REFRESH, variables: { refreshToken: token, idempotencyKey: key } });
}

async function attempt(api, operation) {
  try {
    await api.send(operation);
  } catch (error) {
    api.session.note('bad', 'No answer', error.message);
  }
}
