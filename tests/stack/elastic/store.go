package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// maxSize bounds the database. It is mapped into memory at once (as addresses: no memory is used
// before there is data), since growing the mapping would wait for all readers, and a search's
// snapshot is one.
const maxSize = 64 << 30

const (
	maxBatch = 256 // writes that share a commit
	tick     = 20 * time.Millisecond

	lockPatience = time.Second // for the server that had the directory before to be gone
)

const (
	bucketIndices   = "indices"   // name → index, JSON
	bucketTemplates = "templates" // name → template, JSON
)

// store keeps everything in one bbolt file, and before that in a log what is new. All writes go through
// one goroutine, which commits those that wait together, so a commit's fsync is shared. What searches
// see is a snapshot: a read transaction from the time of the last refresh.
type store struct {
	db      *bbolt.DB
	log     *translog
	queue   chan *write
	closing chan struct{} // ends refreshAll, which writes
	graves  graves        // of the committer alone

	committing, refreshing sync.WaitGroup // one goroutine each

	mu        sync.Mutex
	state     *state
	visible   map[string]*snapshot // by the index's UUID: what a search sees
	due       map[string]time.Time // by UUID: when writes that are not visible are to become so; zero time: on request
	refreshed chan struct{}        // closed and replaced at each refresh
	pits      map[string]*pit
}

// snapshot is a read transaction that several share. bbolt's reads of one transaction from several
// goroutines are safe as long as none of them writes: etcd lives on that too.
type snapshot struct {
	tx   *bbolt.Tx
	refs int // guarded by store.mu
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(filepath.Join(dir, "elastic.db"), 0o600, &bbolt.Options{
		Timeout: lockPatience, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		InitialMmapSize: maxSize, MaxSize: maxSize,
	})
	if err != nil {
		return nil, err
	}
	log, err := openLog(dir)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &store{db: db, log: log, queue: make(chan *write, maxBatch), closing: make(chan struct{}), graves: graves{},
		visible: map[string]*snapshot{}, due: map[string]time.Time{}, refreshed: make(chan struct{}), pits: map[string]*pit{}}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, log.file.Close(), db.Close())
	}
	s.committing.Go(s.commitAll)
	s.refreshing.Go(s.refreshAll)
	return s, nil
}

// close ends the store. Nobody may use it any more.
func (s *store) close() error {
	close(s.closing)
	s.refreshing.Wait()
	close(s.queue)
	s.committing.Wait()
	s.mu.Lock()
	for _, p := range s.pits {
		s.releaseAll(p.views)
	}
	for _, snap := range s.visible {
		s.release(snap)
	}
	s.mu.Unlock()
	return errors.Join(s.log.file.Close(), s.db.Close())
}

func (s *store) load() error {
	s.state = &state{map[string]*index{}, map[string]*template{}}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if err := loadAll(tx, bucketIndices, s.state.indices); err != nil {
			return err
		}
		if err := loadAll(tx, bucketTemplates, s.state.templates); err != nil {
			return err
		}
		return (&txn{Tx: tx, state: s.state}).replay(s.log)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refreshLocked(sorted(s.state.indices))
}

func loadAll[T any](tx *bbolt.Tx, bucket string, into map[string]*T) error {
	b, err := tx.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return err
	}
	return b.ForEach(func(name, encoded []byte) error {
		value := new(T)
		into[string(name)] = value
		return json.Unmarshal(encoded, value)
	})
}

func (s *store) current() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// write is a change that waits for its turn.
type write struct {
	apply func(*txn) error
	docs  []*docCall // if it is nothing but these
	err   error
	txid  int
	done  chan struct{}
}

// txn is the transaction of a batch of writes: what one wrote, the next one sees.
type txn struct {
	*bbolt.Tx
	state   *state
	changed bool // state is a copy
	graves  graves
	touched map[string]*index // indices with new documents, by UUID
	fresh   []*index          // indices that were made
}

// update runs apply, alone among writers, and returns when what it did is on disk. If apply returns
// an *apiError it must have changed nothing; any other error undoes the whole batch.
func (s *store) update(apply func(*txn) error) (txid int, err error) {
	return s.do(&write{apply: apply})
}

// updateDocs is update for documents, each of which has its own error if it is refused.
func (s *store) updateDocs(docs ...*docCall) (txid int, err error) {
	return s.do(&write{docs: docs, apply: func(t *txn) error {
		for _, doc := range docs {
			var api *apiError
			if doc.err = doc.apply(t); doc.err != nil && !errors.As(doc.err, &api) {
				return doc.err
			}
		}
		return nil
	}})
}

func (s *store) do(w *write) (txid int, err error) {
	w.done = make(chan struct{})
	s.queue <- w
	<-w.done
	return w.txid, w.err
}

func (s *store) commitAll() {
	for w := range s.queue {
		s.commit(s.batch(w))
	}
}

