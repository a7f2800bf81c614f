package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

const (
	repairsAtOnce = 2
	queued        = 10_000               // objects that wait to be looked at; more are forgotten until they are read again
	checkPause    = 5 * time.Millisecond // between two objects of which nothing is known: reading them all again costs disks
)

// Locator finds shards, and says where new ones are to go.
type Locator interface {
	Locate(ctx context.Context, name string) (places locate.Places, sure bool, err error)
}

// Spreader says where shards that nobody holds are to go.
type Spreader interface {
	Spread(places locate.Places) (locate.Places, error)
}

// Repairer makes objects whole again: it has every shard looked at where it lies, and makes anew those
// that are missing. It does so once at a time for each object, and to the end whatever becomes of the
// request that was the occasion.
type Repairer struct {
	codec    *Codec
	locator  Locator
	spreader Spreader
	log      *slog.Logger

	urgent, idle chan rs.Object

	mu     sync.Mutex
	states map[rs.Object]state // of those in a queue or being looked at
}

type state int

const (
	queuedIdle state = iota + 1
	queuedUrgent
	underWay
)

// NewRepairer returns a repairer, which works while Run runs.
func NewRepairer(codec *Codec, locator Locator, spreader Spreader, log *slog.Logger) *Repairer {
	return &Repairer{
		codec: codec, locator: locator, spreader: spreader, log: log,
		urgent: make(chan rs.Object, queued), idle: make(chan rs.Object, queued), states: map[rs.Object]state{},
	}
}

// Look has an object looked at: soon if it is suspect, or else when there is nothing else to do. It
// returns at once.
func (r *Repairer) Look(o rs.Object, suspect bool) {
	queue, becomes := r.idle, queuedIdle
	if suspect {
		queue, becomes = r.urgent, queuedUrgent
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.states[o] >= becomes {
		return
	}
	select {
	case queue <- o:
		r.states[o] = becomes
	default:
	}
}

// begin tells whether an object that came out of a queue is still to be looked at: it may have been in
// both.
func (r *Repairer) begin(o rs.Object) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.states[o]; s != queuedIdle && s != queuedUrgent {
		return false
	}
	r.states[o] = underWay
	return true
}

func (r *Repairer) end(o rs.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.states, o)
}

// Run works until ctx is done. A repair under way is ended then.
func (r *Repairer) Run(ctx context.Context) {
	var working sync.WaitGroup
	for range repairsAtOnce {
		working.Go(func() { r.work(ctx, r.urgent, nil) })
	}
	pace := time.NewTicker(checkPause)
	defer pace.Stop()
	working.Go(func() { r.work(ctx, r.idle, pace.C) })
	working.Wait()
}

func (r *Repairer) work(ctx context.Context, queue <-chan rs.Object, pace <-chan time.Time) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case o := <-queue:
			r.look(ctx, o)
		}
		if pace != nil {
			select {
			case <-ctx.Done():
			case <-pace:
			}
		}
	}
}

func (r *Repairer) look(ctx context.Context, o rs.Object) {
	if !r.begin(o) {
		return
	}
	defer r.end(o)
	if err := r.repair(ctx, o); err != nil && ctx.Err() == nil {
		r.log.Warn("an object is not whole", "hash", hash.Hash(o.Hash()).String(), "error", err)
	}
}

// repair looks at one object and makes it whole.
func (r *Repairer) repair(ctx context.Context, o rs.Object) error {
	content := hash.Hash(o.Hash())
	held, sure, err := r.locator.Locate(ctx, content.Hex())
	if err != nil {
		return err
	}
	held, err = r.sound(ctx, content, held)
	if err != nil || held.Known() == rs.Shards || !sure {
		return err // those of a service that is silent may well be there: the next read will tell
	}
	wanted, err := r.spreader.Spread(held)
	if err != nil {
		return err
	}
	wanted = onePerService(held, wanted)
	if wanted == held {
		return nil
	}
	reader := r.codec.Read(ctx, o, held)
	defer reader.Close()
	err = r.codec.send(ctx, o, held, wanted, func(s *rs.Stripe) error { return reader.load(s, r.codec.coder.Reconstruct) })
	if err == nil {
		r.log.Info("repaired", "hash", content.String(), "shards", wanted.Known()-held.Known())
	}
	return err
}

// onePerService leaves out those new places where another shard is or will be: two shards in one place
// are lost together, and a service that is away brings back what it has.
func onePerService(held, wanted locate.Places) locate.Places {
	places := held
	for shard, address := range wanted {
		if places.Held(address) == 0 {
			places[shard] = address
		}
	}
	return places
}

// sound returns who has shards that are right, and has the others set aside, if there are enough to
// make them anew. Of fewer, rotten ones are still worth having: each may have good blocks where others
// have not.
func (r *Repairer) sound(ctx context.Context, content hash.Hash, held locate.Places) (locate.Places, error) {
	right := r.each(ctx, content, held, r.codec.streams.Check)
	if right == held {
		return held, nil
	}
	if right.Known() < rs.DataShards {
		return held, fmt.Errorf("%w: %d shards are right from end to end: it is left as it is", rs.ErrTooFewShards, right.Known())
	}
	return r.each(ctx, content, held, r.codec.streams.SetAside), nil
}

// each asks every data service about its shard, and returns those who have not said that it is gone.
// One that cannot be asked may have it.
func (r *Repairer) each(ctx context.Context, content hash.Hash, held locate.Places,
	ask func(ctx context.Context, address, name string) error) locate.Places {
	var asking sync.WaitGroup
	for shard, address := range held {
		if address == "" {
			continue
		}
		asking.Go(func() {
			if err := ask(ctx, address, rs.Name(content, shard)); errors.Is(err, objectstream.ErrGone) {
				held[shard] = ""
			}
		})
	}
	asking.Wait()
	return held
}
