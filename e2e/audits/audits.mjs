// Usage: node audits.mjs URL
//
// Runs every audit of graphql-http against the GraphQL endpoint at URL and
// prints {"total": N, "failed": [{"id", "name", "status", "reason"}]}.
// "status" is error for a MUST, warn for a SHOULD and notice for a MAY.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
const failed = results
  .filter((result) => result.status !== 'ok')
  .map(({ id, name, status, reason }) => ({ id, name, status, reason }));
console.log(JSON.stringify({ total: results.length, failed }));
