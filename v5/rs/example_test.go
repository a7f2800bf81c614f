package rs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"gostore/chapter5/rs"
)

const text = "hello, world\n"

// The shard files of an object of 13 bytes: the first whole, and where the others differ from it.
func Example_format() {
	files, _, err := encode(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(hex.Dump(files[0]))
	for _, file := range files {
		fmt.Printf("% x … % x  % x  % x\n", file[:8], file[52:56], file[56:69], file[69:])
	}
	// Output:
	// 00000000  67 6f 72 73 02 00 04 02  00 02 00 00 00 00 00 00  |gors............|
	// 00000010  00 00 00 0d 85 3f f9 37  62 a0 6d db f7 22 c4 eb  |.....?.7b.m.."..|
	// 00000020  e9 dd d6 6d 8f 63 dd ae  a9 7f 52 1c 3e cc 20 da  |...m.c....R.>. .|
	// 00000030  7c 97 60 20 40 4f bf d2  68 65 6c 6c 6f 2c 20 77  ||.` @O..hello, w|
	// 00000040  6f 72 6c 64 0a f3 11 b7  08                       |orld.....|
	// 67 6f 72 73 02 00 04 02 … 40 4f bf d2  68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0a  f3 11 b7 08
	// 67 6f 72 73 02 01 04 02 … 0f 47 b8 8e  00 00 00 00 00 00 00 00 00 00 00 00 00  4d 4a af 31
	// 67 6f 72 73 02 02 04 02 … de 5f b1 6a  00 00 00 00 00 00 00 00 00 00 00 00 00  d3 86 43 dc
	// 67 6f 72 73 02 03 04 02 … 91 57 b6 36  00 00 00 00 00 00 00 00 00 00 00 00 00  a6 3d e7 87
	// 67 6f 72 73 02 04 04 02 … 79 83 d4 53  11 be 7d 7d 50 f3 47 25 50 52 7d a5 ee  0a fd 28 3e
	// 67 6f 72 73 02 05 04 02 … 36 8b d3 0f  14 98 64 64 40 37 a7 7d 40 11 64 84 d8  c8 a9 72 cc
}

// Four shards are left, and one of the other two comes with a byte that was flipped.
func ExampleCoder_ReconstructData() {
	files, o, err := encode(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	files[0] = nil
	files[2][57] ^= 1
	content, err := decode(o, files)
	fmt.Printf("%q %v\n", content, err)

	files[4] = nil
	_, err = decode(o, files)
	fmt.Println(err)
	// Output:
	// rotten block: shard 2, stripe 0
	// "hello, world\n" <nil>
	// rotten block: shard 2, stripe 0
	// too few shards: 3 good blocks in stripe 0
}

// encode is a PUT: one stripe in memory after the other.
func encode(content string) (files [rs.Shards][]byte, o rs.Object, err error) {
	coder, err := rs.NewCoder()
	if err != nil {
		return files, o, err
	}
	o = rs.NewObject(int64(len(content)), sha256.Sum256([]byte(content)))
	for i := range files {
		files[i] = o.Header(i)
	}
	body, stripe := strings.NewReader(content), rs.NewStripe()
	for n := range o.Stripes() {
		stripe.Reset(o, n)
		if _, err := io.ReadFull(body, stripe.Data()); err != nil {
			return files, o, err
		}
		if err := coder.Encode(stripe); err != nil {
			return files, o, err
		}
		for i := range files {
			files[i] = append(files[i], bytes.Join(stripe.Shard(i), nil)...)
		}
	}
	return files, o, nil
}

// decode is a GET.
func decode(o rs.Object, files [rs.Shards][]byte) ([]byte, error) {
	coder, err := rs.NewCoder()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	stripe := rs.NewStripe()
	for n := range o.Stripes() {
		stripe.Reset(o, n)
		for i, file := range files {
			if file == nil {
				continue
			}
			err := stripe.Read(i, func(stored []byte) error {
				copy(stored, file[o.OffsetInShard(n):])
				return nil
			})
			if err != nil {
				fmt.Println(err)
			}
		}
		if err := coder.ReconstructData(stripe); err != nil {
			return out.Bytes(), err
		}
		out.Write(stripe.Data())
	}
	return out.Bytes(), nil
}
