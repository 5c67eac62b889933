// A subscription with the defaults of @graphql-tools/executor-http, which gateways
// use: a GET that accepts events. Prints the methods, and the event of a refresh.
import { buildHTTPExecutor } from '@graphql-tools/executor-http';
import { parse } from 'graphql';

const [base, access, refresh] = process.argv.slice(2);
const sent = [];
const executor = buildHTTPExecutor({
  endpoint: `${base}/graphql`,
  headers: { authorization: `Bearer ${access}` },
  fetch(url, init) {
    sent.push({ method: init.method, secret: url.includes(access) || url.includes(refresh) });
    return fetch(url, init);
  },
});
const events = await executor({ document: parse('subscription { sessionEvents { kind } }') });
const first = events[Symbol.asyncIterator]().next();
// The refresh is repeated by the test until the event arrives, because a stream
// does not say when it is connected.
console.log(JSON.stringify({ ready: true }));
const { value } = await first;
console.log(JSON.stringify({ sent, event: value }));
process.exit(0);
