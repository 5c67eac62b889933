package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rekey/bench/internal/trial"
)

// Load reads earlier results. It returns empty results if path is empty or the
// file does not exist.
func Load(path string) (r trial.Results, err error) {
	if path == "" {
		return r, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("reading earlier results: %w", err)
	}
	return r, nil
}

// Save writes results for Load. It does nothing if path is empty.
func Save(path string, r trial.Results) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("saving the results: %w", err)
	}
	return nil
}
