// Package buffers reuses memory. A small object takes megabytes for a moment: without reuse the garbage collector runs
// after every few of them, and the kernel clears the same pages again and again.
package buffers

import "sync"

// Pool has buffers of one size. Its methods may be called by several goroutines at once.
type Pool struct {
	size int
	pool sync.Pool // of *[]byte
}

// New returns a pool of buffers of size bytes.
func New(size int) *Pool { return &Pool{size: size} }

// Get returns n bytes with any content. Much less, or more, than the size of the pool is made anew.
func (p *Pool) Get(n int) []byte {
	if n < p.size/8 || n > p.size {
		return make([]byte, n)
	}
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:n]
	}
	return make([]byte, n, p.size)
}

// Put gives back what Get returned. Nobody may use it any more.
func (p *Pool) Put(b []byte) {
	if cap(b) == p.size {
		p.pool.Put(&b)
	}
}
