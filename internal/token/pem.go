package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// LoadSigningKey reads a P-256 private key from a PEM file, PKCS#8 ("PRIVATE
// KEY") or SEC 1 ("EC PRIVATE KEY"). The file's mode is the operator's matter.
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
// several to a file. Its error names the problems of all files at once.
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
		return nil, fmt.Errorf("one key is wanted, the file holds %d PEM blocks", len(blocks))
	}
	key, err := parsePrivateBlock(blocks[0])
	if err != nil {
		return nil, err
	}
	return key, checkP256(&key.PublicKey)
}

func parsePrivateBlock(block *pem.Block) (*ecdsa.PrivateKey, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the key is encrypted, which is not supported")
	}
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, ok := key.(*ecdsa.PrivateKey); ok {
			return key, nil
		}
		return nil, fmt.Errorf("an ECDSA key is wanted, this is %T", key)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the key is encrypted, which is not supported")
	case "PUBLIC KEY":
		return nil, errors.New("this is a public key, the private one is wanted")
	}
	return nil, fmt.Errorf("a private key is wanted, this is PEM %q", block.Type)
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
		key, err := parsePublicBlock(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parsePublicBlock(block *pem.Block) (*ecdsa.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
	case "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("this is a private key, only its public half belongs here (openssl pkey -pubout)")
	default:
		return nil, fmt.Errorf("a public key is wanted, this is PEM %q", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("an ECDSA key is wanted, this is %T", key)
	}
	return public, checkP256(public)
}

// pemBlocks returns all blocks. pem.Decode passes over damaged ones in
// silence; here they are an error.
func pemBlocks(data []byte) ([]*pem.Block, error) {
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
