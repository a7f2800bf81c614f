// Package suite is what a go-store must do, seen from outside: over HTTP, with real processes, real
// files and real faults. Each chapter runs all of it that it can do:
//
//	func TestMain(m *testing.M)       { suite.Main(m) }
//	func TestChapter2(t *testing.T)   { suite.Run(t, 2) }
//
// A server of one's own is tried with the part that needs no more than its address:
//
//	go test ./v2 -api localhost:12351
//
// To add a behaviour, write it as a function of (*testing.T, *Store) and name it in tests.go.
package suite

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gostore/tests/stack"
)

// atOnce is how many tests run side by side, where the command line does not say: they wait more than
// they compute, some of them only.
const atOnce = 8

// Main is the TestMain of a chapter: it adds the flags -api, -long and -exercises.
func Main(m *testing.M) {
	flag.String("api", "", "test the running server at `HOST:PORT[,HOST:PORT]` instead of a cluster of our own")
	flag.Bool("long", false, "where there is a short and a long form of a test, run the long one")
	flag.Bool("exercises", false, "run what the chapter's page leaves to readers, instead of the tests: all of it fails")
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		panic(err) // of a test binary: there is such a flag
	}
	os.Exit(m.Run())
}

// IsLong tells whether tests should be run in their long form.
func IsLong() bool { return isSet("long") }

func isSet(name string) bool {
	set := flag.Lookup(name)
	return set != nil && set.Value.String() == "true"
}

// Run runs the chapter in the working directory and tries all that a chapter of that number can do, and
// more tests if there are. It does so on several stores side by side, each for tests that can stand as
// much company as others. In their long form tests have the machine to themselves, one after the other:
// they keep all of it busy, and some look at how long something takes.
func Run(t *testing.T, number int, more ...Test) {
	b := buildChapter(t, number)
	if isSet("exercises") {
		b.runAlone(t, of(number, exercises()))
		return
	}
	list := append(of(number, tests()), more...)
	sideBySide(
		func() { t.Run("together", func(t *testing.T) { b.runTogether(t, that(list, Together)) }) },
		func() { b.runAlone(t, that(list, Alone)) },
		func() { b.runOneByOne(t, queue(that(list, WithOwnServers)), ownServers) },
	)
}

// sideBySide returns when all have ended. In the long form they take turns.
func sideBySide(groups ...func()) {
	var running sync.WaitGroup
	defer running.Wait()
	for _, group := range groups {
		if IsLong() {
			group()
		} else {
			running.Go(group)
		}
	}
}

// of returns those that a chapter of that number is tried with.
func of(number int, list []Test) []Test {
	return slices.DeleteFunc(list, func(test Test) bool { return !test.of.has(number) })
}

func that(list []Test, needs Company) []Test {
	return slices.DeleteFunc(slices.Clone(list), func(test Test) bool { return test.Needs != needs })
}

func queue(list []Test) <-chan Test {
	tests := make(chan Test, len(list))
	defer close(tests)
	for _, test := range list {
		tests <- test
	}
	return tests
}

func (b *build) runTogether(t *testing.T, tests []Test) {
	store := b.open(t)
	t.Cleanup(func() { store.RequireNoTemp(t) })
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			if !IsLong() {
				t.Parallel()
			}
			test.Run(t, store)
		})
	}
}

// runAlone has two stores, since most of the time a test waits for something to be noticed; but one beside
// the real servers, which keep a small machine busy by themselves.
func (b *build) runAlone(t *testing.T, tests []Test) {
	left := queue(tests)
	some := func() { b.runOneByOne(t, left, sharedServers) }
	if stack.Expected(t.Context(), wanted(t)) == stack.Embedded {
		sideBySide(some, some)
	} else {
		some()
	}
}

// runOneByOne has a store of its own, which the first test starts that is asked for.
func (b *build) runOneByOne(all *testing.T, tests <-chan Test, servers func(t *testing.T) stack.Servers) {
	var store *Store
	for test := range tests {
		all.Run(test.Name, func(t *testing.T) {
			if isElsewhere() {
				t.Skip("needs the store's processes, and only its address is known")
			}
			if testing.Short() {
				t.Skip("has a store to itself, so it takes its time")
			}
			if store == nil {
				store = b.start(all, servers)
			}
			test.Run(t, store.withProcesses(t))
		})
	}
}

// isElsewhere tells whether somebody else runs the store.
func isElsewhere() bool { return len(addresses()) > 0 }

// addresses are those of a store that somebody else runs.
func addresses() []string {
	api := flag.Lookup("api")
	if api == nil || api.Value.String() == "" {
		return nil
	}
	return strings.Split(api.Value.String(), ",")
}
