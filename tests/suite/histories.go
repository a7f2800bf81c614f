package suite

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// Call is a request in a history: a PUT of content with a hash, or a GET.
type Call struct {
	Name string
	Put  string // hash; empty for a GET
}

// Outcome is the result of a call. A GET that gets 404 has version 0.
type Outcome struct {
	Version int64
	Hash    string
}

// linearizableVersions has many clients put and get a few names through all API services, and
// checks that the history is linearizable.
func linearizableVersions(t *testing.T, s *Store) {
	// Five clients per name in both forms: with many more the check takes too long.
	clients, names, requests := 20, 4, 50 // per client
	if IsLong() {
		clients, names, requests = 200, 40, 500
	}
	unique := NewName()
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
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(OneObject(), history, time.Minute))
}

// record makes one request and records it.
func (s *Store) record(ctx context.Context, client, i int, name string, start time.Time) (porcupine.Operation, error) {
	op := porcupine.Operation{ClientId: client, Call: time.Since(start).Nanoseconds()}
	c, method, body := Call{Name: name}, http.MethodHead, []byte(nil)
	if i%2 == 0 {
		method, body = http.MethodPut, NewBody(100)
		c.Put = hash.Of(body).String()
	}
	got, err := s.Do(ctx, method, ObjectURL(s.API[(client+i)%len(s.API)], name), body)
	op.Input, op.Return = c, time.Since(start).Nanoseconds()
	if err != nil {
		return op, err
	}
	if got.Status == http.StatusNotFound {
		op.Output = Outcome{}
		return op, nil
	}
	if got.Status != http.StatusOK {
		return op, fmt.Errorf("%s %s: %d %s", method, name, got.Status, got.Body)
	}
	version, err := strconv.ParseInt(got.Header.Get("X-Object-Version"), 10, 64)
	seen := Outcome{version, c.Put}
	if c.Put == "" {
		seen.Hash = strings.Trim(got.Header.Get("ETag"), `"`)
	}
	op.Output = seen
	return op, err
}

// OneObject is the sequential specification of an object: a PUT creates the next version, a GET
// returns the newest.
func OneObject() porcupine.Model {
	return porcupine.Model{
		Partition: byName,
		Init:      func() any { return Outcome{} },
		Step: func(state, input, output any) (bool, any) {
			newest, asked, got := state.(Outcome), input.(Call), output.(Outcome)
			if asked.Put == "" {
				return got == newest, newest
			}
			return got.Version == newest.Version+1, Outcome{got.Version, asked.Put}
		},
	}
}

func byName(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := map[string]int{}
	for _, op := range history {
		name := op.Input.(Call).Name
		if _, known := at[name]; !known {
			at[name] = len(parts)
			parts = append(parts, nil)
		}
		parts[at[name]] = append(parts[at[name]], op)
	}
	return parts
}
