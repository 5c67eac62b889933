// Package throwaway starts real Postgres and Redis servers for tests, Redis
// under a sentinel and as a cluster too: on free loopback ports, in temporary
// directories of their own, ended and removed afterwards. A proxy before one
// of them makes it slow, or hang.
//
// It knows where the binaries are usually found and how to start them, and
// nothing of what the tests do with them. A test binary that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }
//
// Programs that are no tests open servers with Open*, and close them.
//
// Where a binary is missing the test is skipped with the name of the Debian
// package that has it; with REQUIRE_SERVICES=1 in the environment it fails.
//
// POSTGRES_OPTIONS in the environment is added to the command line of every
// Postgres but standbys, to run tests against a server set up differently, such
// as "-c default_transaction_isolation=serializable", which no standby takes.
package throwaway
