package rs

import (
	"fmt"
	"strconv"
	"strings"

	"gostore/common/hash"
)

// Name returns the name of a shard's file: the object's hash in hexadecimal, a dot, its number.
func Name(content hash.Hash, shard int) string {
	return content.Hex() + "." + strconv.Itoa(shard)
}

// ParseName reads what Name returns, and nothing else.
func ParseName(name string) (content hash.Hash, shard int, err error) {
	sum, number, _ := strings.Cut(name, ".")
	content, err = hash.ParseHex(sum)
	if err != nil {
		return content, 0, fmt.Errorf("name of a shard: %w", err)
	}
	for shard := range Shards {
		if number == strconv.Itoa(shard) {
			return content, shard, nil
		}
	}
	return content, 0, fmt.Errorf("%w: name of a shard: %.20q is not a number from 0 to %d", hash.ErrInvalid, number, Shards-1)
}
