package throwaway

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// requireEnv set to 1 makes a test fail if a binary is missing, instead of
// skipping it: a run that must prove something must not pass because it did
// nothing.
const requireEnv = "REQUIRE_SERVICES"

// LookPath returns the path of a binary, from PATH or else from the newest
// /usr/lib/postgresql/*/bin (Debian keeps Postgres' servers off PATH). If it is
// missing, LookPath skips the test, or fails it if REQUIRE_SERVICES=1, and names
// the Debian package to install.
func LookPath(tb testing.TB, binary, debianPackage string) string {
	tb.Helper()
	path, err := findBinary(binary, debianPackage)
	if err == nil {
		return path
	}
	if os.Getenv(requireEnv) == "1" {
		tb.Fatalf("%v, as %s=1 demands", err, requireEnv)
	}
	tb.Skipf("%v to run this test", err)
	return ""
}

// FindBinary is [LookPath] for programs other than tests.
func FindBinary(binary, debianPackage string) (string, error) {
	return findBinary(binary, debianPackage)
}

func findBinary(binary, debianPackage string) (string, error) {
	if path, err := exec.LookPath(binary); err == nil {
		return path, nil
	}
	if path := newestPostgres(binary); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("%s not found: install the package %s", binary, debianPackage)
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

// postgresMajor reads 15 from /usr/lib/postgresql/15/bin/postgres. It returns 0
// if the path contains no number.
func postgresMajor(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}
