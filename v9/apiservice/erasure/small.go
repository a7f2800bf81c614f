package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// MaxSmall is the size in bytes of the largest object that is in memory as a whole: each shard is written, or
// read, with one request.
const MaxSmall = 1 << 20

// WriteSmall writes a small object whose content is verified already, so a data service can make a shard
// visible at once, without a second phase. One that holds the shard already only says so. It returns until
// when the shards are claimed, like maintenance.Claims. The quorum and the replacing of data services are
// those of Write. Shards that were written before an error stay, without a name. The error is
// ErrOtherEncoding if a data service holds an intact shard of another encoding.
func (c *Codec) WriteSmall(ctx context.Context, o rs.Object, content []byte, to placement.Places, order []string) (until time.Time, err error) {
	memory := c.files.Get(rs.Shards * int(o.MaxShardSize()))
	defer c.files.Put(memory)
	files, err := c.shardFiles(o, content, memory)
	if err != nil {
		return until, err
	}
	targets := placement.NewTargets(placement.Places{}, to, order)
	s := &shardWriters{quorum: WriteQuorum}
	for shard, address := range to {
		s.writers = append(s.writers, &shardWriter{shard: shard, address: address})
	}
	start := time.Now()
	var ages [rs.Shards]time.Duration
	s.each(func(w *shardWriter) { ages[w.shard] = w.put(ctx, c.streams, o, files[w.shard], targets) })
	age := time.Duration(1<<63 - 1)
	for _, w := range s.writers {
		if errors.Is(w.err, ErrOtherEncoding) {
			return until, w.err
		}
		if w.err == nil {
			age = min(age, ages[w.shard])
		}
	}
	return start.Add(age), s.check()
}

// shardFiles encodes an object into memory for all files.
func (c *Codec) shardFiles(o rs.Object, content, memory []byte) (files [rs.Shards][]byte, err error) {
	stripe := c.newStripe(o)
	defer c.recycle(stripe)
	table, size := rs.NewTable(o), int(o.MaxShardSize())
	for shard := range files {
		files[shard] = append(memory[shard*size:shard*size:(shard+1)*size], o.Header(shard)...)
	}
	for n := range o.Stripes() {
		stripe.Reset(n)
		content = content[copy(stripe.Data(), content):]
		if err := c.coder.Encode(stripe); err != nil {
			return files, err
		}
		table.Add(stripe)
		for shard := range files {
			block, sum := stripe.Stored(shard)
			files[shard] = append(append(files[shard], block...), sum...)
		}
	}
	for shard := range files {
		files[shard] = append(files[shard], table.Stored(shard)...)
	}
	return files, nil
}

// put sends a whole shard, to another data service if one fails.
func (w *shardWriter) put(ctx context.Context, streams *objectstream.Client, o rs.Object, file []byte, targets *placement.Targets) (age time.Duration) {
	for {
		age, w.err = streams.Put(ctx, w.address, name(o, w.shard), file)
		var e *httpd.Error
		if errors.As(w.err, &e) && e.Status == http.StatusConflict {
			w.err = ErrOtherEncoding
		}
		if w.err == nil || errors.Is(w.err, ErrOtherEncoding) || ctx.Err() != nil {
			return age
		}
		other := targets.Replace(w.shard, w.address)
		if other == "" {
			return 0
		}
		w.address = other
	}
}

// ReadSmall reads a small object into memory of its size: from four of its shards, or from fewer if the others have
// nothing of it, with one request for each. It has no second way: if anything is not as it should be, the error says
// what, and a Reader finds out what can be done.
func (c *Codec) ReadSmall(ctx context.Context, o rs.Object, places placement.Places, into []byte) error {
	chosen, missing := placement.Places{}, rs.DataShards
	for shard, address := range places {
		switch {
		case !o.Reads(shard):
			missing--
		case address != "" && missing > 0 && !c.streams.Late(address):
			chosen[shard] = address
			missing--
		}
	}
	if missing > 0 {
		return rs.ErrTooFewShards
	}
	memory := c.files.Get(rs.Shards * int(o.MaxShardSize()))
	defer c.files.Put(memory)
	files, err := c.wholeFiles(ctx, o, chosen, memory)
	if err != nil {
		return err
	}
	return c.decode(o, files, into)
}

// wholeFiles requests shard files concurrently, into memory for all of them.
func (c *Codec) wholeFiles(ctx context.Context, o rs.Object, places placement.Places, memory []byte) (files [rs.Shards][]byte, err error) {
	var errs [rs.Shards]error
	var reading sync.WaitGroup
	size := int(o.MaxShardSize())
	for shard, address := range places {
		if address == "" {
			continue
		}
		reading.Go(func() {
			files[shard], errs[shard] = c.streams.Whole(ctx, address, name(o, shard), memory[shard*size:][:size], blockTimeout)
		})
	}
	reading.Wait()
	return files, errors.Join(errs[:]...)
}

// decode computes the object that enough intact shard files of one encoding have. It verifies the hash: few shards have
// no others to be compared with.
func (c *Codec) decode(o rs.Object, files [rs.Shards][]byte, into []byte) error {
	var table *rs.Table
	for shard, file := range files {
		if file == nil {
			continue
		}
		t, err := parse(o, shard, file)
		if err == nil && table != nil && t.Encoding() != table.Encoding() {
			err = ErrOtherEncoding
		}
		if err != nil {
			return err
		}
		table = t
	}
	stripe, rest := c.newStripe(o), into
	defer c.recycle(stripe)
	for n := range o.Stripes() {
		stripe.Expect(n, table)
		if err := c.decodeStripe(stripe, table.Offset(n), files); err != nil {
			return err
		}
		rest = rest[copy(rest, stripe.Data()):]
	}
	if sum := hash.Of(into); sum != hash.Hash(o.Hash()) {
		return fmt.Errorf("%w: the content has %s", hash.ErrMismatch, sum)
	}
	return nil
}

// parse returns the table of a shard file whose header and length are right.
func parse(o rs.Object, shard int, file []byte) (*rs.Table, error) {
	blocks := int64(len(file)) - o.TableSize()
	if blocks < rs.HeaderSize || !bytes.Equal(file[:rs.HeaderSize], o.Header(shard)) {
		return nil, fmt.Errorf("%w: header of shard %d", rs.ErrCorrupt, shard)
	}
	table, err := rs.ParseTable(o, shard, file[blocks:])
	if err == nil && table.ShardSize() != int64(len(file)) {
		err = fmt.Errorf("%w: %d bytes of shard %d", rs.ErrCorrupt, len(file), shard)
	}
	return table, err
}

func (c *Codec) decodeStripe(stripe *rs.Stripe, offset int64, files [rs.Shards][]byte) error {
	for shard, file := range files {
		if file == nil {
			continue
		}
		block, sum := stripe.Stored(shard)
		n := copy(block, file[offset:])
		copy(sum, file[offset+int64(n):])
		if err := stripe.Verify(shard); err != nil {
			return err
		}
	}
	return c.coder.ReconstructData(stripe)
}
