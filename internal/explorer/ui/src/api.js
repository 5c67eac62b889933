import { getOperationAST, parse } from 'graphql';
import { curlOf } from './copy.js';
import { fold } from './jwt.js';
import { fillIn } from './placeholders.js';
import { eventStream } from './stream.js';

const ENDPOINT = '/graphql';

// What may end the session at hand without answering with an error.
const MAY_END = /\b(logout|revokeSession|changePassword|resetPassword)\b/;

// Answers after which the session is over for good.
const FINAL = ['TOKEN_REUSED', 'SESSION_REVOKED', 'SESSION_EXPIRED', 'USER_DISABLED'];

// Api sends operations, with the access token of the session at hand, and
// reports their results to the session.
export class Api {
  constructor(session) {
    this.session = session;
  }

  // fetcher is what GraphiQL calls for each operation.
  fetcher = async ({ query, operationName, variables }, { headers } = {}) => {
    if (operationName === 'IntrospectionQuery') return this.#post({ query, operationName }, {});
    const operation = {
      query,
      variables: fillIn(variables ?? {}, this.session),
      // For a moment after a change of tabs, GraphiQL names the last tab's operation.
      operationName: query.includes(operationName) ? operationName : undefined,
    };
    const filled = fillIn(headers ?? {}, this.session);
    return isSubscription(operation) ? this.follow(operation, filled) : fold(await this.send(operation, filled));
  };

  // send does one operation and learns from the answer.
  async send(operation, headers = {}) {
    const presented = this.#presented(operation, headers);
    const answer = await this.#post(operation, this.#authorized(headers), true);
    if (answer?.data?.signUp) this.session.signedUp(operation.variables?.input);
    for (const payload of Object.values(answer?.data ?? {})) {
      const pair = payload?.tokens ?? payload; // of changePassword, or of the others
      if (typeof pair?.token === 'string') this.session.take(pair, presented);
    }
    const final = this.#learn(answer?.errors ?? []);
    if (final || MAY_END.test(operation.query)) await this.#lookAfterSession(final);
    return answer;
  }

  // follow starts a subscription and learns from what comes.
  async follow(operation, headers) {
    const controller = new AbortController();
    const response = await this.#request(operation, this.#authorized(headers), {
      accept: 'text/event-stream, application/json',
      signal: controller.signal,
    });
    if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return response.json();
    return eventStream(response, controller, (result) => this.#hear(result));
  }

  #hear({ data, errors }) {
    const final = this.#learn(errors ?? []);
    if (final) void this.#lookAfterSession(final);
    const { kind, reason, generation } = data?.sessionEvents ?? {};
    if (kind) this.session.note('info', `Event ${kind}`, reason ?? `Told by the server, generation ${generation}.`);
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

  // learn notes errors and returns the reason that may be the session's end.
  #learn(errors) {
    const reasons = errors.map(({ message, extensions }) => {
      const reason = extensions?.reason ?? extensions?.code ?? 'error';
      this.session.note('bad', reason, message);
      return reason;
    });
    return reasons.find((reason) => FINAL.includes(reason));
  }

  // lookAfterSession asks whether the session at hand lives on: an answer may
  // have been about another one.
  async #lookAfterSession(reported) {
    if (!this.session.state.pair || this.session.state.ended) return;
    const answer = await this.#post({ query: '{ session { id } }' }, this.#authorized({}));
    const reason = answer?.errors?.[0]?.extensions?.reason;
    if (FINAL.includes(reason)) this.session.end(reported ?? reason);
  }

  // post records the request for the panel if the user has sent it.
  async #post(operation, headers, record = false) {
    const begun = performance.now();
    const response = await this.#request(operation, headers, { accept: 'application/json' });
    const text = await response.text();
    if (record) {
      const bytes = new TextEncoder().encode(text).length;
      this.session.answered({ status: response.status, ms: Math.round(performance.now() - begun), bytes, curl: this.#curl(operation, headers) });
    }
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`The server answered ${response.status} ${response.statusText} without JSON.`);
    }
  }

  #curl({ query, variables, operationName }, headers) {
    const url = new URL(ENDPOINT, window.location.href).href;
    return curlOf(url, { 'Content-Type': 'application/json', ...headers }, JSON.stringify({ query, variables, operationName }));
  }

  // request is for application/json: errors then come with status 200, and the
  // browser's console does not report each refusal as a failed request.
  #request({ query, variables, operationName }, headers, { accept, signal }) {
    return fetch(ENDPOINT, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: accept, ...headers },
      body: JSON.stringify({ query, variables, operationName }),
      signal,
    });
  }
}

function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // the server says what is wrong with it
  }
}
