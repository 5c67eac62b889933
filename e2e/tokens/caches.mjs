// A service that checks access tokens by the published keys, with a library that
// caches them. It answers a line of JSON for each line, which is a token.
//
//   node caches.mjs LIBRARY ISSUER SECONDS
//
// SECONDS is how long the library keeps the keys.
import { createInterface } from 'node:readline';
import createGetJwks from 'get-jwks';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import jwksClient from 'jwks-rsa';

const [library, issuer, seconds] = process.argv.slice(2);
const url = `${issuer}/.well-known/jwks.json`;
const kept = Number(seconds) * 1000;
const kidOf = (token) => jsonwebtoken.decode(token, { complete: true }).header.kid;
const checked = (token, key) => jsonwebtoken.verify(token, key, { algorithms: ['ES256'], issuer, audience: issuer });

const libraries = {
  jose() {
    const keys = createRemoteJWKSet(new URL(url), { cacheMaxAge: kept });
    return async (token) => (await jwtVerify(token, keys, { issuer, audience: issuer, algorithms: ['ES256'] })).payload;
  },
  'jwks-rsa'() {
    const client = jwksClient({ jwksUri: url, cacheMaxAge: kept, rateLimit: true, jwksRequestsPerMinute: 60 });
    return async (token) => checked(token, (await client.getSigningKey(kidOf(token))).getPublicKey());
  },
  'get-jwks'() {
    const jwks = createGetJwks({ ttl: kept, jwksPath: '/.well-known/jwks.json', issuersWhitelist: [issuer] });
    return async (token) => checked(token, await jwks.getPublicKey({ kid: kidOf(token), domain: issuer, alg: 'ES256' }));
  },
};
const verify = libraries[library]();

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { sub } = await verify(token);
    console.log(JSON.stringify({ sub }));
  } catch (error) {
    console.log(JSON.stringify({ problem: error.code ?? String(error) }));
  }
}
process.exit(0);
