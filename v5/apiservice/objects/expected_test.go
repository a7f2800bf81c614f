package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/apiservice/erasure"
	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/chapter5/rs/rstest"
	"gostore/common/es"
	"gostore/common/hash"
)

// fake is what a handler stands between: data services, of which one holds all shards, and metadata.
type fake struct {
	Versions // nothing else is asked of them
	files    map[string][]byte
	server   *httptest.Server
	asked    chan struct{} // has room for one
	expected es.Metadata
	latest   func() (es.Metadata, error)
}

// newFake returns the URL of an object, too.
func newFake(t *testing.T) (*fake, string) {
	f, codec := newDataService(t)
	api := httptest.NewServer(Handler(f, nil, codec, f, f))
	t.Cleanup(api.Close)
	return f, api.URL + "/objects/name"
}

func newDataService(t *testing.T) (*fake, *erasure.Codec) {
	f := &fake{files: map[string][]byte{}, asked: make(chan struct{}, 1)}
	f.server = httptest.NewServer(http.HandlerFunc(f.serveShard))
	t.Cleanup(f.server.Close) // waits until no request is left
	codec, err := erasure.NewCodec(objectstream.NewClient(), nil)
	require.NoError(t, err)
	return f, codec
}

func (f *fake) serveShard(w http.ResponseWriter, r *http.Request) {
	select {
	case f.asked <- struct{}{}:
	default:
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))                          // it is a number
	_, _ = w.Write(f.files[strings.TrimPrefix(r.URL.Path, "/objects/")][from:]) // the reader may have left
}

func (f *fake) Locate(context.Context, string) (locate.Places, bool, error) {
	return locate.Places{}, false, errors.New("nobody has to be asked")
}

func (f *fake) Find(context.Context, string) (places locate.Places, err error) {
	for shard := range places {
		places[shard] = strings.TrimPrefix(f.server.URL, "http://")
	}
	return places, nil
}

func (f *fake) Look(*erasure.Reader) {}

func (f *fake) Expected(string) es.Metadata { return f.expected }

func (f *fake) Latest(context.Context, string) (es.Metadata, error) { return f.latest() }

// keep has the data service hold an object.
func (f *fake) keep(t *testing.T, content []byte) es.Metadata {
	o := rs.NewObject(int64(len(content)), sha256.Sum256(content))
	sum := hash.Hash(o.Hash())
	for shard, file := range rstest.Files(t, o, content) {
		f.files[rs.Name(sum, shard)] = file
	}
	return es.Metadata{Name: "name", Version: 1, Size: int64(len(content)), Hash: sum.String()}
}

func random(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func get(t *testing.T, url string) (status int, content []byte) {
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close() // read to its end
	content, err = io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, content
}

func TestShardsAreAskedForBeforeTheMetadataAnswer(t *testing.T) {
	for _, size := range []int{0, 1, 100_000, 3 * rs.StripeSize} {
		f, url := newFake(t)
		content := random(size)
		f.expected = f.keep(t, content)
		f.latest = func() (es.Metadata, error) {
			if size == 0 { // there is nothing to ask for
				return f.expected, nil
			}
			select {
			case <-f.asked:
				return f.expected, nil
			case <-time.After(10 * time.Second):
				return es.Metadata{}, errors.New("no shard was asked for")
			}
		}
		status, got := get(t, url)
		require.Equal(t, http.StatusOK, status, size)
		require.True(t, bytes.Equal(content, got), size)
	}
}

// What is not wanted after all is not sent, and nothing of it is left: neither a request nor a place among those that
// are expected at the same time.
func TestWhatWasExpectedInVain(t *testing.T) {
	f, url := newFake(t)
	f.expected = f.keep(t, random(16*rs.StripeSize)) // so much does not fit into a connection
	other := random(1000)
	newest := f.keep(t, other)
	for range 2 * runtime.GOMAXPROCS(0) {
		drain(f.asked)
		f.latest = func() (es.Metadata, error) { <-f.asked; return newest, nil }
		_, got := get(t, url)
		require.True(t, bytes.Equal(other, got))
		f.latest = func() (es.Metadata, error) { return es.Metadata{Name: "name", Version: 2}, nil }
		status, _ := get(t, url)
		require.Equal(t, http.StatusNotFound, status)
		f.latest = func() (es.Metadata, error) { return es.Metadata{}, es.ErrUnreachable }
		status, _ = get(t, url)
		require.Equal(t, http.StatusServiceUnavailable, status)
	}
}

func TestWhatWasBegunLongAgoIsNotUsed(t *testing.T) {
	f, codec := newDataService(t)
	m := f.keep(t, random(1000))
	content, err := hash.Parse(m.Hash)
	require.NoError(t, err)
	o := rs.NewObject(m.Size, content)
	h := &handler{locator: f, codec: codec, expecting: make(chan struct{}, 1)}
	for _, old := range []bool{true, false} {
		h.expecting <- struct{}{}
		begun := h.begin(t.Context(), o)
		if old {
			begun.since = begun.since.Add(-2 * longestExpected)
		}
		reader := begun.take(o)
		require.Equal(t, old, reader == nil)
		if reader != nil {
			reader.Close()
		}
		begun.end()
	}
}

func drain(asked <-chan struct{}) {
	select {
	case <-asked:
	default:
	}
}
