package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"rekey/internal/auth"
)

// LoadSigningKey reads a P-256 private key from a PEM file, PKCS#8 ("PRIVATE
// KEY") or SEC 1 ("EC PRIVATE KEY"). It accepts any file mode.
func LoadSigningKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading signing key: %w", err)
	}
	key, err := ParseSigningKey(data)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	return key, nil
}

// LoadVerifyKeys reads P-256 public keys from PEM files ("PUBLIC KEY"), one or
// several in a file. Its error names the problems of all files.
func LoadVerifyKeys(paths []string) ([]*ecdsa.PublicKey, error) {
	var (
		keys     []*ecdsa.PublicKey
		problems []error
	)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("reading verification key: %w", err))
			continue
		}
		found, err := ParseVerifyKeys(data)
		if err != nil {
			problems = append(problems, fmt.Errorf("verification key %s: %w", path, err))
		}
		keys = append(keys, found...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return keys, nil
}

// ParseSigningKey reads a P-256 private key from the content of a PEM file.
func ParseSigningKey(data []byte) (*ecdsa.PrivateKey, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, err
	}
	// openssl ecparam -genkey writes the curve in a block of its own, first.
	if len(blocks) > 1 && blocks[0].Type == "EC PARAMETERS" {
		blocks = blocks[1:]
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("one key is required, the file holds %d PEM blocks", len(blocks))
	}
	block := blocks[0]
	var parsed any
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errors.New("the key is encrypted, which is not supported")
	case block.Type == "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "PUBLIC KEY":
		return nil, errors.New("this is a public key, the private one is required")
	default:
		return nil, fmt.Errorf("a private key is required, this is PEM %q", block.Type)
	}
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("an ECDSA key is required, this is %T", parsed)
	}
	return key, checkP256(&key.PublicKey)
}

// ParseVerifyKeys reads one or several P-256 public keys from the content of a
// PEM file.
func ParseVerifyKeys(data []byte) ([]*ecdsa.PublicKey, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, err
	}
	var keys []*ecdsa.PublicKey
	for _, block := range blocks {
		switch block.Type {
		case "PUBLIC KEY":
		case "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("this is a private key, only its public half belongs here (openssl pkey -pubout)")
		default:
			return nil, fmt.Errorf("a public key is required, this is PEM %q", block.Type)
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key, ok := parsed.(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("an ECDSA key is required, this is %T", parsed)
		}
		if err := checkP256(key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// pemBlocks returns all blocks. pem.Decode skips damaged blocks; pemBlocks fails
// for them.
func pemBlocks(data []byte) ([]*pem.Block, error) {
	data, err := auth.TrimByteOrderMark(data)
	if err != nil {
		return nil, err
	}
	var blocks []*pem.Block
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 || len(blocks) != bytes.Count(data, []byte("-----BEGIN ")) {
		return nil, errors.New("not a PEM file, or a damaged one")
	}
	return blocks, nil
}
