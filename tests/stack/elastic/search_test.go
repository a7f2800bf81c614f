package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// random makes documents and searches out of few values, so that they meet.
type random struct{ *rand.Rand }

func (r random) keyword() string {
	return []string{`""`, `"a"`, `"ab"`, `"b"`, `"a\u0000"`, `"世"`}[r.IntN(6)]
}

func (r random) long() string { return fmt.Sprint(r.IntN(7) - 3) }

func (r random) one(choices ...func() string) string { return choices[r.IntN(len(choices))]() }

func (r random) document() string {
	var members []string
	for _, field := range []string{"k", "m"} {
		members = append(members, r.one(
			func() string { return fmt.Sprintf("%q:%s", field, r.keyword()) },
			func() string { return fmt.Sprintf("%q:[%s,%s]", field, r.keyword(), r.keyword()) },
			func() string { return fmt.Sprintf("%q:null", field) }))
	}
	return "{" + strings.Join(append(members, r.one(
		func() string { return `"n":` + r.long() }, func() string { return `"n":[` + r.long() + "," + r.long() + "]" }, func() string { return `"n":[]` })), ",") + "}"
}

func (r random) query(depth int) string {
	leaf := []func() string{
		func() string { return `{"match_all":{}}` },
		func() string { return `{"term":{"k":` + r.keyword() + `}}` },
		func() string { return `{"terms":{"m":[` + r.keyword() + "," + r.keyword() + `]}}` },
		func() string { return `{"prefix":{"k":` + r.keyword() + `}}` },
		func() string { return `{"exists":{"field":"n"}}` },
		func() string { return `{"ids":{"values":["` + fmt.Sprint(r.IntN(50)) + `","3"]}}` },
		func() string { return `{"range":{"n":{"gt":` + r.long() + `,"lte":` + r.long() + `.5}}}` },
		func() string { return `{"range":{"k":{"gte":` + r.keyword() + `,"lt":` + r.keyword() + `}}}` },
	}
	if depth == 0 {
		return r.one(leaf...)
	}
	inner := func() string { return r.query(depth - 1) }
	return r.one(append(leaf,
		func() string { return `{"bool":{"filter":[` + inner() + "," + inner() + `]}}` },
		func() string { return `{"bool":{"must":` + inner() + `,"must_not":` + inner() + `}}` },
		func() string {
			return `{"bool":{"should":[` + inner() + "," + inner() + `],"filter":` + inner() + `,"minimum_should_match":1}}`
		})...)
}

func (r random) sort() string {
	field := func() string {
		return fmt.Sprintf(`{"%s":{"order":"%s"%s}}`, []string{"k", "m", "n", "_id", "_doc"}[r.IntN(5)], []string{"asc", "desc"}[r.IntN(2)],
			[]string{"", `,"missing":"_last"`, `,"missing":"_first"`}[r.IntN(3)])
	}
	return "[" + field() + "," + field() + "]"
}

