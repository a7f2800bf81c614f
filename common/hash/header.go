package hash

import (
	"fmt"
	"net/http"
	"strings"
)

// howTo is for a client that sends no digest.
const howTo = `send "Digest: SHA-256=" and the base64 of the SHA-256 of the body, from: openssl dgst -sha256 -binary FILE | base64`

// FromHeader returns the SHA-256 that a request announces for its body, in one of two ways:
//
//	Digest: SHA-256=BASE64                (RFC 3230, as the book has it)
//	Repr-Digest: sha-256=:BASE64:         (RFC 9530, which replaced it)
//
// It ignores digests in other algorithms. No SHA-256, or two different ones, are an error.
func FromHeader(header http.Header) (Hash, error) {
	found, err := values(header)
	if err != nil {
		return Hash{}, err
	}
	if len(found) == 0 {
		return Hash{}, fmt.Errorf("%w: there is none: %s", ErrInvalid, howTo)
	}
	for _, other := range found[1:] {
		if other != found[0] {
			return Hash{}, fmt.Errorf("%w: the request announces two different ones", ErrInvalid)
		}
	}
	return found[0], nil
}

// values returns every SHA-256 in the header.
func values(header http.Header) (found []Hash, err error) {
	for _, field := range []struct{ name, quote string }{{"Digest", ""}, {"Repr-Digest", ":"}} {
		for member := range strings.SplitSeq(strings.Join(header.Values(field.name), ","), ",") {
			algorithm, value, _ := strings.Cut(strings.TrimSpace(member), "=")
			if !strings.EqualFold(algorithm, "SHA-256") {
				continue
			}
			h, err := unquoted(value, field.quote)
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", field.name, err)
			}
			found = append(found, h)
		}
	}
	return found, nil
}

func unquoted(value, quote string) (Hash, error) {
	inside, before := strings.CutPrefix(value, quote)
	inside, after := strings.CutSuffix(inside, quote)
	if !before || !after {
		return Hash{}, fmt.Errorf("%w: %.100q is not between colons", ErrInvalid, value)
	}
	return Parse(inside)
}

// SetHeader announces h as the digest of an answer's body, in both ways that FromHeader reads.
func SetHeader(header http.Header, h Hash) {
	header.Set("Digest", "SHA-256="+h.String())
	header.Set("Repr-Digest", "sha-256=:"+h.String()+":")
}
