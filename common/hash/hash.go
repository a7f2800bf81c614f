// Package hash is about the SHA-256 of an object's bytes: how clients write it and how we check it.
package hash

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrInvalid is wrapped by every error about how a hash is written; the message around it is meant
// for the client.
var ErrInvalid = errors.New("invalid SHA-256")

// Hash is the SHA-256 of some bytes.
type Hash [sha256.Size]byte

// Of returns the hash of bytes that are in memory.
func Of(b []byte) Hash { return sha256.Sum256(b) }

// String writes a hash as clients and metadata see it: 44 characters of base64 (RFC 4648, section 4).
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// Hex writes a hash as services and file systems see it. In base64 two hashes may differ in nothing
// but case, and some file systems take them for one.
func (h Hash) Hex() string { return hex.EncodeToString(h[:]) }

// Parse reads what String writes, and nothing else: one hash is written in one way only.
func Parse(s string) (h Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || base64.StdEncoding.EncodeToString(b) != s {
		return h, fmt.Errorf("%w: %.100q is not 44 characters of base64 (RFC 4648, section 4)", ErrInvalid, s)
	}
	return Hash(b), nil
}

// ParseHex reads what Hex writes, and nothing else.
func ParseHex(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != s {
		return h, fmt.Errorf("%w: %.100q is not 64 hexadecimal digits in lower case", ErrInvalid, s)
	}
	return Hash(b), nil
}
