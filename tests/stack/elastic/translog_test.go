package elastic

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTranslogEndsAtATornRecord has a record that was not written to its end, and one from before the
// last transaction behind it.
func TestTranslogEndsAtATornRecord(t *testing.T) {
	l, err := openLog(t.TempDir())
	require.NoError(t, err)
	defer l.file.Close() // of this test only
	doc := func(id string) *newDoc {
		return &newDoc{&index{UUID: "u"}, record{7, 1, []byte(`{"n": 1}`)}, &extraction{id: id}}
	}
	require.NoError(t, l.write([]*newDoc{doc("a"), doc("b")}, 3))
	whole := l.used
	require.NoError(t, l.write([]*newDoc{doc("c")}, 3))
	docs, err := l.read(3)
	require.NoError(t, err)
	require.Equal(t, []logged{{3, 7, 1, "u", "a", []byte(`{"n": 1}`)}, {3, 7, 1, "u", "b", []byte(`{"n": 1}`)}, {3, 7, 1, "u", "c", []byte(`{"n": 1}`)}}, docs)
	_, err = l.file.WriteAt([]byte{0}, l.used-1)
	require.NoError(t, err)
	docs, err = l.read(3)
	require.NoError(t, err)
	require.Len(t, docs, 2, "the third is torn")
	docs, err = l.read(4)
	require.NoError(t, err)
	require.Empty(t, docs, "a transaction has them")
	l.reset()
	require.NoError(t, l.write([]*newDoc{doc("d")}, 4))
	require.Less(t, l.used, whole)
	docs, err = l.read(4)
	require.NoError(t, err)
	require.Len(t, docs, 1, "what follows is from before")
}

// TestTranslogGoesIntoTheDatabase adds more documents than the log has room for, and finds each, once,
// after another start.
func TestTranslogGoesIntoTheDatabase(t *testing.T) {
	const n = logSize / 1000
	dir := t.TempDir()
	s, err := openStore(dir)
	require.NoError(t, err)
	source := fmt.Appendf(nil, `{"text":"%01000d"}`, 1)
	for i := range n {
		doc := &docCall{docWrite: docWrite{id: fmt.Sprint(i), source: source, create: true}, index: "a"}
		_, err := s.updateDocs(doc)
		require.NoError(t, err)
		require.NoError(t, doc.err)
		require.EqualValues(t, i, doc.seq)
	}
	again := &docCall{docWrite: docWrite{id: "5", source: source, create: true}, index: "a"}
	_, err = s.updateDocs(again)
	require.NoError(t, err)
	require.Error(t, again.err, "there is one")
	require.NoError(t, s.close())

	s, err = openStore(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.close()) }()
	views, done := s.views(sorted(s.current().indices))
	defer done()
	require.EqualValues(t, n, views[0].count(bucketDocs))
}
