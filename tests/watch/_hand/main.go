//go:build js && wasm

// Command hand lets the page's scripts call the package rs of a chapter: package watch compiles it
// to WebAssembly, with the running chapter's module in the import path.
package main

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"syscall/js"

	"gostore/chapter5/rs"
)

// blockLen is the length in bytes of each block in the arithmetic. Chapter 9 makes none shorter. The page shows the
// first bytes of them only: the others are zeros, and so is their parity.
const blockLen = 4 << 10

func main() {
	coder, err := rs.NewCoder()
	if err != nil {
		panic(err) // the browser's console shows it
	}
	js.Global().Set("rs", map[string]any{
		"encode":  js.FuncOf(func(_ js.Value, args []js.Value) any { return encode(coder, args[0]) }),
		"rebuild": js.FuncOf(func(_ js.Value, args []js.Value) any { return rebuild(coder, args[0]) }),
	})
	select {} // the functions must stay
}

func newObject() rs.Object { return rs.NewObject(rs.DataShards*blockLen, [32]byte{}) }

// encode cuts the bytes of an array in four and returns six blocks: these and the parity.
func encode(coder *rs.Coder, data js.Value) any {
	stripe := rs.NewStripe(newObject())
	stripe.Reset(0)
	length := (data.Length() + rs.DataShards - 1) / rs.DataShards
	for i := range data.Length() {
		stripe.Data()[i/length*blockLen+i%length] = byte(data.Index(i).Int())
	}
	if err := protect(coder, stripe); err != nil {
		return err.Error()
	}
	var blocks []any
	for shard := range rs.Shards {
		block, _ := stripe.Stored(shard)
		blocks = append(blocks, array(block[:length]))
	}
	return blocks
}

// protect computes the parity. From chapter 7 on Encode compresses, and Protect is what it was.
func protect(coder *rs.Coder, stripe *rs.Stripe) error {
	if c, is := any(coder).(interface{ Protect(s *rs.Stripe) error }); is {
		return c.Protect(stripe)
	}
	return coder.Encode(stripe)
}

// rebuild takes six blocks, null for those that are lost, and returns the four data blocks one after
// the other.
func rebuild(coder *rs.Coder, blocks js.Value) any {
	length, object := 0, newObject()
	stripe := rs.NewStripe(object)
	stripe.Reset(0)
	for shard := range rs.Shards {
		given := blocks.Index(shard)
		if given.IsNull() {
			continue
		}
		block, sum := stripe.Stored(shard)
		length = given.Length()
		for i := range length {
			block[i] = byte(given.Index(i).Int())
		}
		// The coder uses blocks with a correct checksum only. A block's checksum in stripe 0 continues
		// that of the header.
		seed := binary.BigEndian.Uint32(object.Header(shard)[rs.HeaderSize-4:])
		binary.BigEndian.PutUint32(sum, crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), block))
		if err := stripe.Verify(shard); err != nil {
			return err.Error()
		}
	}
	// From chapter 7 on another error says that the stripe is not that of the table: there is none here.
	if err := coder.ReconstructData(stripe); errors.Is(err, rs.ErrTooFewShards) {
		return err.Error()
	}
	var data []byte
	for shard := range rs.DataShards {
		data = append(data, stripe.Data()[shard*blockLen:][:length]...)
	}
	return array(data)
}

func array(b []byte) any {
	numbers := make([]any, len(b))
	for i, n := range b {
		numbers[i] = int(n)
	}
	return numbers
}
