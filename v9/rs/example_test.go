package rs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"gostore/chapter9/rs"
)

// Two numbers and their XOR: any one of the three can be lost. It is the toy that Reed-Solomon grows
// from: one parity, made by addition alone, since in GF(2^8) addition is XOR.
func Example_xor() {
	a, b := byte(0b1010_0110), byte(0b0011_1100)
	parity := a ^ b
	fmt.Printf("a      %08b\nb      %08b\nparity %08b\n", a, b, parity)
	fmt.Printf("a is lost: b ^ parity = %08b\n", b^parity)
	// Output:
	// a      10100110
	// b      00111100
	// parity 10011010
	// a is lost: b ^ parity = 10100110
}

// The 6×4 matrix times four bytes gives six: the first four rows pass the data through, the other two
// are the weights of the parity.
func Example_matrix() {
	matrix := [6][4]byte{
		{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1},
		{0x1b, 0x1c, 0x12, 0x14}, {0x1c, 0x1b, 0x14, 0x12},
	}
	data := []byte("hand")
	for i, row := range matrix {
		sum := byte(0)
		for j, weight := range row {
			sum ^= times(weight, data[j])
		}
		fmt.Printf("shard %d: % 02x × % x = %02x\n", i, row, data, sum)
	}
	// Output:
	// shard 0: 01 00 00 00 × 68 61 6e 64 = 68
	// shard 1: 00 01 00 00 × 68 61 6e 64 = 61
	// shard 2: 00 00 01 00 × 68 61 6e 64 = 6e
	// shard 3: 00 00 00 01 × 68 61 6e 64 = 64
	// shard 4: 1b 1c 12 14 × 68 61 6e 64 = 08
	// shard 5: 1c 1b 14 12 × 68 61 6e 64 = 0b
}

// Two of four numbers are lost: the two parities are two equations for them. The numbers are so small that
// no product has more than eight bits, so all of it can be done on paper.
func Example_twoLost() {
	d0, d1, d2, d3 := byte(1), byte(2), byte(3), byte(4)
	p0 := times(0x1b, d0) ^ times(0x1c, d1) ^ times(0x12, d2) ^ times(0x14, d3)
	p1 := times(0x1c, d0) ^ times(0x1b, d1) ^ times(0x14, d2) ^ times(0x12, d3)
	fmt.Printf("stored: %02x %02x %02x %02x, parity %02x %02x\n", d0, d1, d2, d3, p0, p1)

	a := p0 ^ times(0x1b, d0) ^ times(0x1c, d1) // without d2 and d3 from here on
	b := p1 ^ times(0x1c, d0) ^ times(0x1b, d1)
	fmt.Printf("12·d2 + 14·d3 = %02x\n14·d2 + 12·d3 = %02x\n", a, b)
	sum := over(a^b, 0x12^0x14)
	fmt.Printf("added: %02x·(d2 + d3) = %02x, so d2 + d3 = %02x\n", 0x12^0x14, a^b, sum)
	c := a ^ times(0x14, sum)
	x := over(c, 0x12^0x14)
	fmt.Printf("14·(d2 + d3) added to the first: %02x·d2 = %02x, so d2 = %02x and d3 = %02x\n", 0x12^0x14, c, x, sum^x)
	// Output:
	// stored: 01 02 03 04, parity 45 5e
	// 12·d2 + 14·d3 = 66
	// 14·d2 + 12·d3 = 74
	// added: 06·(d2 + d3) = 12, so d2 + d3 = 07
	// 14·(d2 + d3) added to the first: 06·d2 = 0a, so d2 = 03 and d3 = 04
}

// over divides in GF(2^8), by a number other than 0. It tries all numbers: one fits.
func over(a, b byte) (quotient byte) {
	for times(quotient, b) != a {
		quotient++
	}
	return quotient
}

// times multiplies in GF(2^8): polynomials over bits, modulo x^8+x^4+x^3+x^2+1 (0x11d). It is long
// multiplication without carries.
func times(a, b byte) (product byte) {
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			product ^= a
		}
		overflow := a&0x80 != 0
		a <<= 1
		if overflow {
			a ^= 0x1d
		}
	}
	return product
}

// Two blocks of text and their XOR, all shortened to runs. Before, the parity is as long as what it
// protects. After, it has the ends of the runs of both.
func Example_compressFirst() {
	a, b := "aaaaaaab", "cccddddd"
	fmt.Printf("%s = %s, %s = %s\n", a, runs(a), b, runs(b))
	fmt.Printf("after:  parity %x = %x\n", xor(a, b), runs(xor(a, b)))
	fmt.Printf("before: parity %x\n", xor(runs(a), runs(b)))
	// Output:
	// aaaaaaab = 7a1b, cccddddd = 3c5d
	// after:  parity 0202020505050506 = 330234053106
	// before: parity 04020406
}

// Two encoders shorten six letters, one with the longest run first, the other with the shortest. Each
// result is cut in two blocks. A block of one and a block of the other are both intact, and wrong.
func Example_twoEncodings() {
	long, short := "5a1a", "1a5a"
	for _, packed := range []string{long, short, long[:2] + short[2:]} {
		fmt.Println(packed, "=", expand(packed))
	}
	// Output:
	// 5a1a = aaaaaa
	// 1a5a = aaaaaa
	// 5a5a = aaaaaaaaaa
}

