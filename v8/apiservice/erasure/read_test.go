package erasure

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter8/apiservice/objectstream"
	"gostore/chapter8/apiservice/placement"
	"gostore/chapter8/rs"
	"gostore/common/hash"
)

// shardFiles returns the shard files that an object would have if content were its bytes, whether that
// has the object's hash or not.
func shardFiles(t *testing.T, o rs.Object, content []byte) (files [rs.Shards][]byte) {
	return filesBy(t, o, content, (*rs.Coder).Encode)
}

func filesBy(t *testing.T, o rs.Object, content []byte, encode func(c *rs.Coder, s *rs.Stripe) error) (files [rs.Shards][]byte) {
	coder, err := rs.NewCoder()
	require.NoError(t, err)
	for i := range files {
		files[i] = o.Header(i)
	}
	stripe := rs.NewStripe(o)
	table := rs.NewTable(o)
	for n := range o.Stripes() {
		stripe.Reset(n)
		content = content[copy(stripe.Data(), content):]
		require.NoError(t, encode(coder, stripe))
		table.Add(stripe)
		for i := range files {
			block, sum := stripe.Stored(i)
			files[i] = append(append(files[i], block...), sum...)
		}
	}
	for i := range files {
		files[i] = append(files[i], table.Stored(i)...)
	}
	return files
}

// serveShards returns the places of a data service that holds the shards that an object of some hash
// would have if content were its bytes.
func serveShards(t *testing.T, o rs.Object, content []byte) (places placement.Places) {
	files := shardFiles(t, o, content)
	return serveFiles(t, &files)
}

// serveFiles returns the places of a data service that holds shard files.
func serveFiles(t *testing.T, files *[rs.Shards][]byte) (places placement.Places) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		from, _ := strconv.Atoi(r.URL.Query().Get("from")) // it is a number
		to, _ := strconv.Atoi(r.URL.Query().Get("to"))     // it is a number
		file := files[name[len(name)-1]-'0']
		if from < 0 {
			from += len(file)
		}
		shard := file[from:min(to, len(file))]
		w.Header().Set("Content-Length", strconv.Itoa(len(shard)))
		w.Header().Set("Size", strconv.Itoa(len(file)))
		_, _ = w.Write(shard) // the reader notices what is missing
	}))
	t.Cleanup(server.Close)
	for i := range places {
		places[i] = strings.TrimPrefix(server.URL, "http://")
	}
	return places
}

func newTestCodec(t *testing.T) *Codec {
	codec, err := NewCodec(objectstream.NewClient(nil))
	require.NoError(t, err)
	return codec
}

// TestLastStripeOfWrongContentIsHeldBack has intact blocks of another object.
func TestLastStripeOfWrongContentIsHeldBack(t *testing.T) {
	codec := newTestCodec(t)
	for _, size := range []int{1, 100_000, rs.StripeSize + 1, 5 * rs.StripeSize} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		for _, right := range []bool{true, false} {
			sum := sha256.Sum256(content)
			if !right {
				sum[0] ^= 1
			}
			o := rs.NewObject(int64(size), sum)
			reader := codec.Open(t.Context(), o, serveShards(t, o, content))
			got, err := io.ReadAll(reader)
			require.Equal(t, !right, reader.Damaged())
			reader.Close()
			if right {
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got), size)
				continue
			}
			require.ErrorIs(t, err, hash.ErrMismatch)
			require.True(t, bytes.Equal(content[:(o.Stripes()-1)*rs.StripeSize], got), size)
		}
	}
}

// TestQuorum has five shards on four services as the least that a PUT is acknowledged with.
func TestQuorum(t *testing.T) {
	check := func(stored placement.Places) error {
		s := &shardWriters{quorum: WriteQuorum}
		for shard, address := range stored {
			if address != "" {
				s.writers = append(s.writers, &shardWriter{shard: shard, address: address})
			}
		}
		return s.check()
	}
	for _, stored := range []placement.Places{{"a", "b", "c", "d", "e"}, {"a", "a", "b", "c", "", "d"}, {"a", "b", "c", "d", "a", "b"}} {
		require.NoError(t, check(stored))
	}
	for _, stored := range []placement.Places{{}, {"a", "b", "c", "d"}, {"a", "a", "b", "b", "c", "c"}} {
		require.ErrorContains(t, check(stored), "try again")
	}
}

// TestHeaderAndTableCorrupt flips every byte of the header and of the table of every two shards.
func TestHeaderAndTableCorrupt(t *testing.T) {
	codec, content := newTestCodec(t), bytes.Repeat([]byte("hello, world\n"), 1000)
	o := rs.NewObject(int64(len(content)), sha256.Sum256(content))
	files := shardFiles(t, o, content)
	places := serveFiles(t, &files)
	var ends []int // positions, from the end if negative
	for at := range rs.HeaderSize {
		ends = append(ends, at)
	}
	for back := range int(o.TableSize()) {
		ends = append(ends, -1-back)
	}
	flip := func(shard, at int) {
		if at < 0 {
			at += len(files[shard])
		}
		files[shard][at] ^= 1 << rand.IntN(8)
	}
	intact := files
	for a := range rs.Shards {
		for b := range a {
			for i, at := range ends {
				files[a], files[b] = bytes.Clone(intact[a]), bytes.Clone(intact[b])
				flip(a, at)
				flip(b, ends[(7*i+b)%len(ends)])
				requireRead(t, codec, o, places, content)
			}
			files = intact
		}
	}
}

// TestEncodingsAreNotMixed has shards that are intact and of two encodings.
func TestEncodingsAreNotMixed(t *testing.T) {
	codec, content := newTestCodec(t), bytes.Repeat([]byte("hello, world\n"), 60_000)
	o := rs.NewObject(int64(len(content)), sha256.Sum256(content))
	packed := shardFiles(t, o, content)
	raw := filesBy(t, o, content, (*rs.Coder).Protect)
	files := packed
	places := serveFiles(t, &files)
	for chosen := range uint(1 << rs.Shards) {
		for i := range files {
			files[i] = [][]byte{packed[i], raw[i]}[chosen>>i&1]
		}
		switch bits.OnesCount(chosen) {
		case 0, 1, 2, 4, 5, 6:
			requireRead(t, codec, o, places, content)
		default:
			reader := codec.Open(t.Context(), o, places)
			_, err := io.ReadAll(reader)
			reader.Close()
			require.ErrorIs(t, err, rs.ErrTooFewShards)
		}
	}
}

func requireRead(t *testing.T, codec *Codec, o rs.Object, places placement.Places, content []byte) {
	t.Helper()
	reader := codec.Open(t.Context(), o, places)
	defer reader.Close()
	got, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
}
