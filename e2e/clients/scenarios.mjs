// What every client goes through: each scenario has a user of its own.
import assert from 'node:assert/strict';
import { locksLike, signedIn, sleep, STRICT } from './fixture.mjs';
import { outrun } from './pace.mjs';

const distinct = (list) => new Set(list).size;
const rejection = (promise) => promise.then(() => assert.fail('it was answered'), (error) => error);

export const scenarios = {
  async 'an expired token is refreshed once and the call repeated'(server, adapter) {
    const f = await signedIn(server, adapter);
    assert.equal(await f.call(), 1);
    assert.equal(f.proxy.keys.length, 0);
    await f.expired();
    assert.equal(await f.call(), 2);
    assert.equal(f.proxy.keys.length, 1);
  },

  async 'ten calls at once rotate once'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    const generations = await Promise.all(Array.from({ length: 10 }, () => f.call()));
    assert.deepEqual(generations, Array(10).fill(2));
    assert.equal(f.proxy.keys.length, 1);
  },

  async 'a call that is refused after the refresh causes no other'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    let release;
    f.proxy.late = new Promise((resolve) => { release = resolve; });
    const late = f.call();
    while (f.proxy.late) await sleep(10);
    const first = f.call();
    while (f.storage.pair().count === 0) await sleep(10);
    release();
    assert.deepEqual(await Promise.all([first, late]), [2, 2]);
    assert.equal(f.proxy.keys.length, 1);
  },

  async 'a lost answer is asked for again with the same key'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    f.proxy.lost = 1;
    assert.equal(await f.call(), 2);
    assert.equal(f.proxy.keys.length, 2);
    assert.equal(distinct(f.proxy.keys), 1);
    assert.ok(f.proxy.keys[0].length >= 16);
    assert.deepEqual(f.reasons, []);
  },

  async 'a repeated pair that has run out is refreshed at once'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    f.proxy.lost = Infinity;
    assert.notEqual((await rejection(f.call())).code, 'UNAUTHENTICATED');
    await sleep(f.life); // the pair that got lost has run out too
    f.proxy.lost = 0;
    const seen = f.proxy.keys.length;
    assert.equal(await f.call(f.open()), 3, 'the page was loaded again meanwhile');
    assert.equal(f.proxy.keys[seen], f.proxy.keys[0]);
    assert.equal(f.proxy.keys.length, seen + 2);
    assert.equal(distinct(f.proxy.keys), 2);
    assert.deepEqual(f.reasons, []);
  },

  async 'a replay of an old token signs out once'(_, adapter) {
    const f = await signedIn(STRICT, adapter);
    const old = f.storage.pair().refreshToken;
    await f.expired();
    await f.call();
    await f.expired();
    assert.equal(await f.call(), 3);
    const { errors } = await f.rotate(old);
    assert.equal(errors[0].extensions.reason, 'TOKEN_REUSED');
    const refused = await Promise.all(Array.from({ length: 10 }, () => rejection(f.call())));
    refused.forEach(({ code }) => assert.equal(code, 'UNAUTHENTICATED'));
    assert.deepEqual(f.reasons, [adapter.legacy ? 'token is blacklisted' : 'SESSION_REVOKED']);
    assert.equal(f.tab.session.token(), null);
  },

  async 'a stolen token that was used signs out once'(_, adapter) {
    const f = await signedIn(STRICT, adapter);
    const { data } = await f.rotate(f.storage.pair().refreshToken);
    await f.rotate(data.refreshToken.refreshToken);
    await f.expired();
    assert.equal((await rejection(f.call())).code, 'UNAUTHENTICATED');
    assert.deepEqual(f.reasons, [adapter.legacy ? 'token is blacklisted' : 'TOKEN_REUSED']);
  },

  async 'a used token whose successor no tab has ends the session'(server, adapter) {
    const f = await signedIn(server, adapter);
    const { data } = await f.rotate(f.storage.pair().refreshToken); // a thief was faster
    await f.expired();
    assert.equal((await rejection(f.call())).code, 'UNAUTHENTICATED');
    assert.deepEqual(f.reasons, [adapter.legacy ? 'token is blacklisted' : 'TOKEN_BLACKLISTED']);
    assert.equal(f.tab.session.token(), null);
    const { errors } = await f.rotate(data.refreshToken.refreshToken);
    assert.equal(errors[0].extensions.reason, 'SESSION_REVOKED');
  },

  async 'a used token is kept until its session has ended'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.rotate(f.storage.pair().refreshToken);
    await f.expired();
    f.proxy.broken = true; // every request other than a refresh
    const { token } = f.storage.pair();
    await rejection(f.tab.session.refresh(token));
    assert.deepEqual(f.reasons, []);
    assert.equal(f.tab.session.token(), token);
    f.proxy.broken = false;
    assert.equal(await f.tab.session.refresh(token), null);
    assert.equal(f.reasons.length, 1);
  },

  async 'a refresh that is never answered is sent again with the same key'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    f.proxy.hold = () => (f.proxy.keys.length === 1 ? new Promise(() => {}) : undefined);
    assert.equal(await f.call(), 2);
    assert.equal(f.proxy.keys.length, 2);
    assert.equal(distinct(f.proxy.keys), 1);
    assert.deepEqual(f.reasons, []);
  },

  async 'two tabs with web locks'(server, adapter) {
    const f = await signedIn(server, adapter, { locks: locksLike() });
    const other = f.open();
    await f.expired();
    assert.deepEqual(await Promise.all([f.call(), f.call(other)]), [2, 2]);
    assert.equal(f.proxy.keys.length, 1);
    assert.deepEqual(f.reasons, []);
  },

  async 'two tabs without web locks'(server, adapter) {
    const f = await signedIn(server, adapter);
    const other = f.open();
    await f.expired();
    assert.deepEqual(await Promise.all([f.call(), f.call(other)]), [2, 2]);
    assert.equal(distinct(f.proxy.keys), 1, 'they share the key');
    assert.deepEqual(f.reasons, []);
  },

  async 'a tab that gets TOKEN_BLACKLISTED takes the pair of the other'(server, adapter) {
    const f = await signedIn(server, adapter);
    await f.expired();
    f.proxy.hold = async () => {
      const { data } = await f.rotate(f.storage.pair().refreshToken); // as a tab that shares no key
      f.tab.session.begin(data.refreshToken);
    };
    assert.equal(await f.call(), 2);
    assert.equal(f.proxy.keys.length, 1);
    assert.deepEqual(f.reasons, []);
  },
};

// outage returns what to do before the database is stopped, while it is, and after.
export function outage(server, adapter) {
  let f;
  return {
    async before() {
      f = await signedIn(server, adapter);
      await f.expired();
    },
    async down() {
      assert.equal((await rejection(f.call())).code, 'UNAVAILABLE'); // whether the token has run out cannot be judged
      assert.equal((await rejection(f.tab.session.refresh(f.tab.session.token()))).code, 'UNAVAILABLE');
      assert.ok(f.proxy.keys.length > 1, 'it was tried again');
      assert.deepEqual(f.reasons, []);
      assert.notEqual(f.tab.session.token(), null);
    },
    async up(begun) {
      const rotations = await f.call() - 1;
      assert.deepEqual(f.reasons, []);
      assert.equal(distinct(f.proxy.keys), rotations);
      if (!(await outrun(begun))) assert.equal(rotations, 1);
    },
  };
}
