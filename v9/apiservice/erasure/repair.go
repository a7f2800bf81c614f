package erasure

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/metrics"
	"gostore/common/queue"
)

// maxQueued is how many objects wait for repair. Further ones are repaired when they are read again, as
// are those whose repair failed in the end.
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
	queue        *queue.Queue[rs.Object]
}

// NewRepairer returns a repairer. It works while Run runs.
func NewRepairer(codec *Codec, locator *locate.Locator, dataServices *heartbeat.Monitor, repaired *metrics.Counter, log *slog.Logger) *Repairer {
	return &Repairer{codec, locator, dataServices, repaired, log, queue.New[rs.Object](maxQueued)}
}

// Inspect asks for the repair of the object of a reader that has found damage, or that misses
// shards while there is a data service with room and without one. It returns at once.
func (r *Repairer) Inspect(reader *Reader) {
	room, err := r.dataServices.WithRoom(reader.object.MaxShardSize(), 1)
	unused := func(address string) bool { return reader.held.Held(address) == 0 }
	missing := reader.held.Known() < rs.Shards && err == nil && slices.ContainsFunc(room, unused)
	if missing || reader.Damaged() {
		r.queue.Add(reader.ctx, reader.object)
	}
}

// Run works until ctx is done, which ends a repair in progress.
func (r *Repairer) Run(ctx context.Context) {
	r.queue.Run(ctx, func(ctx context.Context, o rs.Object) (again bool) {
		err := r.Repair(ctx, o)
		if err != nil {
			r.log.WarnContext(ctx, "a repair failed", "hash", hash.Hash(o.Hash()).String(), "error", err)
		}
		return errors.Is(err, errUnanswered)
	})
}

// Repair tries again if it meets foreign shards: knowing that there are any, it reads the object from others,
// and those that the first attempt quarantined are made anew.
func (r *Repairer) Repair(ctx context.Context, o rs.Object) (err error) {
	for range 3 {
		err = r.restore(ctx, o, errors.Is(err, hash.ErrMismatch))
		if !errors.Is(err, hash.ErrMismatch) {
			break
		}
	}
	return err
}

// restore replaces corrupt shards where they are, and places missing ones only where no other shard is:
// a data service that is down brings back what it holds. After an error damage may be left.
func (r *Repairer) restore(ctx context.Context, o rs.Object, foreign bool) error {
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
	intact, unknown := r.codec.Check(ctx, o, held)
	to := held.Apart(held.Spread(placement.Order(content, room))).Without(intact.Places).Without(unknown)
	for shard, address := range to {
		if !slices.Contains(room, address) {
			to[shard] = "" // corrupt, on a full disk
		}
	}
	if foreign {
		held = r.codec.Genuine(ctx, o, held)
	}
	err = r.remake(ctx, o, held, intact, to)
	if err == nil && unknown.Known() > 0 {
		err = errUnanswered
	}
	return err
}

// Place writes intact shards to other places too.
func (r *Repairer) Place(ctx context.Context, o rs.Object, held, to placement.Places) error {
	intact, _ := r.codec.Check(ctx, o, held)
	intact.Places = intact.Without(to)
	return r.remake(ctx, o, held, intact, to)
}

// remake reads the object, as a GET does, and writes the shards in to, as a PUT does, but from the blocks
// that it reads: all shards are of one encoding. So what it writes is computed from bytes that have the
// object's hash, and so is what it compares intact ones with. It reads corrupt shards too: their intact blocks
// may be the only good copies.
func (r *Repairer) remake(ctx context.Context, o rs.Object, from placement.Places, intact Held, to placement.Places) error {
	reader := r.codec.Open(ctx, o, from)
	defer reader.Close()
	err := r.codec.Write(ctx, o, reader.Stripe, intact, to, nil, intact.Known()+min(to.Known(), 1)) // each shard is a gain
	if err == nil && to.Known() > 0 {
		r.repaired.Add(to.Known())
		r.log.InfoContext(ctx, "repaired", "hash", hash.Hash(o.Hash()).String(), "shards", to.Known())
	}
	return err
}
