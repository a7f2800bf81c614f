// Package rs is the pure core of chapters 5 to 9: objects as six shards, any four of which give the object
// back. It reads and writes memory only, starts no goroutine, and knows nothing of services.
//
// # Stripes, blocks, shards
//
// An object is cut into stripes of 512 KiB. A stripe is compressed to a zstd frame (RFC 8878) if that saves
// at least an eighth, and stays raw otherwise. It is then cut into four data blocks, one after the other,
// and two parity blocks are computed from them. Shard i is block i of every stripe: 0 to 3
// are data, 4 and 5 parity.
//
//	object   | stripe 0                              | stripe 1 …
//	         | block 0 | block 1 | block 2 | block 3 |
//	shard 0    block 0                                 block 0 …
//	   …
//	shard 3                                  block 3   block 3 …
//	shard 4    parity of blocks 0 to 3                 parity …
//	shard 5    parity of blocks 0 to 3                 parity …
//
// A quarter of the encoded stripe, rounded up, is the length of each of its blocks, and zeros pad the last one:
// 128 KiB if it is raw, except in the last stripe, which has the rest of the object. A block is not shorter
// than 4 KiB, unless the whole stripe is: that is in the first block then, and the other data blocks are
// zeros, as are those that a stripe of up to 12 KiB does not need. An object of 0 bytes has no stripe.
//
// # The shard file, version 4
//
// Numbers are unsigned and big-endian.
//
//	offset  bytes
//	     0      4  "gors"
//	     4      1  version: 4
//	     5      1  shard: 0 to 5
//	     6      1  data shards: 4
//	     7      1  parity shards: 2
//	     8      4  block size: 131072
//	    12      8  object size in bytes, below 2^63
//	    20     32  SHA-256 of the object
//	    52      4  checksum: CRC-32C of bytes 0 to 51
//	    56         of every stripe: the block, and 4 bytes of checksum
//	               the table, of every stripe:
//	            4  length of the encoded stripe; the highest bit is 1 if it is raw
//	            8  strong checksum: XXH3 of the encoded stripe, without padding, 64 bits
//	            4  checksum of the table
//
// A header that differs from these constants belongs to another version and is refused. The table is at
// the end, since the lengths are not known before; the object's size says how long it is. A reader that
// has it finds every stripe.
//
// The bytes of a frame depend on the encoder. Blocks of two encodings pass their checksums and together
// give rubbish; so readers use only shards with equal tables, and the strong checksum proves that the
// stripe is that of the table.
//
// A block's checksum is its CRC-32C, continued from (header's checksum + number of the stripe) mod 2^32
// where a plain one begins with 0: the first argument of zlib's crc32 or of crc32.Update. So a block has
// its checksum in one place only. That of the table is made as if it were the block after the last.
//
// The seed of the XXH3 is the first 8 bytes of the SHA-256, as a number, XOR the number of the stripe.
//
// Byte k of the parity blocks is computed from byte k of the data blocks, in the field GF(2^8) with the
// polynomial 0x11d, as klauspost/reedsolomon and its model, Backblaze's, do by default:
//
//	parity 0 = 1b·d0 + 1c·d1 + 12·d2 + 14·d3
//	parity 1 = 1c·d0 + 1b·d1 + 14·d2 + 12·d3
//
// # Why two checksums
//
// Reed-Solomon repairs blocks that are known to be wrong; the checksum finds out which those are.
// CRC-32C is in the standard library and in processors, costs a tenth of SHA-256, and always detects up
// to 3 flipped bits, damage within 32 bits, and a block of another stripe or shard. Of everything else
// it misses one in 2^32; the strong checksum of the stripe, which every GET verifies, misses one in 2^64 of
// those. Neither protects against somebody who can write four shard files with checksums that fit; the
// SHA-256 would, which a PUT, a repair and a GET of up to 1 MiB verify, and the client, to whom it is told.
// MinIO puts 32 bytes of HighwayHash before each block, Ceph's BlueStore keeps 4 bytes of CRC-32C for each
// 4 KiB in its metadata.
package rs
