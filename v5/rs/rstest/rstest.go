// Package rstest makes shard files for tests of what stores and reads them.
package rstest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/rs"
)

// Files returns the shard files of an object if content were its bytes, whether that has the object's hash or not.
func Files(t testing.TB, o rs.Object, content []byte) (files [rs.Shards][]byte) {
	coder, err := rs.NewCoder()
	require.NoError(t, err)
	for i := range files {
		files[i] = o.Header(i)
	}
	s := rs.NewStripe()
	for n := range o.Stripes() {
		s.Reset(o, n)
		content = content[copy(s.Data(), content):]
		require.NoError(t, coder.Encode(s))
		for i := range files {
			files[i] = append(files[i], bytes.Join(s.Shard(i), nil)...)
		}
	}
	return files
}