// sample is an index of n documents, some of them overwritten and deleted again.
func sample(t *testing.T, r random, n int) *view {
	s, err := openStore(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	var idx *index
	_, err = s.update(func(t *txn) error {
		m, err := parseMapping(object(`{"properties":{"k":{"type":"keyword"},"m":{"type":"keyword"},"n":{"type":"long"}}}`))
		if err != nil {
			return err
		}
		if idx, err = t.create("sample", &template{Mapping: m}); err != nil {
			return err
		}
		for range 2 * n {
			w := docWrite{id: fmt.Sprint(r.IntN(n)), source: []byte(r.document()), delete: r.IntN(8) == 0}
			if _, err := t.writeDoc(idx, w); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, s.refresh(idx))
	views, done := s.views([]*index{idx})
	t.Cleanup(done)
	return views[0]
}

func object(text string) map[string]any {
	o, err := parseObject([]byte(text))
	if err != nil {
		panic(err)
	}
	return o
}

// TestShortCutsFindTheSame compares each search with the plain way: look at every document, sort all.
func TestShortCutsFindTheSame(t *testing.T) {
	for seed := range uint64(8) {
		r := random{rand.New(rand.NewPCG(seed, 0))}
		v := sample(t, r, 60)
		for range 100 {
			text, order := r.query(2), r.sort()
			compareWithPlain(t, v, text, order, r.IntN(10))
		}
	}
}

func compareWithPlain(t *testing.T, v *view, text, order string, room int) {
	t.Helper()
	c, err := parseQuery(object(text))
	require.NoError(t, err)
	q, err := c(v.idx.Mapping)
	require.NoError(t, err)
	list, err := parseSort(object(`{"s":` + order + `}`)["s"])
	require.NoError(t, err)
	list, err = bindSort(v.idx.Mapping, list)
	require.NoError(t, err)
	plain := top{order: list, room: 1000}
	for m := range v.matches(context.Background(), boolean{must: []query{q}}, driver{"_doc", []span{{}}, false}, false) {
		plain.add(m)
	}
	plain.cut()

	n := &total{limit: countAll}
	var all []string
	var after []string
	for {
		page := top{order: list, room: max(room, 1), after: after}
		if after != nil {
			n = &total{}
		}
		v.collect(context.Background(), q, &page, n)
		page.cut()
		if after == nil {
			require.EqualValues(t, len(plain.kept), n.n, "total of %s by %s", text, order)
		}
		if len(page.kept) == 0 {
			break
		}
		after = page.kept[len(page.kept)-1].keys
		for _, h := range page.kept {
			all = append(all, strings.Join(h.keys, "|"))
		}
	}
	var want []string
	for _, h := range plain.kept {
		want = append(want, strings.Join(h.keys, "|"))
	}
	// Of hits with the same sort key, search_after leaves out those that the page had no room for.
	require.Equal(t, slices.Compact(want), slices.Compact(all), "%s by %s, %d at once", text, order, room)
}

func FuzzSearch(f *testing.F) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	for range 20 {
		f.Add(`{"query":` + r.query(2) + `,"sort":` + r.sort() + `}`)
	}
	f.Add(`{"aggs":{"a":{"terms":{"field":"k","order":[{"_key":"asc"}]},"aggs":{"b":{"min":{"field":"n"}}}}},"search_after":[1],"_source":{"includes":["k"]}}`)
	m, err := parseMapping(object(`{"properties":{"k":{"type":"keyword"},"t":{"type":"text"},"n":{"type":"long"},"b":{"type":"boolean"},"o":{"properties":{"d":{"type":"double"}}}}}`))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := (&call{body: []byte(body)}).searchRequest()
		if err != nil {
			return // refused, without a panic
		}
		q, err := r.query(m)
		if err != nil {
			return
		}
		d := &doc{entry: entry{id: []byte("1")}, view: &view{idx: &index{}}, fields: keysOf(m, "1", map[string]any{"k": "a", "n": json.Number("1"), "b": true})}
		q.matches(d)
		required(q)
		if order, err := bindSort(m, r.order); err == nil {
			if keys, err := parseAfter(order, r.after); err == nil {
				for i, f := range order {
					f.shown(keys[i])
					f.keyOf(d)
				}
			}
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("a", "a\x00", int64(-1), int64(1), 1.5, -0.5)
	f.Fuzz(func(t *testing.T, a, b string, m, n int64, x, y float64) {
		require.Equal(t, strings.Compare(a, b), strings.Compare(keywordKey(a), keywordKey(b)))
		require.Equal(t, a, keywordOf(keywordKey(a)))
		require.Equal(t, m < n, longKey(m) < longKey(n))
		require.Equal(t, m, longOf(longKey(m)))
		if x == x && y == y && x != 0 { // no NaN, and no two zeros
			require.Equal(t, x < y, doubleKey(x) < doubleKey(y))
			require.Equal(t, x, doubleOf(doubleKey(x)))
		}
		for _, key := range []string{keywordKey(a), longKey(m)} {
			require.True(t, point(key).has(key))
		}
		require.Equal(t, strings.HasPrefix(a, b), span{escapeZero(b), next(escapeZero(b))}.has(keywordKey(a)))
	})
}
