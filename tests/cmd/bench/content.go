package main

import (
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"

	"gostore/common/hash"
)

// body is the content of one object and the digest that its PUT announces.
type body struct {
	bytes  []byte
	digest hash.Hash
}

func (b body) hex() string { return hex.EncodeToString(b.digest[:]) }

// bodies generates distinct bodies, incompressible or of text. It reuses its memory, since the first
// access to fresh memory is slow.
type bodies struct {
	random *mathrand.ChaCha8
	text   bool
	memory []byte
}

func newBodies(text bool) *bodies {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	return &bodies{random: mathrand.NewChaCha8(seed), text: text}
}

// make returns n bodies, which are valid until the next call.
func (b *bodies) make(n int, size int64) []body {
	if need := int64(n) * size; int64(cap(b.memory)) < need {
		b.memory = make([]byte, need)
	}
	made := make([]body, n)
	for i := range made {
		bytes := b.memory[int64(i)*size:][:size:size]
		b.fill(bytes)
		made[i] = body{bytes, hash.Of(bytes)}
	}
	return made
}

// logLine is one of a log; x is a hexadecimal digit that differs.
const logLine = `{"id":"xxxxxxxxxxxxxxxx","request":"GET","path":"/objects/xxxxxxxxxxxxxxxx","status":20x}` + "\n"

// fill writes random bytes, or lines of a log, which zstd compresses to about a quarter.
func (b *bodies) fill(bytes []byte) {
	_, _ = b.random.Read(bytes) // never fails
	if !b.text {
		return
	}
	for ; len(bytes) > 0; bytes = bytes[min(len(bytes), len(logLine)):] {
		for i := range min(len(bytes), len(logLine)) {
			if logLine[i] == 'x' {
				bytes[i] = "0123456789abcdef"[bytes[i]%16]
			} else {
				bytes[i] = logLine[i]
			}
		}
	}
}

func digestsOf(made []body) []hash.Hash {
	digests := make([]hash.Hash, len(made))
	for i, b := range made {
		digests[i] = b.digest
	}
	return digests
}