// batch takes what has come in while the last commit ran.
func (s *store) batch(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case w, more := <-s.queue:
			if !more {
				return batch
			}
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

func (s *store) commit(batch []*write) {
	s.graves.forget(time.Now())
	err := s.logAll(batch)
	if errors.Is(err, errUnsuited) {
		err = s.transact(batch)
	}
	for _, w := range batch {
		if err != nil {
			w.err = fmt.Errorf("commit: %w", err)
		}
		close(w.done)
	}
}

// transact does a batch of writes in the database, after those that were logged.
func (s *store) transact(batch []*write) error {
	t := &txn{state: s.current(), graves: s.graves, touched: map[string]*index{}}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		t.Tx = tx
		for _, d := range s.log.waiting.list {
			if err := t.take(d); err != nil {
				return err
			}
		}
		for _, w := range batch {
			w.txid = tx.ID()
			var api *apiError
			if w.err = w.apply(t); w.err != nil && !errors.As(w.err, &api) {
				return w.err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.publish(t)
}

// publish makes known what was committed. A new index can be searched at once, and is empty or not.
func (s *store) publish(t *txn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.reset()
	s.state = t.state
	for _, idx := range t.touched {
		s.hide(idx)
	}
	if len(t.fresh) == 0 {
		return nil
	}
	return s.refreshLocked(nil)
}

// hide says that an index has writes that searches do not see yet. It needs s.mu.
func (s *store) hide(idx *index) {
	if _, waits := s.due[idx.UUID]; waits {
		return
	}
	s.due[idx.UUID] = time.Time{}
	if interval := idx.refreshInterval(); interval > 0 {
		s.due[idx.UUID] = time.Now().Add(interval)
	}
}

// lookUp returns a document that is logged and not in the database yet.
func (s *store) lookUp(idx *index, id string) (r record, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.log.waiting.byKey[docKey{idx.UUID, id}]; d != nil {
		return d.record, true
	}
	return record{}, false
}

// flush has what is logged put into the database.
func (s *store) flush() error {
	s.mu.Lock()
	empty := len(s.log.waiting.list) == 0
	s.mu.Unlock()
	if empty {
		return nil
	}
	_, err := s.update(func(*txn) error { return nil })
	return err
}

// change makes the state one that may be changed.
func (t *txn) change() *state {
	if !t.changed {
		t.state, t.changed = t.state.clone(), true
	}
	return t.state
}

func (t *txn) putIndex(idx *index) error {
	t.change().indices[idx.Name] = idx
	return putJSON(t.Tx, bucketIndices, idx.Name, idx)
}

func putJSON(tx *bbolt.Tx, bucket, name string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put([]byte(name), encoded)
}

func (t *txn) dropIndex(idx *index) error {
	delete(t.change().indices, idx.Name)
	if err := t.Bucket([]byte(bucketIndices)).Delete([]byte(idx.Name)); err != nil {
		return err
	}
	return t.DeleteBucket([]byte(idx.UUID))
}

// refresh makes all that is committed in these indices visible. Others without hidden writes move to
// the new snapshot too, since it shows the same of them and an old one keeps pages from being reused.
func (s *store) refresh(indices ...*index) error {
	if err := s.flush(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refreshLocked(indices)
}

func (s *store) refreshLocked(indices []*index) error {
	tx, err := s.db.Begin(false)
	if err != nil {
		return err
	}
	for _, idx := range indices {
		delete(s.due, idx.UUID)
	}
	snap := &snapshot{tx: tx, refs: 1}
	for _, idx := range s.state.indices {
		if _, hidden := s.due[idx.UUID]; hidden {
			continue
		}
		s.replace(idx.UUID, snap)
		if s.log.waiting.of[idx.UUID] > 0 {
			s.hide(idx) // what came since the flush
		}
	}
	s.release(snap)
	close(s.refreshed)
	s.refreshed = make(chan struct{})
	return nil
}

func (s *store) replace(uuid string, snap *snapshot) {
	if old := s.visible[uuid]; old != nil {
		s.release(old)
	}
	snap.refs++
	s.visible[uuid] = snap
}

// release needs s.mu.
func (s *store) release(snap *snapshot) {
	snap.refs--
	if snap.refs == 0 {
		_ = snap.tx.Rollback() // the end of a read cannot fail
	}
}

// forget drops what a deleted index has in memory.
func (s *store) forget(idx *index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.due, idx.UUID)
	if old := s.visible[idx.UUID]; old != nil {
		delete(s.visible, idx.UUID)
		s.release(old)
	}
}

// awaitVisible returns when a search of the index sees the commit.
func (s *store) awaitVisible(ctx context.Context, uuid string, txid int) error {
	for {
		s.mu.Lock()
		snap, refreshed := s.visible[uuid], s.refreshed
		_, hidden := s.due[uuid]
		sees := snap != nil && snap.tx.ID() >= txid
		s.mu.Unlock()
		if sees || !hidden {
			return nil
		}
		select {
		case <-refreshed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refreshAll refreshes indices when they are due, and ends points in time that nobody asked for long.
func (s *store) refreshAll() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.closing:
			return
		case now := <-ticker.C:
			s.endPITs(now)
			s.refreshDue(now)
		}
	}
}

func (s *store) refreshDue(now time.Time) {
	s.mu.Lock()
	var ready []*index
	for uuid, at := range s.due {
		if !at.IsZero() && now.After(at) {
			ready = append(ready, &index{UUID: uuid})
		}
	}
	s.mu.Unlock()
	if len(ready) > 0 {
		_ = s.refresh(ready...) // it is tried again a tick later
	}
}
