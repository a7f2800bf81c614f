package es

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// FuzzDocument decodes documents that others wrote: one that is accepted has the id of its name and
// version, and its content, if it has one, can exist.
func FuzzDocument(f *testing.F) {
	empty, some := hash.Of(nil).String(), hash.Of([]byte("some")).String()
	for _, seed := range []struct{ id, source string }{
		{"a_1", `{"name":"a","version":1,"size":4,"hash":"` + some + `","meta":{"A":"b"},"headers":{"Expires":"0"}}`},
		{"a_1", `{"name":"a","version":1,"size":0,"hash":"` + empty + `"}`},
		{"a_1", `{"name":"a","version":1,"size":0,"hash":"` + some + `"}`},
		{"a_1", `{"name":"a","version":1,"size":-1,"hash":"` + some + `"}`},
		{"a_1", `{"name":"a","version":1,"size":4,"hash":"` + empty + `"}`},
		{"a_2", `{"name":"a","version":1,"size":4,"hash":"rubbish"}`},
		{"7_1", `{"name":7,"version":"1","size":"23","hash":["a","b"]}`},
		{"a_1", `{"name":"a","version":1e99}`}, {"_0", `null`}, {"a_-1", `{"name":"a","version":-1}`}, {"", ``},
	} {
		f.Add(seed.id, []byte(seed.source))
	}
	f.Fuzz(func(t *testing.T, id string, source []byte) {
		version, err := decode("index", id, source)
		if err != nil {
			require.Zero(t, version)
			return
		}
		require.Positive(t, version.Version)
		require.Equal(t, id, documentID(version.Name, version.Version))
		content, err := version.Content()
		if err != nil {
			require.Contains(t, err.Error(), "document")
			return
		}
		require.Equal(t, version.Hash, content.String())
		require.GreaterOrEqual(t, version.Size, int64(0))
		require.Equal(t, version.Size == 0, content == hash.Of(nil))
	})
}
