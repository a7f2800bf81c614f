package elastic

import (
	"context"
	"encoding/binary"
	"iter"
	"slices"

	"go.etcd.io/bbolt"
)

// view is an index as one search sees it.
type view struct {
	idx     *index
	bucket  *bbolt.Bucket
	ordinal int64 // its place among the indices that are searched together
}

// entry is one value of one document, from a field's entries.
type entry struct {
	key string
	seq int64
	id  []byte
}

// doc is a document that a search looks at. It is read when that is needed.
type doc struct {
	entry
	view   *view
	record record // once it is loaded
	fields map[string][]string
}

func (d *doc) load() record {
	if d.record.source == nil {
		d.record, _ = findRecord(d.view.bucket.Bucket([]byte(bucketDocs)), string(d.id)) // every entry has its document
	}
	return d.record
}

// place is a number that sorts as documents were written, index by index: _doc and _shard_doc.
func (d *doc) place() int64 { return d.view.place(d.seq) }

func (v *view) place(seq int64) int64 { return v.ordinal<<40 + seq }

// keys returns the values of a field, in order.
func (d *doc) keys(path string) []string {
	switch path {
	case "_id":
		return []string{keywordKey(string(d.id))}
	case "_doc", "_shard_doc":
		return []string{longKey(d.place())}
	}
	if d.fields == nil {
		object, err := parseObject(d.load().source)
		if err != nil {
			object = nil // it was parsed before it was stored
		}
		d.fields = keysOf(d.view.idx.Mapping, string(d.id), object)
	}
	if keys := d.fields[path]; len(keys) > 0 && d.view.isIndexed(path, keys[0], d.seq) {
		return keys
	}
	return nil
}

// isIndexed is false for a document that is older than the field in the mapping.
func (v *view) isIndexed(path, key string, seq int64) bool {
	if !v.idx.Extended {
		return true
	}
	entries := v.bucket.Bucket([]byte(fieldPrefix + path))
	return entries != nil && entries.Get([]byte(key+seqKey(seq))) != nil
}

func (v *view) count(name string) int64 {
	return countIn(v.bucket.Bucket([]byte(bucketCounts)), name)
}

// driver is the list of entries that a search goes through: all matches are in it.
type driver struct {
	field string
	spans []span
	desc  bool
}

// driverFor chooses the shortest list that it can know of without looking: that of single values that
// are asked for, else that of the field which decides the order, else that of a range.
func driverFor(q query, first string, desc bool) driver {
	parts := required(q)
	for _, w := range parts {
		if w.isSelective() {
			return driver{w.field, w.spans, desc && w.field == first}
		}
	}
	for _, w := range parts {
		if first == "" || w.field == first {
			return driver{w.field, w.spans, desc}
		}
	}
	if first == "" {
		first = "_doc"
	}
	return driver{first, []span{{}}, desc}
}

// isWhole tells whether all entries of the field are in it.
func (d driver) isWhole() bool { return len(d.spans) == 1 && d.spans[0] == span{} }

// covers tells whether each of the driver's entries is a match already.
func (d driver) covers(q query) bool {
	switch q := q.(type) {
	case all:
		return true
	case within:
		return q.field == d.field && slices.Equal(q.spans, d.spans)
	}
	return false
}

// matches goes through the documents that match. One with several values in the driver's field comes
// once for each of them if repeat is set, else once for the first on the way.
func (v *view) matches(ctx context.Context, q query, d driver, repeat bool) iter.Seq[*doc] {
	covered := d.covers(q)
	unique := repeat || v.count(multiPrefix+d.field) == 0
	return func(yield func(*doc) bool) {
		n := 0
		for e := range v.entries(d) {
			if n++; n%1024 == 0 && ctx.Err() != nil {
				return // nobody waits for the answer
			}
			found := &doc{entry: e, view: v}
			if !covered && !q.matches(found) || !unique && !d.isFirst(found) {
				continue
			}
			if !yield(found) {
				return
			}
		}
	}
}

func (d driver) isFirst(found *doc) bool {
	keys := slices.Clone(found.keys(d.field))
	if d.desc {
		slices.Reverse(keys)
	}
	w := within{d.field, d.spans}
	at := slices.IndexFunc(keys, w.has)
	return at >= 0 && keys[at] == found.key
}

// entries goes through a driver's entries in the order of their keys.
func (v *view) entries(d driver) iter.Seq[entry] {
	spans := slices.Clone(d.spans)
	if d.desc {
		slices.Reverse(spans)
	}
	return func(yield func(entry) bool) {
		b := v.bucketOf(d.field)
		if b == nil {
			return // no document has that field
		}
		for _, s := range spans {
			if !v.walk(b.Cursor(), d.field, s, d.desc, yield) {
				return
			}
		}
	}
}

func (v *view) bucketOf(field string) *bbolt.Bucket {
	switch field {
	case "_id":
		return v.bucket.Bucket([]byte(bucketDocs))
	case "_doc", "_shard_doc":
		return v.bucket.Bucket([]byte(bucketOrder))
	}
	return v.bucket.Bucket([]byte(fieldPrefix + field))
}

// walk goes through one span. It returns false if yield did.
func (v *view) walk(c *bbolt.Cursor, field string, s span, desc bool, yield func(entry) bool) bool {
	step := c.Next
	key, value := c.Seek(v.raw(field, s.lo))
	if desc {
		step = c.Prev
		key, value = c.Last()
		if s.hi != "" {
			if at, _ := c.Seek(v.raw(field, s.hi)); at != nil {
				key, value = c.Prev()
			} else {
				key, value = c.Last()
			}
		}
	}
	for ; key != nil; key, value = step() {
		e := v.decode(field, key, value)
		if s.has(e.key) {
			if !yield(e) {
				return false
			}
			continue
		}
		if desc == (e.key < s.lo) {
			break // past the far end
		}
	}
	return true
}

// isMeta tells whether a field is one that every document has.
func isMeta(field string) bool { return field == "_id" || field == "_doc" || field == "_shard_doc" }

// raw is where a key stands in the bucket of a field.
func (v *view) raw(field, key string) []byte {
	switch {
	case field == "_id":
		return []byte(keywordOf(key))
	case (field == "_doc" || field == "_shard_doc") && len(key) == 8:
		return []byte(seqKey(max(0, longOf(key)-v.place(0))))
	}
	return []byte(key)
}

func (v *view) decode(field string, key, value []byte) entry {
	switch field {
	case "_id":
		return entry{keywordKey(string(key)), decodeRecord(value).seq, key}
	case "_doc", "_shard_doc":
		seq := longOf(string(key))
		return entry{longKey(v.place(seq)), seq, value}
	}
	at := len(key) - 8
	return entry{string(key[:at]), int64(binary.BigEndian.Uint64(key[at:]) ^ 1<<63), value}
}
