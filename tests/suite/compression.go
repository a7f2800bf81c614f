package suite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// NewBody returns n random bytes; of a store that compresses, stripes of text and of random bytes in turns.
func (s *Store) NewBody(n int) []byte {
	body := NewBody(n)
	if compressing().has(s.chapter) {
		for at := 0; at < n; at += 2 * Stripe {
			copy(body[at:min(at+Stripe, n)], NewText(Stripe))
		}
	}
	return body
}

// NewText returns n bytes of lines of JSON, as logs have them: compressed they are about a quarter.
func NewText(n int) []byte {
	var b bytes.Buffer
	b.Grow(n + 100)
	for b.Len() < n {
		fmt.Fprintf(&b, `{"level":"info","request":"GET","path":"/objects/%08x","status":%d,"bytes":%d}`+"\n",
			rand.Uint32(), 200+rand.IntN(8), rand.IntN(10_000))
	}
	return b.Bytes()[:n]
}

// textTakesAQuarter compares what is on disk with what was put, of text and of random bytes.
func textTakesAQuarter(t *testing.T, s *Store) {
	const size = 10 << 20
	for _, c := range []struct {
		body []byte
		most int64 // bytes of all six shard files
	}{
		{NewText(size), 4 << 20},
		{NewBody(size), 15 << 20 * 101 / 100},
		{bytes.Repeat([]byte("a"), size), size / 100},
	} {
		_, files, _ := s.PutShards(t, c.body)
		var sum int64
		for _, file := range files {
			info, err := os.Stat(file)
			require.NoError(t, err)
			sum += info.Size()
		}
		require.LessOrEqual(t, sum, c.most)
	}
}

// compressionIsInvisible has all that a client sees of text as if it were stored as it is.
func compressionIsInvisible(t *testing.T, s *Store) {
	for _, body := range [][]byte{NewText(100), s.NewBody(Stripe + 1), s.NewBody(3*Stripe + 1)} {
		name := NewName()
		s.Put(t, name, body)
		for _, encoding := range []string{"", "identity", "gzip, zstd", "zstd;q=1.0", "*"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got, content := s.accepting(t, method, name, encoding)
				require.Equal(t, http.StatusOK, got.StatusCode)
				require.EqualValues(t, len(body), got.ContentLength)
				require.Empty(t, got.Header.Get("Content-Encoding"))
				require.Equal(t, `"`+hash.Of(body).String()+`"`, got.Header.Get("ETag"))
				require.True(t, method == http.MethodHead || bytes.Equal(body, content), encoding)
			}
		}
		require.EqualValues(t, len(body), s.versionsOf(t, name)[0].Size)
	}
}

// lastStripeOfAByte reads around the border of a stripe and a last one of one byte, also with two shards gone.
func lastStripeOfAByte(t *testing.T, s *Store) {
	for _, body := range [][]byte{s.NewBody(2*Stripe + 1), s.NewBody(3*Stripe + 1)} {
		name, files, _ := s.PutShards(t, body)
		size := len(body)
		for _, lost := range [][]string{nil, files[:1], files[4:5]} {
			for _, file := range lost {
				require.NoError(t, os.Remove(file))
			}
			for _, part := range [][2]int{{0, size}, {size - 1, size}, {size - 2, size}, {size - 2, size - 1}, {size - Stripe - 2, size}} {
				got := s.getRange(t, name, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", part[0], part[1]-1)}})
				require.Equal(t, http.StatusPartialContent, got.Status)
				require.True(t, bytes.Equal(body[part[0]:part[1]], got.Body), "%v", part)
			}
		}
	}
}