// runs writes each run of equal letters as its length, a digit, and the letter.
func runs(text string) (short string) {
	for len(text) > 0 {
		rest := strings.TrimLeft(text, text[:1])
		short += fmt.Sprint(len(text)-len(rest)) + text[:1]
		text = rest
	}
	return short
}

// expand undoes runs.
func expand(short string) (text string) {
	for ; len(short) > 0; short = short[2:] {
		text += strings.Repeat(short[1:2], int(short[0]-'0'))
	}
	return text
}

func xor(a, b string) string {
	sum := []byte(a)
	for i := range sum {
		sum[i] ^= b[i]
	}
	return string(sum)
}

// The shard files of an object of 13 bytes: the first in full, and where the others differ from it.
func Example_format() {
	files, err := encode("hello, world\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(hex.Dump(files[0]))
	for _, file := range files {
		fmt.Printf("% x … % x  % x  % x  % x  % x\n", file[:6], file[52:56], file[56:69], file[69:73], file[73:85], file[85:])
	}
	// Output:
	// 00000000  67 6f 72 73 04 00 04 02  00 02 00 00 00 00 00 00  |gors............|
	// 00000010  00 00 00 0d 85 3f f9 37  62 a0 6d db f7 22 c4 eb  |.....?.7b.m.."..|
	// 00000020  e9 dd d6 6d 8f 63 dd ae  a9 7f 52 1c 3e cc 20 da  |...m.c....R.>. .|
	// 00000030  7c 97 60 20 08 b9 f1 ca  68 65 6c 6c 6f 2c 20 77  ||.` ....hello, w|
	// 00000040  6f 72 6c 64 0a 4a 1d e7  42 80 00 00 0d 86 d4 8f  |orld.J..B.......|
	// 00000050  d5 fe 1b 3f 7e d1 dc 9e  e1                       |...?~....|
	// 67 6f 72 73 04 00 … 08 b9 f1 ca  68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0a  4a 1d e7 42  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  d1 dc 9e e1
	// 67 6f 72 73 04 01 … 47 b1 f6 96  00 00 00 00 00 00 00 00 00 00 00 00 00  f4 46 ff 7b  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  e5 9d 13 55
	// 67 6f 72 73 04 02 … 96 a9 ff 72  00 00 00 00 00 00 00 00 00 00 00 00 00  6a 8a 13 96  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  b9 5f 85 89
	// 67 6f 72 73 04 03 … d9 a1 f8 2e  00 00 00 00 00 00 00 00 00 00 00 00 00  1f 31 b7 cd  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  8d 1e 08 3d
	// 67 6f 72 73 04 04 … 31 75 9a 4b  11 be 7d 7d 50 f3 47 25 50 52 7d a5 ee  b3 f1 78 74  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  a7 fe 50 91
	// 67 6f 72 73 04 05 … 7e 7d 9d 17  14 98 64 64 40 37 a7 7d 40 11 64 84 d8  71 a5 22 86  80 00 00 0d 86 d4 8f d5 fe 1b 3f 7e  1d dd 0a 54
}

// encode is a PUT of a small object.
func encode(content string) (files [rs.Shards][]byte, err error) {
	coder, err := rs.NewCoder()
	if err != nil {
		return files, err
	}
	o := rs.NewObject(int64(len(content)), sha256.Sum256([]byte(content)))
	stripe := rs.NewStripe(o)
	stripe.Reset(0)
	copy(stripe.Data(), content)
	if err := coder.Encode(stripe); err != nil {
		return files, err
	}
	table := rs.NewTable(o)
	table.Add(stripe)
	for i := range files {
		block, sum := stripe.Stored(i)
		files[i] = slices.Concat(o.Header(i), block, sum, table.Stored(i))
	}
	return files, nil
}

// The object is in shard 0, and shards 1 to 3 have zeros. Any two of the others may be missing. A third is one too many.
func ExampleCoder_ReconstructData() {
	for _, missing := range [][]int{{0, 4}, {0, 4, 5}} {
		content, err := decode("hello, world\n", missing)
		fmt.Printf("without %v: %q %v\n", missing, content, err)
	}
	// Output:
	// without [0 4]: "hello, world\n" <nil>
	// without [0 4 5]: "" too few shards: 3 intact blocks in stripe 0
}

// decode is a GET of a small object some of whose shards are missing.
func decode(content string, missing []int) (string, error) {
	files, err := encode(content)
	if err != nil {
		return "", err
	}
	for _, i := range missing {
		clear(files[i])
	}
	coder, err := rs.NewCoder()
	if err != nil {
		return "", err
	}
	o := rs.NewObject(int64(len(content)), sha256.Sum256([]byte(content)))
	table, err := rs.ParseTable(o, 1, files[1][len(files[1])-int(o.TableSize()):])
	if err != nil {
		return "", err
	}
	stripe := rs.NewStripe(o)
	stripe.Expect(0, table)
	for i, file := range files {
		block, sum := stripe.Stored(i)
		copy(sum, file[rs.HeaderSize+copy(block, file[rs.HeaderSize:]):])
		_ = stripe.Verify(i) // ReconstructData uses those that are intact
	}
	if err := coder.ReconstructData(stripe); err != nil {
		return "", err
	}
	return string(stripe.Data()), nil
}
