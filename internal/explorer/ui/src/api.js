import { fillIn } from './placeholders.js';

const ENDPOINT = '/graphql';

// What may end the session at hand without answering with an error.
const MAY_END = /\b(logout|revokeSession|changePassword|resetPassword)\b/;

// Answers after which the session is over for good.
const FINAL = ['TOKEN_REUSED', 'SESSION_REVOKED', 'SESSION_EXPIRED', 'USER_DISABLED'];

// Api sends operations, with the access token of the session at hand, and
// tells the session what came of them.
export class Api {
  constructor(session) {
    this.session = session;
  }

  // fetcher is what GraphiQL calls for each operation.
  fetcher = async (operation, { headers } = {}) => {
    if (operation.operationName === 'IntrospectionQuery') return this.#post(operation, {});
    const variables = fillIn(operation.variables ?? {}, this.session);
    return this.send({ ...operation, variables }, fillIn(headers ?? {}, this.session));
  };

  // send does one operation and learns from the answer.
  async send(operation, headers = {}) {
    const presented = this.#presented(operation, headers);
    const answer = await this.#post(operation, this.#authorized(headers));
    for (const payload of Object.values(answer?.data ?? {})) {
      if (typeof payload?.token === 'string') this.session.take(payload, presented);
    }
    this.#learn(answer?.errors ?? []);
    if (!answer?.errors && MAY_END.test(operation.query)) await this.#lookAfterSession();
    return answer;
  }

  // presented is the refresh token at work, whichever way it was sent. Only
  // the key matters, and that there was one.
  #presented({ query, variables }, headers) {
    if (!/\brefreshToken\s*\(/.test(query) && !/\brefreshToken\s*\{/.test(query)) return null;
    const header = Object.entries(headers).find(([name]) => name.toLowerCase() === 'idempotency-key');
    return { key: variables?.idempotencyKey ?? header?.[1] ?? null };
  }

  // authorized adds the access token, unless the headers of the tab have an
  // Authorization of their own; an empty one sends none.
  #authorized(headers) {
    const own = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization');
    if (own) {
      const { [own]: value, ...others } = headers;
      return value ? headers : others;
    }
    const access = this.session.state.pair?.access;
    return access ? { ...headers, Authorization: `Bearer ${access}` } : headers;
  }

  #learn(errors) {
    for (const { message, extensions } of errors) {
      const reason = extensions?.reason ?? extensions?.code ?? 'error';
      this.session.note('bad', reason, message);
      if (FINAL.includes(reason)) this.session.end(reason);
    }
  }

  // lookAfterSession asks whether the session at hand lives on.
  async #lookAfterSession() {
    if (!this.session.state.pair || this.session.state.ended) return;
    const answer = await this.#post({ query: '{ session { id } }' }, this.#authorized({}));
    const reason = answer?.errors?.[0]?.extensions?.reason;
    if (FINAL.includes(reason)) this.session.end(reason);
  }

  // post asks for application/json: errors then come with status 200, and the
  // browser's console does not report each refusal as a failed request.
  async #post({ query, variables, operationName }, headers) {
    const response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify({ query, variables, operationName }),
    });
    try {
      return await response.json();
    } catch {
      throw new Error(`The server answered ${response.status} ${response.statusText} without JSON.`);
    }
  }
}
