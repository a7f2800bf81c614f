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

// encode cuts the bytes of an array in four and returns six blocks: these and the parity.
func encode(coder *rs.Coder, data js.Value) any {
	stripe := rs.NewStripe(rs.NewObject(int64(data.Length()), [32]byte{}))
	stripe.Reset(0)
	fill(stripe.Data(), data)
	if err := protect(coder, stripe); err != nil {
		return err.Error()
	}
	var blocks []any
	for shard := range rs.Shards {
		block, _ := stripe.Stored(shard)
		blocks = append(blocks, array(block))
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
	length := 0
	for shard := range rs.Shards {
		if block := blocks.Index(shard); !block.IsNull() {
			length = block.Length()
		}
	}
	object := rs.NewObject(int64(rs.DataShards*length), [32]byte{})
	stripe := rs.NewStripe(object)
	stripe.Reset(0)
	for shard := range rs.Shards {
		given := blocks.Index(shard)
		if given.IsNull() {
			continue
		}
		block, sum := stripe.Stored(shard)
		fill(block, given)
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
	return array(stripe.Data())
}

func fill(b []byte, array js.Value) {
	for i := range b {
		b[i] = byte(array.Index(i).Int())
	}
}

func array(b []byte) any {
	numbers := make([]any, len(b))
	for i, n := range b {
		numbers[i] = int(n)
	}
	return numbers
}
