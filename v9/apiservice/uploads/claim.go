package uploads

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// claimed is the answer of a data service to a claim of its part.
type claimed struct {
	shard   int
	address string
	epoch   int64 // of the claim before
	state   state
}

// claim makes this service the one that goes on with an upload, from its last checkpoint. The error wraps
// errInUse while another request uses it.
//
// A checkpoint is acknowledged when five of six parts have it, and a claim when four have it. So any claim
// meets at least two parts of the one before, and knows its number; and if no more than one part of the
// five is lost since, four are left, from which the fifth is made.
func (s *Service) claim(ctx context.Context, id hash.Hash) (*upload, error) {
	s.claiming <- struct{}{} // what follows has timeouts
	defer func() { <-s.claiming }()
	places, sure, err := s.locator.Locate(ctx, id.Hex())
	if err != nil {
		return nil, err
	}
	if places.Known() == 0 && sure {
		return nil, errUnknown()
	}
	found, err := s.ask(ctx, id, places, 0)
	if err != nil {
		return nil, err
	}
	epoch := int64(1)
	for _, c := range found {
		epoch = max(epoch, c.epoch+1)
	}
	if found, err = s.ask(ctx, id, places, epoch); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, httpd.Unavailable("no part of the upload can be reached: try again")
	}
	return s.resume(ctx, id, epoch, found)
}

// ask claims the parts one after the other, in the order of their numbers, so that of two services that
// claim at once the second is refused by the first part. With epoch 0 it only asks for their states. A part
// that does not answer is left out.
func (s *Service) ask(ctx context.Context, id hash.Hash, places placement.Places, epoch int64) (list []claimed, err error) {
	for shard, address := range places {
		if address == "" {
			continue
		}
		c := claimed{shard: shard, address: address}
		var content []byte
		c.epoch, content, err = s.streams.NewPart(address, rs.Name(id, shard), epoch).Claim(ctx)
		if err == nil {
			err = json.Unmarshal(content, &c.state)
		}
		var e *httpd.Error
		switch {
		case err == nil:
			list = append(list, c)
		case errors.As(err, &e) && (e.Status == http.StatusLocked || e.Status == http.StatusConflict):
			return nil, errInUse
		}
	}
	return list, nil
}

// resume goes on from the highest offset that four parts have reached, and makes all of them equal.
func (s *Service) resume(ctx context.Context, id hash.Hash, epoch int64, found []claimed) (*upload, error) {
	now, kept := latest(found)
	if kept.Known() < rs.DataShards {
		return nil, httpd.Unavailable("%d of %d parts of the upload can be reached, %d are needed: try again", kept.Known(), rs.Shards, rs.DataShards)
	}
	for _, c := range found {
		if kept[c.shard] == "" {
			s.streams.NewPart(c.address, rs.Name(id, c.shard), epoch).Drop(ctx)
		}
	}
	u, err := s.newUpload(id, now, epoch, kept)
	if err != nil || u.Version > 0 {
		return u, err
	}
	if kept.Known() == rs.DataShards && !u.Complete {
		if err := u.restore(ctx); err != nil {
			return nil, err
		}
	}
	if u.Offset == u.Size {
		return u, u.finish(ctx) // the service that had the last byte died before its answer
	}
	return u, u.checkpoint(ctx, true)
}

// latest returns from where to go on, and the parts that have come so far. A part that has not, or that has
// missed a claim, is out of the upload for good: bytes of it may be old, and would pass their checksums.
func latest(found []claimed) (now state, kept placement.Places) {
	newest := slices.MaxFunc(found, func(a, b claimed) int { return cmp.Compare(a.epoch, b.epoch) }).epoch
	found = slices.DeleteFunc(slices.Clone(found), func(c claimed) bool { return c.epoch < newest })
	slices.SortFunc(found, func(a, b claimed) int { return cmp.Compare(b.state.Offset, a.state.Offset) })
	now = found[min(rs.DataShards, len(found))-1].state
	for _, c := range found {
		if c.state.Offset >= now.Offset {
			kept[c.shard] = c.address
		}
	}
	return now, kept
}

// restore makes the missing parts anew.
func (u *upload) restore(ctx context.Context) error {
	room, err := u.service.dataServices.WithRoom(u.object.MaxShardSize(), 1)
	if err != nil {
		return err
	}
	return u.parts.Restore(ctx, placement.Order(hash.Hash(u.object.Hash()).Hex(), room), u.encoded())
}

// begin makes the parts of an upload on the data services that would take the shards of a PUT of its
// content.
func (s *Service) begin(ctx context.Context, id hash.Hash, first state) (*upload, error) {
	room, err := s.dataServices.WithRoom(rs.NewLayout(first.Size).MaxShardSize(), erasure.WriteQuorum)
	if err != nil {
		return nil, err
	}
	content, err := hash.Parse(first.Hash)
	if err != nil {
		return nil, err
	}
	u, err := s.newUpload(id, first, 1, placement.Places{}.Spread(placement.Order(content.Hex(), room)))
	if err != nil {
		return nil, err
	}
	if err := u.parts.Begin(ctx, u.encoded()); err != nil {
		u.parts.Drop(ctx)
		return nil, err
	}
	return u, u.checkpoint(ctx, true)
}
