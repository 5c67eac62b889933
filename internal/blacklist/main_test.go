package blacklist_test

import (
	"os"
	"testing"

	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }
