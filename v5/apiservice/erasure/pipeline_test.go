package erasure

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/chapter5/rs/rstest"
	"gostore/common/hash"
)

// shardServer is a data service that has what an object of some hash would have as shards if content were its bytes.
func shardServer(t *testing.T, o rs.Object, content []byte) (places locate.Places) {
	files := rstest.Files(t, o, content)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))  // it is a number
		_, _ = w.Write(files[name[len(name)-1]-'0'][from:]) // the reader notices what is missing
	}))
	t.Cleanup(server.Close)
	for i := range places {
		places[i] = strings.TrimPrefix(server.URL, "http://")
	}
	return places
}

// Every block is right, and the object is another one: that is found out before the last stripe is sent.
func TestLastStripeOfWrongContentIsHeldBack(t *testing.T) {
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
			codec, err := NewCodec(objectstream.NewClient(), nil)
			require.NoError(t, err)
			reader := codec.Read(t.Context(), o, shardServer(t, o, content))
			var out bytes.Buffer
			n, err := reader.WriteTo(&out)
			reader.Close()
			require.EqualValues(t, out.Len(), n)
			if right {
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, out.Bytes()), size)
				continue
			}
			require.ErrorIs(t, err, hash.ErrMismatch)
			require.True(t, bytes.Equal(content[:(o.Stripes()-1)*rs.StripeSize], out.Bytes()), size)
		}
	}
}
