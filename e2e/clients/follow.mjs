// What the clients that subscribe go through.
import assert from 'node:assert/strict';
import { signedIn, STRICT, sleep } from './fixture.mjs';

const LIMIT = 90000;

// watched follows the events of the tab's session and keeps them.
function watched(tab) {
  const seen = { events: [], error: null, began: 0 };
  seen.stop = tab.follow({ query: 'subscription { sessionEvents { kind generation reason } }' }, {
    next({ data }) {
      seen.events.push(data.sessionEvents);
      // Access tokens live for seconds here: each stream begins by saying that its token ends within a minute.
      if (data.sessionEvents.kind === 'TOKEN_EXPIRING') seen.began++;
    },
    error: (problem) => { seen.error = problem; },
    complete: () => { seen.error = 'completed'; },
  });
  return seen;
}

async function until(what, done) {
  for (let waited = 0; !done(); waited += 20) {
    assert.ok(waited < LIMIT, `never: ${what}`);
    await sleep(20);
  }
}

const generationOf = (seen) => Math.max(...seen.events.map(({ generation }) => generation));

export const followScenarios = {
  async 'streams go on over the life of a token, by one refresh'(server, adapter) {
    const f = await signedIn(server, adapter);
    const streams = Array.from({ length: 10 }, () => watched(f.tab));
    await until('every stream began', () => streams.every(({ began }) => began >= 1));
    assert.equal(f.proxy.keys.length, 0);
    await until('every stream began again', () => streams.every(({ began }) => began >= 2));
    assert.equal(f.proxy.keys.length, 1);
    assert.deepEqual(streams.map(generationOf), Array(10).fill(2));
    streams.forEach((seen) => { seen.stop(); assert.equal(seen.error, null); });
    assert.deepEqual(f.reasons, []);
  },

  async 'a lost answer to the refresh, and the stream goes on'(server, adapter) {
    const f = await signedIn(server, adapter);
    f.proxy.lost = 1;
    const seen = watched(f.tab);
    await until('the stream began again', () => seen.began >= 2);
    assert.equal(f.proxy.keys[0], f.proxy.keys[1]);
    assert.equal(generationOf(seen), 2);
    seen.stop();
    assert.deepEqual(f.reasons, []);
  },

  async 'a replay ends the stream and signs out once'(_, adapter) {
    const f = await signedIn(STRICT, adapter);
    const old = f.storage.pair().refreshToken;
    const seen = watched(f.tab);
    await until('the stream began', () => seen.began >= 1);
    const { data } = await f.rotate(old);
    await f.rotate(data.refreshToken.refreshToken);
    await f.rotate(old);
    await until('the stream ended', () => seen.error !== null);
    assert.deepEqual(seen.events.filter(({ kind }) => kind === 'REVOKED').map(({ reason }) => reason), ['reuse']);
    assert.deepEqual(f.reasons, ['SESSION_REVOKED']);
  },

  async 'two tabs follow by one rotation'(server, adapter) {
    const f = await signedIn(server, adapter);
    const streams = [watched(f.tab), watched(f.open())];
    await until('both began again', () => streams.every(({ began }) => began >= 2));
    assert.equal(new Set(f.proxy.keys).size, 1);
    streams.forEach(({ stop }) => stop());
    assert.deepEqual(streams.map(generationOf), [2, 2]);
    assert.deepEqual(f.reasons, []);
  },
};

// followThrough returns what to do before the database is stopped, while it is,
// and after.
export function followThrough(server, adapter) {
  let f;
  let streams;
  let before;
  const nobodyIsSignedOut = () => assert.deepEqual([f.reasons, streams.map(({ error }) => error)], [[], streams.map(() => null)]);
  return {
    async before() {
      f = await signedIn(server, adapter);
      streams = [watched(f.tab)];
      await until('the stream began', () => streams[0].began >= 1);
      await f.tab.session.refresh(f.tab.session.token());
    },
    async down() {
      streams.push(watched(f.tab), watched(f.open())); // with a token that is good, for which there is no answer
      const { requests } = f.proxy;
      await until('it was tried again', () => f.proxy.requests > requests + 2);
      nobodyIsSignedOut();
      assert.notEqual(f.tab.session.token(), null);
      before = streams.map(({ began }) => began);
    },
    async up() {
      await until('the streams go on', () => streams.every(({ began }, i) => began > before[i]));
      streams.forEach(({ stop }) => stop());
      nobodyIsSignedOut();
    },
  };
}
