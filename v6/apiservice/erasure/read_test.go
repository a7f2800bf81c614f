package erasure

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter6/apiservice/objectstream"
	"gostore/chapter6/apiservice/placement"
	"gostore/chapter6/rs"
	"gostore/common/hash"
)

// shardFiles returns the shard files that an object would have if content were its bytes, whether that
// has the object's hash or not.
func shardFiles(t *testing.T, o rs.Object, content []byte) (files [rs.Shards][]byte) {
	coder, err := rs.NewCoder()
	require.NoError(t, err)
	for i := range files {
		files[i] = o.Header(i)
	}
	stripe := rs.NewStripe(o)
	for n := range o.Stripes() {
		stripe.Reset(n)
		content = content[copy(stripe.Data(), content):]
		require.NoError(t, coder.Encode(stripe))
		for i := range files {
			block, sum := stripe.Stored(i)
			files[i] = append(append(files[i], block...), sum...)
		}
	}
	return files
}

// serveShards returns the places of a data service that holds the shards that an object of some hash
// would have if content were its bytes.
func serveShards(t *testing.T, o rs.Object, content []byte) (places placement.Places) {
	files := shardFiles(t, o, content)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		from, _ := strconv.Atoi(r.URL.Query().Get("from")) // it is a number
		to, _ := strconv.Atoi(r.URL.Query().Get("to"))     // it is a number
		file := files[name[len(name)-1]-'0']
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
