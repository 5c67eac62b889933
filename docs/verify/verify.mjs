// Checks access tokens in node: their signature with jose, by the published
// keys, and the blacklist, which it follows. No request to rekey for a token.
//
//   const { verify, ready } = verifier('https://auth.example.com', 'rk_...'); // a key of the scope blacklist:read
//   await ready;
//   const claims = await verify(token); // throws Invalid: 401, or Unavailable: 503
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';

export class Invalid extends Error {}
export class Unavailable extends Error {}

const LEEWAY = 30_000; // how far clocks may be apart; all times in milliseconds
const SILENCE = 35_000; // two heartbeats of 15 s, missed
const PAUSE = 1_000;
const DOCUMENT = `subscription($since: DateTime) {
  blacklistEvents(since: $since) { kind sessionId secretHash issuedBefore use at effectiveAt expiresAt }
}`;
// Any other trouble of jose's is with the keys, not with the token.
const BAD = ['JWT_EXPIRED', 'JWT_INVALID', 'JWT_CLAIM_VALIDATION_FAILED', 'JWS_INVALID', 'JWS_SIGNATURE_VERIFICATION_FAILED',
  'JOSE_ALG_NOT_ALLOWED', 'JOSE_NOT_SUPPORTED', 'JWKS_NO_MATCHING_KEY', 'JWKS_MULTIPLE_MATCHING_KEYS'].map((code) => `ERR_${code}`);

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/; // as rekey writes it
const UNNAMED = ['ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'ERR_JWKS_NO_MATCHING_KEY'];
const several = (error) => { // jose's error yields the keys
  if (error.code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return error;
  throw error;
};

// accessTTL is rekey's ACCESS_TTL, or more; maxStale is how long tokens are
// taken without news of rekey. Keys are kept for 10 minutes (jose's cacheMaxAge).
export function verifier(api, apiKey, { issuer, audience, accessTTL = 900_000, maxStale = 60_000, now = Date.now } = {}) {
  const keys = createRemoteJWKSet(new URL(`${api}/.well-known/jwks.json`));
  const rules = new Map(); // by session
  let heard = -Infinity; // when all was known
  let told; // up to when, in rekey's words
  let isReady;
  const ready = new Promise((resolve) => { isReady = resolve; });

  // A legacy service named no key, or one by a name of its own: then by any that is published.
  async function signed(token, options) {
    try {
      return await jwtVerify(token, keys, options);
    } catch (error) {
      if (!UNNAMED.includes(error.code)) throw error;
      for await (const key of await keys({ alg: 'ES256' }).then((only) => [only], several)) {
        try {
          return await jwtVerify(token, key, options);
        } catch (wrong) {
          if (wrong.code !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') throw wrong;
        }
      }
      throw error;
    }
  }

  async function verify(token) {
    const { payload } = await signed(token, {
      issuer, audience, algorithms: ['ES256'], requiredClaims: ['exp', 'iat', 'user'],
      clockTolerance: LEEWAY / 1000, currentDate: new Date(now()),
    }).catch((error) => { throw BAD.includes(error.code) ? new Invalid(error.code) : new Unavailable(error.message); });
    const { id, token: secret } = payload.user.auth ?? {};
    const end = Math.min(payload.exp * 1000, payload.iat * 1000 + accessTTL); // without leeway
    if (now() >= end) throw new Invalid('expired');
    if (!ID.test(id) || payload.sub && payload.sub !== payload.user.id) throw new Invalid('another user or session');
    const hash = createHash('sha256').update(secret).digest('hex');
    const refused = (r) => now() >= r.from
      && (!r.hash && !r.before || r.hash === hash || payload.iat * 1000 < r.before);
    if (rules.get(id)?.some(refused)) throw new Invalid('blacklisted');
    if (now() >= heard + maxStale) throw new Unavailable('nothing was heard of the blacklist for too long');
    return payload;
  }

  function hear({ data, errors }) {
    if (errors) throw new Error(errors[0].message);
    const e = data.blacklistEvents;
    if (e.kind === 'HEARTBEAT') {
      heard = now();
      told = e.at;
      for (const [id, list] of rules) {
        const kept = list.filter((r) => r.expires > now() - LEEWAY);
        kept.length ? rules.set(id, kept) : rules.delete(id);
      }
      isReady();
    } else if (e.use !== 'REFRESH') {
      const [at, effective] = [Date.parse(e.at), Date.parse(e.effectiveAt)];
      const rule = {
        hash: e.secretHash, before: e.issuedBefore && Date.parse(e.issuedBefore), expires: Date.parse(e.expiresAt),
        from: Math.min(effective, now() + effective - at), // this clock may be behind
      };
      rules.set(e.sessionId, [...(rules.get(e.sessionId) ?? []), rule]);
    }
  }

  async function stream() {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    try {
      const response = await fetch(`${api}/graphql`, {
        method: 'POST', signal: silence.signal,
        headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'X-API-Key': apiKey },
        body: JSON.stringify({ query: DOCUMENT, variables: { since: told ?? new Date(now() - accessTTL - LEEWAY).toISOString() } }),
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      let text = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const events = (text + chunk).split('\n\n');
        text = events.pop();
        for (const event of events) {
          const line = event.split('\n').find((l) => l.startsWith('data: {'));
          if (!line) continue; // a comment, or the end
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), SILENCE);
          hear(JSON.parse(line.slice('data: '.length)));
        }
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  (async () => {
    for (;;) {
      await stream().catch((error) => console.error('following the blacklist failed:', error.message));
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
  })();
  return { verify, ready };
}
