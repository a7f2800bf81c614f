package erasure

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/metrics"
	"gostore/common/requestid"
)

// maxQueued is how many objects wait for repair. Further ones are repaired when they are read again, as
// are those whose repair failed.
const maxQueued = 10_000

// errUnanswered is for a repair that waits for data services that may hold shards.
var errUnanswered = errors.New("not all data services answer")

// Repairer makes anew the shards of objects that are missing or corrupt. It repairs one object after the
// other, to the end whatever becomes of the request that found the damage. Shards that no request reads
// are those that maintenance reads.
type Repairer struct {
	codec        *Codec
	locator      *locate.Locator
	dataServices *heartbeat.Monitor
	repaired     *metrics.Counter
	log          *slog.Logger
	queue        chan rs.Object

	mu     sync.Mutex
	queued map[rs.Object]string // the ID of the request that asked for the repair
}

// NewRepairer returns a repairer. It works while Run runs.
func NewRepairer(codec *Codec, locator *locate.Locator, dataServices *heartbeat.Monitor, repaired *metrics.Counter, log *slog.Logger) *Repairer {
	return &Repairer{
		codec: codec, locator: locator, dataServices: dataServices, repaired: repaired, log: log,
		queue: make(chan rs.Object, maxQueued), queued: map[rs.Object]string{},
	}
}

// Inspect asks for the repair of the object of a reader that has found damage, or that misses
// shards while there is a data service with room and without one. It returns at once. An object is
// in the queue once.
func (r *Repairer) Inspect(reader *Reader) {
	room, err := r.dataServices.WithRoom(reader.object.MaxShardSize(), 1)
	unused := func(address string) bool { return reader.held.Held(address) == 0 }
	missing := reader.held.Known() < rs.Shards && err == nil && slices.ContainsFunc(room, unused)
	if !missing && !reader.Damaged() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, queued := r.queued[reader.object]; queued {
		return
	}
	select {
	case r.queue <- reader.object:
		r.queued[reader.object] = requestid.Of(reader.ctx)
	default:
	}
}

// Run works until ctx is done, which ends a repair in progress.
func (r *Repairer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-r.queue:
			r.mu.Lock()
			ctx := requestid.With(ctx, r.queued[o])
			delete(r.queued, o) // damage that is found from now on needs another repair
			r.mu.Unlock()
			if err := r.Repair(ctx, o); err != nil {
				r.log.WarnContext(ctx, "a repair failed", "hash", hash.Hash(o.Hash()).String(), "error", err)
			}
		}
	}
}

// Repair quarantines shards of other content, if the attempt to restore from what is held shows that
// there are any, and tries again.
func (r *Repairer) Repair(ctx context.Context, o rs.Object) error {
	err := r.restore(ctx, o)
	if !errors.Is(err, hash.ErrMismatch) {
		return err
	}
	held, _, err := r.locator.Locate(ctx, hash.Hash(o.Hash()).Hex())
	if err != nil {
		return err
	}
	if err := r.codec.quarantineForeign(ctx, o, held); err != nil {
		return err
	}
	return r.restore(ctx, o)
}

// restore replaces corrupt shards where they are, and places missing ones only where no other shard is:
// a data service that is down brings back what it holds. After an error damage may be left.
func (r *Repairer) restore(ctx context.Context, o rs.Object) error {
	content := hash.Hash(o.Hash()).Hex()
	held, sure, err := r.locator.Locate(ctx, content)
	if err != nil {
		return err
	}
	if !sure {
		return errUnanswered
	}
	room, err := r.dataServices.WithRoom(o.MaxShardSize(), 1)
	if err != nil {
		return err
	}
	intact, unknown, _ := r.codec.Check(ctx, o, held)
	to := held.Apart(held.Spread(placement.Order(content, room))).Without(intact).Without(unknown)
	for shard, address := range to {
		if !slices.Contains(room, address) {
			to[shard] = "" // corrupt, on a full disk
		}
	}
	if to.Known() > 0 {
		err = r.remake(ctx, o, held, intact, to)
	} else {
		err = r.codec.verify(ctx, o, held)
	}
	if err == nil && unknown.Known() > 0 {
		err = errUnanswered
	}
	return err
}

// Place writes intact shards to other places too.
func (r *Repairer) Place(ctx context.Context, o rs.Object, held, to placement.Places) error {
	return r.remake(ctx, o, held, held.Without(to), to)
}

// remake reads the object, as a GET does, and writes the shards in to, as a PUT does, but from the blocks
// that it reads: all shards are of one encoding. So what it writes is computed from bytes that have the
// object's hash. It reads corrupt shards too: their intact blocks may be the only good copies.
func (r *Repairer) remake(ctx context.Context, o rs.Object, held, intact, to placement.Places) error {
	reader := r.codec.Open(ctx, o, held)
	defer reader.Close()
	err := r.codec.Write(ctx, o, reader.Stripe, intact, to, nil, intact.Known()+1) // each shard is a gain
	if err == nil {
		r.repaired.Add(to.Known())
		r.log.InfoContext(ctx, "repaired", "hash", hash.Hash(o.Hash()).String(), "shards", to.Known())
	}
	return err
}
