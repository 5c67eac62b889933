package report

// header is the text of the page. Names in braces are replaced by values.
const header = `# Reliability: what happens when each part dies

Written by ` + "`{{COMMAND}}`" + `; do not edit. {{MACHINE}}. {{DATE}}, commit {{COMMIT}}, {{TOOK}} in all.

Three replicas of the real binary (built with ` + "`-tags faults`" + `, which adds failpoints and an offset of the clock) run on a Postgres
with a synchronous standby and on Redis. A proxy is on each connection from a replica to either. Clients keep session chains through
both transports. Four in five send an ` + "`Idempotency-Key`" + ` and repeat a request until its answer is known. Some log out. Others forget
their passwords: the replicas mail links through the outbox to a webhook, and two requests at the same time use one link with different passwords, while the account refreshes
and logs in. Checkers present access tokens (current, replaced and logged-out ones, in both spellings of their signatures) to random replicas all
the time. Everything runs on one machine: the figures show what is lost, not how fast it is.

Each history is checked per session for linearizability (porcupine; a session is a generation, a key and whether it has ended)
and directly against what must never happen. A fault counts only if the history shows that it struck.

What must never happen, and where the bench looks for it:

| must never happen | looked for in |
|---|---|
| 1. two successors for one token | the answers: forks and second winners |
| 2. an acknowledged rotation is lost; a failed refresh consumes something | the database at the end; clients whose only token was refused |
| 3. a revoked session yields a token | the answers after a logout or a reset was acknowledged |
| 4. a blacklisted token authenticates | access checks of replaced, blacklisted and logged-out tokens |
| 5. a failure of the database is reported as 401 | refusals of valid tokens |
| 6. a secret is sent, logged, or stored in clear | every answer; and at the end of each stage the logs of all servers, the replicas' metrics, all rows of all tables, all keys of Redis with their values |
| 7. an answer reveals whether an address has an account | **not here**, because no fault affects it: ` + "`TestService_LoginFailed`" + ` (the core does the same, step by step), ` + "`TestResolver_LoginRefused`" + ` (the same answer) |

A mailed link sets one password: the bench sees the answers to all its uses, and then tries every password. The one that was acknowledged must be accepted and no other, no link may be
refused that has set no password, and every mail whose request was acknowledged must arrive.

## Figures

{{TOTALS}}
A client without an ` + "`Idempotency-Key`" + ` that loses an answer holds a used token: the key exists for this case. If such a client receives 503,
it must retry at the same replica, because no other replica knows that the database's answer was lost
([rotation](explanation/rotation.md)). Neither happens to a client that sends keys.

## Faults

{{FAULTS}}
Recovery is the time from the beginning of the healing (a process is started again, a standby promoted, a connection let
through) to the first refresh that succeeds, through the struck replica if only one was struck. It includes starting and crash recovery.
Two replicas behind a balancer, which uses ` + "`/readyz`" + `, are also restarted in turn by SIGTERM
(` + "`SHUTDOWN_DELAY`" + `): no request may fail. A cluster announces its nodes' own addresses to clients, so no proxy can be in between:
its faults are those of its nodes.

{{SKIPPED}}
## Races

Apart from faults, tests race requests on SQLite and on Postgres: uses of one link against each other, against a change of the password, logins and refreshes; sign-ups by link and by password; logins with one
key. Two or eight racers run at the same time, with an account of their own in each round. ` + "`" + `go test ./...` + "`" + ` runs few rounds, and ` + "`" + `RACE_ROUNDS` + "`" + ` sets another number:

    RACE_ROUNDS=1000 go test -race -timeout 60m -run 'TestStore_(SQLite|Postgres)$/^Race' ./internal/store

On 2026-12-01, with 2 cores, go1.26.8 and Postgres 15.18, 1,000 rounds of the races for sessions and mailed tokens on Postgres, and of those for mailed tokens on SQLite, found nothing. ` + "`" + `-run Races ./internal/app` + "`" + ` does the same with whole
requests, which hash passwords and take longer.

## The bench can fail

Scenarios with builds that contain a known fault, and with databases that lose acknowledged writes:

{{CONTROLS}}
## Findings

{{FINDINGS}}`
