// Package rs is the pure core of chapter 5: objects as six shards, any four of which give the object
// back. It reads and writes memory only, starts no goroutine, and knows nothing of services.
//
// # Stripes, blocks, shards
//
// An object is cut into stripes of 512 KiB. A stripe is four data blocks of 128 KiB, one after the
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
// # The shard file, version 2
//
// Numbers are unsigned and big-endian. (Version 1 had blocks of 64 KiB.)
//
//	offset  bytes
//	     0      4  "gors"
//	     4      1  version: 2
//	     5      1  shard: 0 to 5
//	     6      1  data shards: 4
//	     7      1  parity shards: 2
//	     8      4  block size: 131072
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
//	02 00 04 02                                       version 2, shard 0, 4 + 2
//	00 02 00 00                                       blocks of 131072 bytes
//	00 00 00 00 00 00 00 0d                           object of 13 bytes
//	85 3f f9 37 62 a0 6d db f7 22 c4 eb e9 dd d6 6d   SHA-256 of the object
//	8f 63 dd ae a9 7f 52 1c 3e cc 20 da 7c 97 60 20
//	40 4f bf d2                                       CRC-32C of all that
//	68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 0a            block 0: "hello, world\n"
//	f3 11 b7 08                                       CRC-32C of the block, from 404fbfd2 + 0
//
// The others differ in their shard's number, in the header's checksum and from there on:
//
//	shard 1   0f 47 b8 8e   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    4d 4a af 31
//	shard 2   de 5f b1 6a   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    d3 86 43 dc
//	shard 3   91 57 b6 36   00 00 00 00 00 00 00 00 00 00 00 00 00  empty    a6 3d e7 87
//	shard 4   79 83 d4 53   11 be 7d 7d 50 f3 47 25 50 52 7d a5 ee  parity   0a fd 28 3e
//	shard 5   36 8b d3 0f   14 98 64 64 40 37 a7 7d 40 11 64 84 d8  parity   c8 a9 72 cc
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
// A Stripe takes 768 KiB, or less if the object has but one. A PUT or a GET needs one, and two or three to
// have the network, the hash and the code at work at once. Coding a stripe allocates nothing but what
// klauspost/reedsolomon does for itself, about 1 KiB.
package rs
