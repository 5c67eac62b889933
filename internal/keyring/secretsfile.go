package keyring

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// secretLen is the length of master keys and rotation keys in bytes.
const secretLen = 32

// newSecret returns random bytes. crypto/rand.Read never fails: it ends the
// process instead.
func newSecret() []byte {
	secret := make([]byte, secretLen)
	_, _ = rand.Read(secret)
	return secret
}

// loadSecrets reads a text file with a key of 64 hex characters to a line, the
// current one first; # begins a comment. The file's mode is the operator's
// matter.
func loadSecrets(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secrets, err := parseSecrets(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return secrets, nil
}

// parseSecrets names all bad lines by number, never by what is in them.
func parseSecrets(data []byte) ([][]byte, error) {
	var (
		secrets  [][]byte
		problems []error
	)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		secret, err := hex.DecodeString(text)
		if err != nil || len(secret) != secretLen {
			problems = append(problems, fmt.Errorf("line %d is not a key of %d hex characters", n, 2*secretLen))
		}
		secrets = append(secrets, secret)
	}
	problems = append(problems, lines.Err())
	if len(secrets) == 0 {
		problems = append(problems, errors.New("there is no key"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return secrets, nil
}
