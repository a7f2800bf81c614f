package elastic

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// An index's bucket is named by its UUID and has these in it:
//
//	docs      id → sequence number (8 bytes), version (8), source
//	order     sequence number → id
//	counts    how many documents: "docs" in all, "f:PATH" with a value in that field, "m:PATH" with several
//	f:PATH    key and sequence number → id, for every value of that field
const (
	bucketDocs   = "docs"
	bucketOrder  = "order"
	bucketCounts = "counts"
	fieldPrefix  = "f:"
	multiPrefix  = "m:"
)

const maxID = 512 // bytes

// primaryTerm never changes: there is no other node that could become the primary one.
const primaryTerm = 1

// record is a document in the docs bucket.
type record struct {
	seq, version int64
	source       []byte
}

func (r record) encode() []byte {
	b := make([]byte, 0, 16+len(r.source))
	b = binary.BigEndian.AppendUint64(b, uint64(r.seq))
	b = binary.BigEndian.AppendUint64(b, uint64(r.version))
	return append(b, r.source...)
}

// decodeRecord returns a record whose source is valid as long as the transaction.
func decodeRecord(b []byte) record {
	return record{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), b[16:]}
}

func seqKey(seq int64) string { return longKey(seq) }

// graves remember the versions of deleted documents for a minute, as the real server does, so that a
// document of the same id goes on from there. They do not outlast the process.
type graves map[docKey]tombstone

type tombstone struct {
	version int64
	at      time.Time
}

func (g graves) forget(now time.Time) {
	for where, what := range g {
		if now.Sub(what.at) > time.Minute {
			delete(g, where)
		}
	}
}

// docWrite is one document to be written or deleted.
type docWrite struct {
	id     string
	source []byte // as it was sent
	create bool   // only if there is none
	delete bool
	ifSeq  *int64 // only if the document is still the one of this number
}

// docResult is the answer to a docWrite.
type docResult struct {
	version, seq int64
	result       string // created, updated, deleted, not_found
}

// writeDoc does one write. If it returns an *apiError, nothing has changed.
func (t *txn) writeDoc(idx *index, w docWrite) (docResult, error) {
	if idx.isBlocked() {
		return docResult{}, blocked(idx)
	}
	docs := t.Bucket([]byte(idx.UUID)).Bucket([]byte(bucketDocs))
	old, exists := findRecord(docs, w.id)
	if err := w.check(idx, old, exists); err != nil {
		return docResult{}, err
	}
	var added *extraction
	if !w.delete {
		var err error
		if added, err = extractSource(idx.Mapping, w.id, w.source); err != nil {
			return docResult{}, err
		}
	}
	where := docKey{idx.UUID, w.id}
	if !exists {
		old.version = t.graves[where].version
	}
	seq, err := docs.NextSequence()
	if err != nil {
		return docResult{}, err
	}
	r := docResult{version: old.version + 1, seq: int64(seq) - 1}
	t.touched[idx.UUID] = idx
	if exists {
		if err := t.remove(idx, w.id, old); err != nil {
			return docResult{}, err
		}
	}
	if w.delete {
		t.graves[where] = tombstone{r.version, time.Now()}
		r.result = "deleted"
		if !exists {
			r.result = "not_found"
		}
		return r, nil
	}
	delete(t.graves, where)
	r.result = "created"
	if exists {
		r.result = "updated"
	}
	if added.root != idx.Mapping {
		grown := idx.clone()
		grown.Mapping = added.root
		if err := t.putIndex(grown); err != nil {
			return docResult{}, err
		}
	}
	return r, t.insert(idx, added, record{r.seq, r.version, w.source})
}

func findRecord(docs *bbolt.Bucket, id string) (record, bool) {
	b := docs.Get([]byte(id))
	if b == nil {
		return record{}, false
	}
	return decodeRecord(b), true
}

func (w docWrite) check(idx *index, old record, exists bool) error {
	switch {
	case w.create && exists:
		return conflict(idx, w.id, "document already exists (current version [%d])", old.version)
	case w.ifSeq != nil && !exists:
		return conflict(idx, w.id, "required seqNo [%d], primary term [%d]. but no document was found", *w.ifSeq, primaryTerm)
	case w.ifSeq != nil && old.seq != *w.ifSeq:
		return conflict(idx, w.id, "required seqNo [%d], primary term [%d]. current document has seqNo [%d] and primary term [%d]",
			*w.ifSeq, primaryTerm, old.seq, primaryTerm)
	}
	return nil
}

