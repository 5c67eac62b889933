// A service that knows the issuer and has an API key: it asks about tokens and
// ends them with openid-client, as the metadata says, and prints what it learns
// as one line of JSON.
//
//   node oauth.mjs ISSUER KEY ACCESS_TOKEN REFRESH_TOKEN
import * as client from 'openid-client';

const [issuer, key, access, refresh] = process.argv.slice(2);
const as = (secret) => client.discovery(new URL(issuer), key.slice(3, 11), undefined, client.ClientSecretBasic(secret), {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests], // loopback
});
const service = await as(key);
const ask = (token) => client.tokenIntrospection(service, token);
const problemOf = (promise) => promise.then(() => null, ({ status, error, code }) => ({ status, error: error ?? code }));

const learned = {
  access: await ask(access),
  refresh: await ask(refresh),
  forged: await ask(`${access.slice(0, -8)}AAAAAAAA`),
  stranger: await problemOf(client.tokenIntrospection(await as(`${key.slice(0, -4)}AAAA`), access)),
};
await client.tokenRevocation(service, access, { token_type_hint: 'access_token' });
learned.accessRevoked = await ask(access);
learned.refreshThen = await ask(refresh);
await client.tokenRevocation(service, refresh);
learned.refreshRevoked = await ask(refresh);
learned.again = await problemOf(client.tokenRevocation(service, refresh));
console.log(JSON.stringify(learned));
