package rs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gostore/common/hash"
)

// ErrName is wrapped by the error for what is not the name of a shard file.
var ErrName = errors.New("no name of a shard")

// Name returns the name of a shard's file: the object's hash in hexadecimal, a dot, and the shard's
// number.
func Name(content hash.Hash, shard int) string {
	return content.Hex() + "." + strconv.Itoa(shard)
}

// ParseName reads what Name returns, and nothing else.
func ParseName(name string) (content hash.Hash, shard int, err error) {
	sum, number, _ := strings.Cut(name, ".")
	content, err = hash.ParseHex(sum)
	if err != nil {
		return content, 0, fmt.Errorf("%w: %w", ErrName, err)
	}
	for shard := range Shards {
		if number == strconv.Itoa(shard) {
			return content, shard, nil
		}
	}
	return content, 0, fmt.Errorf("%w: %.20q is no number from 0 to %d", ErrName, number, Shards-1)
}
