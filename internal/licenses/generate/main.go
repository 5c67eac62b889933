// Command generate collects the licenses of the software of others in the binary.
// It writes them into the file NOTICE, and compressed for `rekey licenses`.
// `go generate ./...` runs it, and CI checks that the files are current.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
)

// The files that it writes, and the licenses of the npm packages, which the build
// of the explorer collects.
const (
	noticeFile     = "NOTICE"
	compressedFile = "internal/licenses/licenses.txt.br"
	explorerFile   = "internal/explorer/assets/licenses.txt.br"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	text, err := collect(ctx, root)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, noticeFile), text, 0o644); err != nil { //nolint:gosec // it is public
		return err
	}
	var small bytes.Buffer
	w := brotli.NewWriterLevel(&small, brotli.BestCompression)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, compressedFile), small.Bytes(), 0o644) //nolint:gosec // it is public
}

// collect returns the licenses for the repository at root.
func collect(ctx context.Context, root string) ([]byte, error) {
	modules, err := modulesOf(ctx, root)
	if err != nil {
		return nil, err
	}
	parts, err := licenses(root, modules)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(root, explorerFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	npm, err := io.ReadAll(brotli.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", explorerFile, err)
	}
	var text bytes.Buffer
	text.WriteString("rekey contains the following software of others, under the licenses below.\n")
	for _, p := range parts {
		fmt.Fprintf(&text, "\n%s\n\n", line)
		for _, owner := range p.owners {
			fmt.Fprintln(&text, owner)
		}
		fmt.Fprintf(&text, "\n%s\n", p.text)
	}
	fmt.Fprintf(&text, "\n%s\n\nThe following is part of the explorer, the page at /.\n\n%s", line, npm)
	return text.Bytes(), nil
}

const line = "================================================================================"
