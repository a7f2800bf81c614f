// Package rs is the pure core of chapter 5: objects as six shards, any four of which give the object
// back. It reads and writes memory only, starts no goroutine, and knows nothing of services.
//
// # Stripes, blocks, shards
//
// An object is cut into stripes of 256 KiB. A stripe is four data blocks of 64 KiB, one after the
// other, and two parity blocks that are made from them. Shard i is block i of every stripe: 0 to 3
// are data, 4 and 5 parity.
//
//	object   | stripe 0                          | stripe 1 …
//	         | block 0 | block 1 | block 2 | block 3 |
//	shard 0    block 0                             block 0 …
//	   …
//	shard 3                                block 3 …
//	shard 4    parity of blocks 0 to 3             parity …
//	shard 5    parity of blocks 0 to 3             parity …
//
// The last stripe is shorter: what is left of the object, divided by four and rounded up, is the
// length of each of its blocks, and up to 3 zeros fill the last of them. An object of 0 bytes has no stripe.
//
// But an object of one stripe has blocks of 4 KiB, or of all its bytes if it has fewer, where a quarter would
// be less. So it lies in one to three data blocks, and the others are empty: they have zeros only, and nobody
// needs to read them. An object of 4 KiB is read from one data service and not from four. The price is room:
// six times its size and not one and a half, which on most file systems is none up to 4036 bytes, since a file
// takes 4 KiB at least.
//
// # The shard file, version 1
//
// Numbers are unsigned and big-endian.
//
//	offset  bytes
//	     0      4  "gors"
//	     4      1  version: 1
//	     5      1  shard: 0 to 5
//	     6      1  data shards: 4
//	     7      1  parity shards: 2
//	     8      4  block size: 65536
//	    12      8  object size in bytes, below 2^63
//	    20     32  SHA-256 of the object
//	    52      4  checksum: CRC-32C of bytes 0 to 51
//	    56         of every stripe: the block, and 4 bytes of checksum
//
// Whatever in it differs from these constants is another version's business, and is refused. The
// place of a stripe follows from its number, so a reader can begin at any; see Layout.
//
// A block's checksum is its CRC-32C, but goes on from (header's checksum + number of the stripe)
// mod 2^32 where a plain one begins with 0. (That is the first argument of zlib's crc32 or of
// crc32.Update.) So a block is right in one place only.
//
// Byte k of the parity blocks is made from byte k of the data blocks, in the field of 256 elements
// with the polynomial 0x11d, as Backblaze and klauspost/reedsolomon do by default:
//
//	parity 0 = 1b·d0 + 1c·d1 + 12·d2 + 14·d3
//	parity 1 = 1c·d0 + 1b·d1 + 14·d2 + 12·d3
//
// # Example
//
// The object "hello, world\n" has 13 bytes, and so has each block of its only stripe. This is shard 0:
//
//	67 6f 72 73                                       "gors"
//	01 00 04 02                                       version 1, shard 0, 4 + 2
//	00 01 00 00                                       blocks of 65536 bytes
//	00 00 00 00 00 00 00 0d                           object of 13 bytes
//	85 3f f9 37 62 a0 6d db f7 22 c4 eb e9 dd d6 6d   SHA-256 of the object
//	8f 63 dd ae a9 7f 52 1c 3e cc 20 da 7c 97 60 20
//	d7 35 92 9c                                       CRC-32C of all that
//	68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0a            block 0: "hello, world\n"
//	08 a4 8f d4                                       CRC-32C of the block, from d735929c + 0
//
// The others differ in their shard's number, in the header's checksum and from there on:
//
//	shard 1   98 3d 95 c0   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    b6 ff 97 ed
//	shard 2   49 25 9c 24   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    28 33 7b 00
//	shard 3   06 2d 9b 78   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    5d 88 df 5b
//	shard 4   ee f9 f9 1d   11 be 7d 7d 50 f3 47 25 50 52 7d a5 ee  parity   f1 48 10 e2
//	shard 5   a1 f1 fe 41   14 98 64 64 40 37 a7 7d 40 11 64 84 d8  parity   33 1c 4a 10
//
// # Why CRC-32C
//
// Reed-Solomon mends blocks that are known to be wrong; to know is the checksum's task, and it is all
// that it is trusted with. CRC-32C is in the standard library and in processors, runs at a tenth or so
// of what SHA-256 costs, and takes 4 bytes. It always tells a block with up to 3 bits flipped, or with
// damage no longer than 32 bits; one of the same shard from another stripe (of 2^32 in a row); and
// one of the same stripe from another shard. Of everything else one in 2^32 gets by. The SHA-256 of
// the whole object, which is checked as it goes out, stops that one before the client takes it for
// right. The checksum is not meant against someone who can write the shard files; the SHA-256 stands
// against that one too. Production does the same with other hashes: MinIO puts 32 bytes of HighwayHash
// before each block, Ceph's BlueStore 4 bytes of CRC-32C for each 4 KiB, in its metadata.
//
// # Memory
//
// A Stripe takes 385 KiB, or less if the object has but one. A PUT or a GET needs one, and two or three to
// have the network, the hash and the code at work at once. Coding a stripe allocates nothing but what
// klauspost/reedsolomon does for itself, about 1 KiB.
package rs
