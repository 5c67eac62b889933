// node --import ./resolve.mjs clients.mjs SERVER runs every scenario with every
// client and prints a line of JSON for each. Then it says "ready", and wants to
// be told "down" and "up" when the database is.
import readline from 'node:readline';
import { adapters } from './adapters.mjs';
import { outage, scenarios } from './scenarios.mjs';

const server = process.argv[2];
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const stdin = readline.createInterface({ input: process.stdin });
const told = (word) => new Promise((resolve) => stdin.on('line', (line) => line === word && resolve()));

const run = async (client, scenario, work) => {
  try {
    await work();
    say({ client, scenario });
  } catch (error) {
    say({ client, scenario, problem: error.stack });
  }
};

const clients = Object.entries(adapters);
const each = (scenario, work) => Promise.all(clients.map(([client, adapter]) => run(client, scenario, () => work(adapter, client))));

await Promise.all(Object.entries(scenarios).map(([name, scenario]) => each(name, (adapter) => scenario(server, adapter))));

const outages = Object.fromEntries(clients.map(([client, adapter]) => [client, outage(server, adapter)]));
const [down, up] = [told('down'), told('up')];
await each('before an outage', (_, client) => outages[client].before());
say({ event: 'ready' });
await down;
await each('without a database nobody is signed out', (_, client) => outages[client].down());
say({ event: 'refused' });
await up;
await each('with the database again the session goes on', (_, client) => outages[client].up());
stdin.close();
