package suite

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// call is a request of a history: a PUT of content with that hash, or a GET.
type call struct {
	name string
	put  string // hash; empty for a GET
}

// outcome is what a call was answered with. A GET of an object that is not there has version 0.
type outcome struct {
	version int64
	hash    string
}

// linearizableVersions has many clients put and get a few names through all API services, and checks
// that what they saw could have come from one place that does one thing after the other.
func linearizableVersions(t *testing.T, s *Store) {
	clients, names, requests := 20, 4, 50 // of each client
	if isLong() {
		clients, names, requests = 200, 10, 500
	}
	unique := newName()
	histories, errs := make([][]porcupine.Operation, clients), make([]error, clients)
	var working sync.WaitGroup
	start := time.Now()
	for c := range clients {
		working.Go(func() {
			for i := 0; i < requests && errs[c] == nil; i++ {
				name := fmt.Sprint(unique, (c+i)%names)
				var op porcupine.Operation
				op, errs[c] = s.record(t.Context(), c, i, name, start)
				histories[c] = append(histories[c], op)
			}
		})
	}
	working.Wait()
	var history []porcupine.Operation
	for c := range clients {
		require.NoError(t, errs[c])
		history = append(history, histories[c]...)
	}
	t.Logf("%d requests", len(history))
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(oneObject(), history, time.Minute))
}

// record makes one request and notes what came of it, and when.
func (s *Store) record(ctx context.Context, client, i int, name string, start time.Time) (porcupine.Operation, error) {
	op := porcupine.Operation{ClientId: client, Call: time.Since(start).Nanoseconds()}
	c, method, body := call{name: name}, http.MethodHead, []byte(nil)
	if i%2 == 0 {
		method, body = http.MethodPut, newBody(100)
		c.put = hash.Of(body).String()
	}
	got, err := s.do(ctx, method, objectURL(s.api[(client+i)%len(s.api)], name), body)
	op.Input, op.Return = c, time.Since(start).Nanoseconds()
	if err != nil {
		return op, err
	}
	if got.status == http.StatusNotFound {
		op.Output = outcome{}
		return op, nil
	}
	if got.status != http.StatusOK {
		return op, fmt.Errorf("%s %s: %d %s", method, name, got.status, got.body)
	}
	version, err := strconv.ParseInt(got.header.Get("X-Object-Version"), 10, 64)
	seen := outcome{version, c.put}
	if c.put == "" {
		seen.hash = got.header.Get("ETag")
	}
	op.Output = seen
	return op, err
}

// oneObject is how an object behaves: a PUT makes the next version, a GET answers with the newest.
func oneObject() porcupine.Model {
	return porcupine.Model{
		Partition: byName,
		Init:      func() any { return outcome{} },
		Step: func(state, input, output any) (bool, any) {
			newest, asked, got := state.(outcome), input.(call), output.(outcome)
			if asked.put == "" {
				return got == newest, newest
			}
			return got.version == newest.version+1, outcome{got.version, `"` + asked.put + `"`}
		},
	}
}

func byName(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := map[string]int{}
	for _, op := range history {
		name := op.Input.(call).name
		if _, known := at[name]; !known {
			at[name] = len(parts)
			parts = append(parts, nil)
		}
		parts[at[name]] = append(parts[at[name]], op)
	}
	return parts
}
