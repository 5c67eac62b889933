// node --import ./resolve.mjs clients.mjs SERVER PATIENT STRICT runs every scenario with
// every client and prints a line of JSON for each. Then it says "ready", and wants
// to be told "down" and "up" when the database is. At PATIENT access tokens live
// longer: there a scenario that the machine did not keep up with is run again.
// At STRICT every token that was replaced is reuse.
import readline from 'node:readline';
import { adapters, followers } from './adapters.mjs';
import { followScenarios, followThrough } from './follow.mjs';
import { now, outrun } from './pace.mjs';
import { outage, scenarios } from './scenarios.mjs';

const [server, patient] = process.argv.slice(2);
const TRIES = 3;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const stdin = readline.createInterface({ input: process.stdin });
const told = (word) => new Promise((resolve) => stdin.on('line', (line) => line === word && resolve()));

const run = async (client, scenario, work) => {
  const begun = now();
  try {
    await work(begun);
    say({ client, scenario });
  } catch (error) {
    say({ client, scenario, problem: error.stack });
  }
};

// again runs a scenario anew while the machine is too slow for it.
const again = (scenario, adapter) => async (begun) => {
  for (let tries = 1; ; tries++, begun = now()) {
    try {
      return await scenario(tries === 1 ? server : patient, adapter);
    } catch (error) {
      if (tries === TRIES || !(await outrun(begun))) throw error;
      console.error(`the machine stalled, once more: ${error.stack}`);
    }
  }
};

const all = (table, scenario, work) =>
  Promise.all(Object.entries(table).map(([client, adapter]) => run(client, scenario, work(adapter, client))));
const each = (table, list) =>
  Object.entries(list).map(([name, scenario]) => all(table, name, (adapter) => again(scenario, adapter)));

await Promise.all([...each(adapters, scenarios), ...each(followers, followScenarios)]);

const outages = {};
for (const [client, adapter] of Object.entries(adapters)) outages[client] = outage(server, adapter);
for (const [client, adapter] of Object.entries(followers)) outages[client] = followThrough(server, adapter);
const everyone = { ...adapters, ...followers };
const [down, up] = [told('down'), told('up')];
await all(everyone, 'before an outage', (_, client) => outages[client].before);
say({ event: 'ready' });
await down;
await all(everyone, 'without a database nobody is signed out', (_, client) => outages[client].down);
say({ event: 'refused' });
await up;
await all(everyone, 'with the database again the session goes on', (_, client) => outages[client].up);
process.exit(); // whatever a scenario that failed has left open
