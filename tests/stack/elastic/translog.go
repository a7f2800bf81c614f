package elastic

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// logSize bounds the translog. It is allocated at once, since a file that grows takes longer to sync.
const logSize = 1 << 20

// translog keeps new documents until they go into the database, many in one transaction: at a refresh,
// before any other write, or when the file is full. So a write costs one fsync of a few bytes and not
// two of a dozen pages. Elasticsearch has a file of this name and purpose too.
//
// A record is its length and CRC-32C (4 bytes each, big-endian), and a logged as JSON. It counts only
// with the ID of the database's last transaction in it: so the transaction that takes documents over
// is what ends their records, and the next ones are written from the beginning of the file again.
//
// All of it belongs to the committer; waiting is changed under store.mu, and read under it by others.
type translog struct {
	file    *os.File
	used    int64
	waiting newDocs
}

// newDocs are documents in the order of their writing.
type newDocs struct {
	list  []*newDoc
	byKey map[docKey]*newDoc
	of    map[string]int64 // how many an index has, by its UUID
}

type docKey struct{ uuid, id string }

type newDoc struct {
	idx *index
	record
	*extraction
}

// logged is a newDoc on disk.
type logged struct {
	After, Seq, Version int64
	UUID, ID            string
	Source              []byte
}

// errUnsuited is returned for what cannot go through the translog, and must be a transaction.
var errUnsuited = errors.New("not for the translog")

func checksum(record []byte) uint32 {
	return crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli)) // the table is made once
}

func (n *newDocs) add(docs ...*newDoc) {
	if n.byKey == nil {
		n.byKey, n.of = map[docKey]*newDoc{}, map[string]int64{}
	}
	for _, d := range docs {
		n.byKey[docKey{d.idx.UUID, d.id}] = d
		n.of[d.idx.UUID]++
	}
	n.list = append(n.list, docs...)
}

func openLog(dir string) (*translog, error) {
	file, err := os.OpenFile(filepath.Join(dir, "translog"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &translog{file: file}
	if err := l.allocate(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

func (l *translog) allocate() error {
	info, err := l.file.Stat()
	if err != nil || info.Size() >= logSize {
		return err
	}
	if _, err := l.file.WriteAt(make([]byte, logSize-info.Size()), info.Size()); err != nil {
		return err
	}
	return l.file.Sync()
}

// reset forgets the documents: they are in the database now.
func (l *translog) reset() { l.used, l.waiting = 0, newDocs{} }

// read returns what was logged after a transaction.
func (l *translog) read(txid int) (docs []logged, err error) {
	rest, err := io.ReadAll(io.NewSectionReader(l.file, 0, logSize))
	if err != nil {
		return nil, err
	}
	for len(rest) > 8 {
		size, sum := uint64(binary.BigEndian.Uint32(rest)), binary.BigEndian.Uint32(rest[4:])
		rest = rest[8:]
		if size > uint64(len(rest)) || checksum(rest[:size]) != sum {
			break // never written, or not to its end
		}
		var d logged
		if err := json.Unmarshal(rest[:size], &d); err != nil || d.After != int64(txid) {
			break // from before
		}
		docs, rest = append(docs, d), rest[size:]
	}
	return docs, nil
}

// write returns when documents are on disk. It returns errUnsuited if there is no room for them.
func (l *translog) write(docs []*newDoc, txid int) error {
	var out bytes.Buffer
	for _, d := range docs {
		encoded, err := json.Marshal(logged{int64(txid), d.seq, d.version, d.idx.UUID, d.id, d.source})
		if err != nil {
			return err
		}
		head := binary.BigEndian.AppendUint32(nil, uint32(len(encoded)))
		out.Write(binary.BigEndian.AppendUint32(head, checksum(encoded)))
		out.Write(encoded)
	}
	if l.used+int64(out.Len()) > logSize {
		return errUnsuited
	}
	_, err := l.file.WriteAt(out.Bytes(), l.used)
	if err == nil {
		err = l.file.Sync()
	}
	l.used += int64(out.Len())
	if err != nil {
		l.used = logSize // what it has now is not known: the next write is a transaction, which ends all that
	}
	return err
}

// replay puts into the database what was logged and not there yet when the server ended.
func (t *txn) replay(l *translog) error {
	docs, err := l.read(t.ID() - 1)
	if err != nil {
		return err
	}
	byUUID := map[string]*index{}
	for _, idx := range t.state.indices {
		byUUID[idx.UUID] = idx
	}
	for _, d := range docs {
		idx := byUUID[d.UUID]
		if idx == nil {
			return errors.New("translog: a document of an index that there is not")
		}
		added, err := extractSource(idx.Mapping, d.ID, d.Source)
		if err == nil {
			err = t.take(&newDoc{idx, record{d.Seq, d.Version, d.Source}, added})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take puts a document into the database under the number that it got when it was logged.
func (t *txn) take(d *newDoc) error {
	docs := t.Bucket([]byte(d.idx.UUID)).Bucket([]byte(bucketDocs))
	if err := docs.SetSequence(uint64(d.seq) + 1); err != nil {
		return err
	}
	return t.insert(d.idx, d.extraction, d.record)
}

// logAll does a batch of writes if all that they do is to add documents; else it does nothing and
// returns errUnsuited.
func (s *store) logAll(batch []*write) error {
	var fresh newDocs
	err := s.db.View(func(tx *bbolt.Tx) error {
		for _, w := range batch {
			if err := s.stageAll(tx, w, &fresh); err != nil {
				return err
			}
		}
		if len(fresh.list) == 0 {
			return nil // all were refused
		}
		return s.log.write(fresh.list, tx.ID())
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.waiting.add(fresh.list...)
	for _, d := range fresh.list {
		s.hide(d.idx)
	}
	return nil
}

func (s *store) stageAll(tx *bbolt.Tx, w *write, fresh *newDocs) error {
	if w.docs == nil {
		return errUnsuited
	}
	w.txid, w.err = tx.ID()+1, nil // the transaction that takes them over
	for _, doc := range w.docs {
		if err := s.stage(tx, doc, fresh); err != nil {
			return err
		}
	}
	return nil
}

// stage answers a write if that adds a document, or cannot since there is one of that id.
func (s *store) stage(tx *bbolt.Tx, doc *docCall, fresh *newDocs) error {
	idx, err := s.current().target(doc.index)
	if err != nil || idx == nil || idx.isBlocked() || doc.delete || doc.ifSeq != nil || doc.mustBeAlias || doc.validate() != nil {
		return errUnsuited
	}
	docs := tx.Bucket([]byte(idx.UUID)).Bucket([]byte(bucketDocs))
	key := docKey{idx.UUID, doc.id}
	old, exists := findRecord(docs, doc.id)
	for _, known := range []*newDocs{&s.log.waiting, fresh} {
		if d := known.byKey[key]; d != nil {
			old, exists = d.record, true
		}
	}
	if _, buried := s.graves[key]; buried || exists && !doc.create {
		return errUnsuited
	}
	doc.idx = idx
	if doc.err = doc.check(idx, old, exists); doc.err != nil {
		return nil
	}
	added, err := extractSource(idx.Mapping, doc.id, doc.source)
	if err != nil || added.root != idx.Mapping {
		return errUnsuited
	}
	seq := int64(docs.Sequence()) + s.log.waiting.of[idx.UUID] + fresh.of[idx.UUID]
	doc.docResult = docResult{version: 1, seq: seq, result: "created"}
	fresh.add(&newDoc{idx, record{seq, 1, doc.source}, added})
	return nil
}
