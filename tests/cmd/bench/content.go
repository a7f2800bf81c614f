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

// bodies generates distinct, incompressible bodies. It reuses its memory, since the first access to
// fresh memory is slow.
type bodies struct {
	random *mathrand.ChaCha8
	memory []byte
}

func newBodies() *bodies {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	return &bodies{random: mathrand.NewChaCha8(seed)}
}

// make returns n bodies, which are valid until the next call.
func (b *bodies) make(n int, size int64) []body {
	if need := int64(n) * size; int64(cap(b.memory)) < need {
		b.memory = make([]byte, need)
	}
	made := make([]body, n)
	for i := range made {
		bytes := b.memory[int64(i)*size:][:size:size]
		_, _ = b.random.Read(bytes) // never fails
		made[i] = body{bytes, hash.Of(bytes)}
	}
	return made
}

func digestsOf(made []body) []hash.Hash {
	digests := make([]hash.Hash, len(made))
	for i, b := range made {
		digests[i] = b.digest
	}
	return digests
}
