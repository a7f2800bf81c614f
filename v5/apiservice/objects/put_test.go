package objects

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/es"
	"gostore/common/hash"
)

// places stands for data services that hold some shards of an object, and take others.
type places struct {
	Codec
	Versions
	found, held, wanted locate.Places
}

func (p *places) Locate(context.Context, string) (locate.Places, bool, error) {
	return p.found, true, nil
}

func (p *places) Find(context.Context, string) (locate.Places, error) { return p.found, nil }

func (p *places) Spread(held locate.Places) (locate.Places, error) {
	for shard, address := range held {
		if address == "" {
			held[shard] = slices.MinFunc([]string{"a", "b", "c", "d", "e"}, func(a, b string) int { return held.Held(a) - held.Held(b) })
		}
	}
	return held, nil
}

func (p *places) Right(_ context.Context, _ rs.Object, held locate.Places) (locate.Places, bool) {
	return held, true
}

func (p *places) Write(_ context.Context, _ rs.Object, body io.Reader, held, wanted locate.Places) error {
	p.held, p.wanted = held, wanted
	_, err := io.Copy(io.Discard, body)
	return err
}

func (p *places) Ready(context.Context) error { return nil }

func (p *places) Add(context.Context, es.Metadata) (int64, error) { return 1, nil }

// Equal content that is put at the same time may be found, in part or whole, on too few data services.
func TestContentOnTooFewDataServicesIsSpread(t *testing.T) {
	for _, found := range []locate.Places{
		{},
		{"a", "b", "a", "b", "a"},
		{"a", "a", "a", "a", "a"},
		{"a", "b", "c", "a", "b", "c"},
		{"a", "b", "c", "d", "a", "b"}, // lies as it should
	} {
		p := &places{found: found}
		server := httptest.NewServer(Handler(p, p, p, nil, p))
		request, err := http.NewRequest(http.MethodPut, server.URL+"/objects/name", strings.NewReader("content"))
		require.NoError(t, err)
		hash.SetHeader(request.Header, hash.Of([]byte("content")))
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		server.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		if found.Holders() >= rs.DataShards {
			require.Zero(t, p.wanted, "nothing is to be written")
			continue
		}
		require.Equal(t, rs.Shards, p.wanted.Known())
		require.GreaterOrEqual(t, p.wanted.Holders(), rs.DataShards, found)
		for shard, address := range p.held {
			require.Contains(t, []string{"", found[shard]}, address, "only what is there need not be written")
		}
	}
}
