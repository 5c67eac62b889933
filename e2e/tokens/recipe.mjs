// Answers a line of JSON for each line it is given: a token, or by how many
// milliseconds the clock is to be set forward.
import { createInterface } from 'node:readline';
import { Invalid, Unavailable, verifier } from '../../docs/verify/verify.mjs';

const [api, key] = process.argv.slice(2);
let ahead = 0;
const { verify, ready } = verifier(api, key, { now: () => Date.now() + ahead });
await ready;

for await (const line of createInterface({ input: process.stdin })) {
  if (/^\d+$/.test(line)) ahead += Number(line);
  try {
    const { user } = await verify(line);
    console.log(JSON.stringify({ sub: user.id }));
  } catch (error) {
    const kind = error instanceof Invalid ? 'invalid' : error instanceof Unavailable ? 'unavailable' : String(error);
    console.log(JSON.stringify({ problem: kind }));
  }
}
process.exit(0);
