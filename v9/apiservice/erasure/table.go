package erasure

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"gostore/chapter9/rs"
)

// ErrOtherEncoding is for shards that cannot be decoded together with others of the object.
var ErrOtherEncoding = errors.New("another encoding")

// findTable reads the tables of the shards, and leaves out shards of another encoding than most have. It
// asks data services that are late only if there are too few without them.
func (r *Reader) findTable() error {
	if r.table != nil {
		return nil
	}
	var most int
	for _, late := range []bool{false, true} {
		r.readTables(late)
		if most = r.chooseTable(); most >= rs.DataShards {
			return nil
		}
	}
	return fmt.Errorf("%w: %d of one encoding", rs.ErrTooFewShards, most)
}

// readTables reads those that are not known concurrently.
func (r *Reader) readTables(late bool) {
	var errs [rs.Shards]error
	var reading sync.WaitGroup
	for i := range r.sources {
		if s := &r.sources[i]; s.address != "" && s.table == nil && s.late == late {
			reading.Go(func() { errs[i] = r.readTable(s) })
		}
	}
	reading.Wait()
	for i, err := range errs {
		if err != nil {
			r.note(&r.sources[i], err)
		}
	}
}

// readTable reads what is at the end of a shard. It is read whole: some 160 KB of an object of 10 GiB. (A
// format for larger ones would have tables of tables.)
func (r *Reader) readTable(s *source) error {
	body, err := r.get(s, -r.object.TableSize(), math.MaxInt64)
	if err != nil {
		return err
	}
	defer body.Close()                    // it is read to its end, or the shard is not used
	if body.Size < r.object.TableSize() { // of an object of another size
		return fmt.Errorf("%w: %d bytes of shard %d", rs.ErrCorrupt, body.Size, s.shard)
	}
	stored := make([]byte, r.object.TableSize())
	if err := body.Fill(stored); err != nil {
		return err
	}
	s.table, err = rs.ParseTable(r.object, s.shard, stored)
	return err
}

// chooseTable chooses the table that most shards have, if enough have it, and returns how many those are.
func (r *Reader) chooseTable() int {
	var encodings [rs.Shards]string
	for i := range r.sources {
		encodings[i] = r.sources[i].encoding()
	}
	encoding, most := mostOf(encodings)
	if most < rs.DataShards {
		return most
	}
	for i := range r.sources {
		s := &r.sources[i]
		switch {
		case encodings[i] == encoding:
			r.table = s.table
		case s.address != "" && !s.late:
			r.note(s, ErrOtherEncoding)
		}
	}
	return most
}

// encoding returns the encoding of a shard, "" if it is not known.
func (s *source) encoding() string {
	if s.table == nil {
		return ""
	}
	return s.table.Encoding().Hex()
}
