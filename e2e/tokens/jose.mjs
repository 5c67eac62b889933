// A service that knows the issuer and nothing else: it reads the metadata, then
// the keys, and checks tokens by them. It answers a line of JSON for each line,
// a token, that it is given.
import { createInterface } from 'node:readline';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const issuer = process.argv[2];
const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
const metadata = await response.json();
if (metadata.issuer !== issuer) throw new Error(`issuer ${metadata.issuer}`);
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 0, timeoutDuration: 180_000 });

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience: issuer, algorithms: ['ES256'], requiredClaims: ['sub', 'jti', 'exp'] });
    console.log(JSON.stringify({ sub: payload.sub }));
  } catch (error) {
    console.log(JSON.stringify({ problem: error.code ?? String(error) }));
  }
}
