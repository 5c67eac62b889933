package throwaway

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// requireEnv set to 1 turns skipping for want of a binary into failing: a run
// that is meant to prove something must not be green because it did nothing.
const requireEnv = "REQUIRE_SERVICES"

// LookPath returns the path of a binary, from PATH or else from the newest
// /usr/lib/postgresql/*/bin (Debian keeps Postgres' servers off PATH). When
// there is none the test is skipped, or fails under REQUIRE_SERVICES=1, naming
// the Debian package to install.
func LookPath(tb testing.TB, binary, debianPackage string) string {
	tb.Helper()
	if path, err := exec.LookPath(binary); err == nil {
		return path
	}
	if path := newestPostgres(binary); path != "" {
		return path
	}
	if os.Getenv(requireEnv) == "1" {
		tb.Fatalf("%s not found, and %s=1: install the package %s", binary, requireEnv, debianPackage)
	}
	tb.Skipf("%s not found: install the package %s to run this test", binary, debianPackage)
	return ""
}

// newestPostgres returns the binary of the highest Postgres version installed
// the way Debian does, or "".
func newestPostgres(binary string) string {
	found, _ := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", binary))
	if len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int { return postgresMajor(a) - postgresMajor(b) })
}

// postgresMajor reads 15 out of /usr/lib/postgresql/15/bin/postgres; 0 when
// there is no number.
func postgresMajor(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}