func extractSource(m *mapping, id string, source []byte) (*extraction, error) {
	object, err := parseObject(source)
	if err == nil {
		err = checkUnique(json.NewDecoder(bytes.NewReader(source)))
	}
	if err != nil {
		return nil, badRequest("mapper_parsing_exception", "failed to parse: %s", err)
	}
	x, err := extract(m, id, object)
	if err == nil && x.root != m && x.root.size() > maxFields {
		err = illegalArgument("Limit of total fields [%d] has been exceeded", maxFields)
	}
	return x, err
}

// checkUnique refuses an object with two members of one name, anywhere in the next value.
func checkUnique(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if _, isOpen := token.(json.Delim); !isOpen {
		return nil
	}
	seen := map[string]bool{}
	for decoder.More() {
		if token == json.Delim('{') {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string) // a member's name is nothing else
			if seen[text] {
				return fmt.Errorf("duplicate field '%s'", text)
			}
			seen[text] = true
		}
		if err := checkUnique(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the closing bracket
	return err
}

// parseObject reads a JSON object, numbers kept as they are written.
func parseObject(source []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, illegalArgument("null is no object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, illegalArgument("something follows the object")
	}
	return object, nil
}

func (t *txn) insert(idx *index, added *extraction, r record) error {
	b := t.Bucket([]byte(idx.UUID))
	if err := b.Bucket([]byte(bucketDocs)).Put([]byte(added.id), r.encode()); err != nil {
		return err
	}
	if err := b.Bucket([]byte(bucketOrder)).Put([]byte(seqKey(r.seq)), []byte(added.id)); err != nil {
		return err
	}
	for path, keys := range added.keys {
		entries, err := b.CreateBucketIfNotExists([]byte(fieldPrefix + path))
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := entries.Put([]byte(key+seqKey(r.seq)), []byte(added.id)); err != nil {
				return err
			}
		}
	}
	return addCounts(b, added.keys, 1)
}

// remove takes a document out again: what insert put in.
func (t *txn) remove(idx *index, id string, old record) error {
	b := t.Bucket([]byte(idx.UUID))
	object, err := parseObject(old.source)
	if err != nil {
		return err
	}
	if err := b.Bucket([]byte(bucketOrder)).Delete([]byte(seqKey(old.seq))); err != nil {
		return err
	}
	keys := keysOf(idx.Mapping, id, object)
	for path, list := range keys {
		entries := b.Bucket([]byte(fieldPrefix + path))
		if entries == nil {
			delete(keys, path) // the field came into the mapping after the document
			continue
		}
		list = slices.DeleteFunc(list, func(key string) bool { return entries.Get([]byte(key+seqKey(old.seq))) == nil })
		if keys[path] = list; len(list) == 0 {
			delete(keys, path)
		}
		for _, key := range list {
			if err := entries.Delete([]byte(key + seqKey(old.seq))); err != nil {
				return err
			}
		}
	}
	if err := b.Bucket([]byte(bucketDocs)).Delete([]byte(id)); err != nil {
		return err
	}
	return addCounts(b, keys, -1)
}

func addCounts(b *bbolt.Bucket, keys map[string][]string, n int64) error {
	counts := b.Bucket([]byte(bucketCounts))
	err := addCount(counts, bucketDocs, n)
	for path, list := range keys {
		if err == nil {
			err = addCount(counts, fieldPrefix+path, n)
		}
		if err == nil && len(list) > 1 {
			err = addCount(counts, multiPrefix+path, n)
		}
	}
	return err
}

func addCount(counts *bbolt.Bucket, name string, n int64) error {
	return counts.Put([]byte(name), []byte(longKey(countIn(counts, name)+n)))
}

func countIn(counts *bbolt.Bucket, name string) int64 {
	if b := counts.Get([]byte(name)); b != nil {
		return longOf(string(b))
	}
	return 0
}
