package limit

import (
	"os"
	"testing"

	"rekey/internal/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }
