// A service that checks access tokens as RFC 9068 requires, with two libraries that
// know only the issuer. It answers a line of JSON for each line, which is a token.
//
//   node strict.mjs LIBRARY ISSUER
import { createInterface } from 'node:readline';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import * as oauth from 'oauth4webapi';

const [library, issuer] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true }; // loopback

const libraries = {
  async 'express-oauth2-jwt-bearer'() {
    const app = express();
    app.use(auth({ issuerBaseURL: issuer, audience: issuer, strict: true }));
    app.get('/', (request, response) => { response.json({ sub: request.auth.payload.sub }); });
    app.use((error, request, response, next) => { response.status(error.status ?? 500).json({ problem: error.message }); });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => { server.once('listening', resolve); });
    const url = `http://127.0.0.1:${server.address().port}/`;
    return async (token) => (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).json();
  },
  async oauth4webapi() {
    const url = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, insecure));
    return async (token) => {
      const request = new Request('http://api.example/', { headers: { Authorization: `Bearer ${token}` } });
      const { sub } = await oauth.validateJwtAccessToken(as, request, issuer, insecure);
      return { sub };
    };
  },
};
const verify = await libraries[library]();

for await (const token of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await verify(token).catch((error) => ({ problem: error.code ?? String(error) }))));
}
process.exit(0);
