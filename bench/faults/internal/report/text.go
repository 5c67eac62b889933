package report

// header is the text of the page. Names in braces are replaced by values.
const header = `# Reliability: what happens when each part dies

Written by ` + "`{{COMMAND}}`" + `; do not edit. {{MACHINE}}. {{DATE}}, commit {{COMMIT}}, {{TOOK}} in all.

Three replicas of the real binary (built with ` + "`-tags faults`" + `, which adds failpoints and an offset of the clock) run on a Postgres
with a synchronous standby and on Redis, with a proxy on each way from a replica to either. Clients keep session chains through
both transports; four in five send an ` + "`Idempotency-Key`" + ` and repeat a request until its answer is known, some log out, and access tokens,
current ones, rotated-away ones and logged-out ones, in both spellings of their signatures, are checked at random replicas all
the time. Everything runs on one machine: the figures are about what is lost, not about speed.

Each history is checked per session for linearizability (porcupine; a session is a generation, a key and whether it has ended)
and directly against what must never happen. A fault counts only if the history shows that it struck.

What must never happen, and what looks for it here:

| | looked for in |
|---|---|
| 1. two successors for one token | the answers: forks and second winners |
| 2. an acknowledged rotation lost; a failed refresh that consumes something | the database at the end; clients that were refused with the token that they had to hold |
| 3. an ended session that yields a token | the answers after a logout was acknowledged |
| 4. a blacklisted token that authenticates | access checks of rotated-away, blacklisted and logged-out tokens |
| 5. trouble told as 401 | refusals of tokens that were good |
| 6. a secret told, or kept in clear | every answer; and at the end of each stage the logs of all servers, the replicas' metrics, all rows of all tables, all keys of Redis with their values |
| 7. an answer that tells whether an address has an account | **not here**, no fault has to do with it: ` + "`TestService_LoginFailed`" + ` (the core does the same, step by step), ` + "`TestResolver_LoginRefused`" + ` (the same answer) |

## Figures

{{TOTALS}}
A client without an ` + "`Idempotency-Key`" + ` that loses an answer holds a used token: that is what the key is for. One that is told 503
may come again to the same replica; another one does not know that the answer was lost on the way from the database
([rotation](rotation.md)). Neither can happen to a client that sends keys.

## Faults

{{FAULTS}}
Recovery is from the moment at which the healing begins (a process is started again, a standby promoted, a connection let
through) to the first refresh that succeeds, through the replica concerned where it is one; starting and crash recovery count
in. Two replicas behind a balancer, which goes by ` + "`/readyz`" + `, are also restarted one after the other by SIGTERM
(` + "`SHUTDOWN_DELAY`" + `): not one request may fail for that. Through a proxy a cluster would tell clients its own addresses, so
the cluster's faults are those of its nodes.

{{SKIPPED}}
## The bench can fail

Builds that are bad on purpose, and databases that lose what they acknowledged, played in scenarios of their own:

{{CONTROLS}}
## Findings

{{FINDINGS}}`
