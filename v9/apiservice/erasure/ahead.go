package erasure

import (
	"sync"

	"gostore/chapter9/rs"
)

// turns has two stripes of an object, one that is used and one that is made ready meanwhile. The second is made
// when it is needed: most objects have one stripe.
type turns struct {
	codec  *Codec
	object rs.Object
	two    [2]*rs.Stripe
	last   int
}

// next returns the stripe that was not returned last.
func (t *turns) next() *rs.Stripe {
	t.last = 1 - t.last
	if t.two[t.last] == nil {
		t.two[t.last] = t.codec.newStripe(t.object)
	}
	return t.two[t.last]
}

// end ends the use of both stripes.
func (t *turns) end() {
	for _, stripe := range t.two {
		if stripe != nil {
			t.codec.recycle(stripe)
		}
	}
}

// ahead returns the n results of next one after the other, each computed in another goroutine while the caller uses
// the one before, so next must not change that. After an error there are no others. The caller calls stop, which
// waits for the goroutine.
func ahead[T any](n int64, next func() (T, error)) (results func() (T, error), stop func()) {
	if n <= 1 {
		return next, func() {}
	}
	type result struct {
		value T
		err   error
	}
	ready, done := make(chan result), make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		defer close(ready)
		for range n {
			value, err := next()
			select {
			case ready <- result{value, err}:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	})
	results = func() (T, error) { r := <-ready; return r.value, r.err }
	return results, func() { close(done); working.Wait() }
}
