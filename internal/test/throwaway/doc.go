// Package throwaway starts real Postgres and Redis servers for tests, Redis also
// with a sentinel and as a cluster. The servers use free loopback ports and
// temporary directories of their own, and are stopped and removed after the
// test. A proxy in front of a server makes it slow, or makes it hang.
//
// The package finds the usual binaries and starts them. It knows nothing about
// the tests. A test binary that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }
//
// Other programs open servers with Open* and close them.
//
// If a binary is missing, the test is skipped, and the message names the Debian
// package to install. With REQUIRE_SERVICES=1 in the environment the test fails.
//
// POSTGRES_OPTIONS in the environment is added to the command line of every
// Postgres except standbys. It runs tests on a server with other settings, such
// as "-c default_transaction_isolation=serializable", which standbys refuse.
package throwaway
