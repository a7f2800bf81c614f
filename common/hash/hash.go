// Package hash has the SHA-256 of an object's bytes: its notations, and readers that check it.
package hash

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
)

// ErrInvalid is wrapped by every error about the notation of a hash, and ErrMismatch by the error
// of a Reader whose bytes have another hash than they should. The message around them is for the
// client.
var (
	ErrInvalid  error = badRequest("invalid SHA-256")
	ErrMismatch error = badRequest("wrong SHA-256")
)

// badRequest is an error that gostore/common/httpd answers with 400.
type badRequest string

func (e badRequest) Error() string { return string(e) }
func (badRequest) HTTPStatus() int { return http.StatusBadRequest }

// Hash is the SHA-256 of some bytes.
type Hash [sha256.Size]byte

// Of returns the hash of bytes that are in memory.
func Of(b []byte) Hash { return sha256.Sum256(b) }

// String writes a hash as clients and metadata see it: 44 characters of base64 (RFC 4648, section
// 4).
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// Hex writes a hash as services and file systems see it. In base64 two hashes may differ only in
// case, and some file systems ignore case.
func (h Hash) Hex() string { return hex.EncodeToString(h[:]) }

// Parse reads what String writes, and nothing else: there is one notation for one hash.
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
