package elastic

import (
	"encoding/binary"
	"math"
	"strings"
)

// Values are kept and compared as keys: strings of bytes that sort as the values do, and of which
// none is the beginning of another. A keyword is its bytes with 0x00 written as 0x00 0xff, ended by
// 0x00 0x01; a whole number is 8 bytes, big-endian, sign bit turned; a float the same with the bits of
// a negative one inverted; a boolean is one byte.

const (
	keywordEnd = "\x00\x01"
	afterAll   = "\xff\xff" // sorts after every keyword: UTF-8 has no such byte
)

func keywordKey(s string) string { return escapeZero(s) + keywordEnd }

func escapeZero(s string) string { return strings.ReplaceAll(s, "\x00", "\x00\xff") }

// keywordOf is the inverse of keywordKey. It takes the beginning of a key too.
func keywordOf(key string) string {
	return strings.ReplaceAll(strings.TrimSuffix(key, keywordEnd), "\x00\xff", "\x00")
}

func longKey(n int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63))
}

func longOf(key string) int64 {
	return int64(binary.BigEndian.Uint64([]byte(key)) ^ 1<<63)
}

func doubleKey(f float64) string {
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return string(binary.BigEndian.AppendUint64(nil, bits))
}

func doubleOf(key string) float64 {
	bits := binary.BigEndian.Uint64([]byte(key))
	if bits>>63 == 1 {
		return math.Float64frombits(bits &^ (1 << 63))
	}
	return math.Float64frombits(^bits)
}

func boolKey(b bool) string {
	if b {
		return "\x01"
	}
	return "\x00"
}

// next returns the least string that is greater than every string that begins with key, or "" if
// there is none.
func next(key string) string {
	b := []byte(key)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) > 0 {
		b[len(b)-1]++
	}
	return string(b)
}

// span is the keys from lo on and below hi; hi "" is no bound.
type span struct{ lo, hi string }

func (s span) has(key string) bool { return key >= s.lo && (s.hi == "" || key < s.hi) }

func (s span) empty() bool { return s.hi != "" && s.lo >= s.hi }

// point is the span of one whole key.
func point(key string) span { return span{key, next(key)} }

func (s span) isPoint() bool { return s.hi != "" && s.hi == next(s.lo) }
