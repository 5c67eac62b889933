import { decode, sessionOf } from './jwt.js';

const EVENTS = 30; // how many the panel remembers

const NOTHING = {
  pair: null, // {access, refresh, claims, expiresAt}: expiresAt by this machine's clock, in milliseconds
  sessionId: null,
  generation: null,
  used: [], // refresh tokens that were exchanged, the oldest first: {token, key, generation}
  ended: null, // why the session is over
  last: null, // the last response: {status, ms, bytes, curl}
  events: [],
};

// Session is what the page knows of the session at hand. It lives in memory
// and ends with the page: nothing of it is ever stored.
export class Session {
  #state = NOTHING;
  #listeners = new Set();
  #eventId = 0;

  // email is the address of the last sign-up, which outlives the page; keepEmail
  // stores another one.
  constructor(email, keepEmail, now = Date.now) {
    this.account = { email, password: null };
    this.keepEmail = keepEmail;
    this.now = now;
  }

  get state() {
    return this.#state;
  }

  // subscribe and snapshot are what React's useSyncExternalStore takes.
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = () => this.#state;

  // take keeps a pair that the server answered. presented is the refresh token
  // and the key that it was got with, if any.
  take(payload, presented) {
    const { pair, generation, sessionId } = this.#state;
    const access = payload.token;
    if (pair?.access === access) {
      this.note('good', 'The same pair again', 'The retry key matched: nothing was rotated, nobody is signed out.');
      return;
    }
    const claims = decode(access);
    const same = sessionId !== null && sessionOf(access) === sessionId;
    const next = payload.session?.generation ?? (same && generation ? generation + 1 : presented ? null : 1);
    this.#set({
      pair: { access, refresh: payload.refreshToken ?? null, claims, expiresAt: this.#expiry(payload, claims) },
      sessionId: sessionOf(access),
      generation: next,
      used: same ? this.#replaced(presented?.key ?? null) : [],
      ended: null,
    });
    if (same) this.note('good', `Rotated: generation ${generation ?? '?'} → ${next ?? '?'}`, 'The refresh token that was presented is blacklisted.');
    else if (presented) this.note('good', 'Refreshed', `A session that this page did not know, generation ${next ?? '?'}.`);
    else this.note('good', 'Signed in', `A session of its own, generation ${next ?? '?'}.`);
  }

  // signedUp keeps the account of a sign-up: its address beyond this page, its
  // password only in memory.
  signedUp({ email, password } = {}) {
    if (typeof email !== 'string') return;
    this.account = { email, password };
    this.keepEmail(email);
  }

  answered(last) {
    this.#set({ last });
  }

  // end marks the session as over. The pair stays, so that one can see it
  // being refused.
  end(reason) {
    if (!this.#state.pair || this.#state.ended) return;
    this.#set({ ended: reason });
    this.note('bad', 'The session has ended', `${reason}: every token of it is refused from now on.`);
  }

  forget() {
    this.#set({ ...NOTHING, events: this.#state.events, last: this.#state.last });
    this.note('info', 'Forgotten', 'This page holds no tokens any more.');
  }

  note(kind, title, detail) {
    const event = { id: ++this.#eventId, at: this.now(), kind, title, detail };
    this.#set({ events: [event, ...this.#state.events].slice(0, EVENTS) });
  }

  // previous is the refresh token that the current one replaced.
  get previous() {
    return this.#state.used.at(-1) ?? null;
  }

  get oldest() {
    return this.#state.used[0] ?? null;
  }

  // replaced adds the refresh token at hand to the used ones; one that a cookie
  // holds is not known here.
  #replaced(key) {
    const { pair, generation, used } = this.#state;
    return pair.refresh ? [...used, { token: pair.refresh, key, generation }] : used;
  }

  // expiry prefers what the server counts: this machine's clock may be wrong.
  #expiry({ expiresIn, serverTime }, claims) {
    const left = expiresIn ?? (claims?.exp ?? 0) - (serverTime ?? this.now() / 1000);
    return this.now() + left * 1000;
  }

  #set(change) {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
