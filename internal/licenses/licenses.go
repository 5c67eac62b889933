// Package licenses contains the licenses of the software in the binary that others
// wrote: Go modules, and npm packages in the explorer. It owns the file NOTICE at
// the root of the repository, which has the same text.
package licenses

import (
	"bytes"
	_ "embed" // the text
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
)

//go:generate go run ./generate ../..

//go:embed licenses.txt.br
var compressed []byte

// Text returns the licenses, with the modules and packages that each is for.
func Text() (string, error) {
	text, err := io.ReadAll(brotli.NewReader(bytes.NewReader(compressed)))
	if err != nil {
		return "", fmt.Errorf("reading the licenses: %w", err)
	}
	return string(text), nil
}
