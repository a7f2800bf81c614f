// Package suite is the black-box test suite of go-store. It talks HTTP to real processes and
// injects real faults into their files and servers. Each chapter runs every test for its
// capabilities, from its chapter_test.go:
//
//	func TestMain(m *testing.M)     { suite.Main(m) }
//	func TestChapter(t *testing.T)  { suite.Run(t, 2) }
//
// A running server can be tested too. Tests that need its processes or files are skipped:
//
//	go test ./v2 -api localhost:12351
//
// So can a chapter's services with certificates, which they then use everywhere (docs/deploy.md):
//
//	go test ./v2 -tls
//
// To add a test, write a function of (*testing.T, *Store) and list it in tests.go.
package suite

import (
	"context"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gostore/tests/stack"
)

// maxParallel is the default of -test.parallel: tests wait more than they compute.
const maxParallel = 8

// Main is the TestMain of a chapter. It adds the flags -api, -long, -tls and -exercises.
func Main(m *testing.M) {
	flag.String("api", "", "test the running server at `HOST:PORT[,HOST:PORT]` instead of a cluster started by the tests")
	flag.Bool("long", false, "run the long form of tests that have one")
	flag.Bool("tls", false, "run the services with certificates, and the tests over TLS")
	flag.Bool("exercises", false, "run the exercises of the chapter's page instead of the tests; all of them fail until solved")
	if err := flag.Set("test.parallel", strconv.Itoa(maxParallel)); err != nil {
		panic(err) // every test binary has this flag
	}
	os.Exit(m.Run())
}

// IsLong reports whether tests run in their long form.
func IsLong() bool { return isSet("long") }

func isSet(name string) bool {
	set := flag.Lookup(name)
	return set != nil && set.Value.String() == "true"
}

// Run builds the chapter in the working directory and runs all tests for chapters of that number,
// and more. Tests are grouped by isolation; each group has a store and the groups run
// concurrently. In the long form, groups and tests run one after the other: they load the whole
// machine, and some measure time.
func Run(t *testing.T, number int, more ...Test) {
	b := buildChapter(t, number)
	if isSet("exercises") {
		b.runExclusive(t, forChapter(number, exercises()))
		return
	}
	list := append(forChapter(number, tests()), more...)
	runGroups(
		func() { t.Run("shared", func(t *testing.T) { b.runShared(t, needing(list, Shared)) }) },
		func() { b.runExclusive(t, needing(list, Exclusive)) },
		func() { b.runOneByOne(t, queue(needing(list, OwnServers)), ownServers) },
	)
}

// runGroups returns when all groups have ended. They run concurrently, in the long form one after
// the other.
func runGroups(groups ...func()) {
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

// forChapter returns the tests for a chapter of that number.
func forChapter(number int, list []Test) []Test {
	return slices.DeleteFunc(list, func(test Test) bool { return !test.chapters.has(number) })
}

func needing(list []Test, needs Isolation) []Test {
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

func (b *build) runShared(t *testing.T, tests []Test) {
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

// runExclusive runs tests on two stores, since most tests mostly wait.
func (b *build) runExclusive(t *testing.T, tests []Test) {
	left := queue(tests)
	some := func() { b.runOneByOne(t, left, sharedServers) }
	runGroups(some, some)
}

// runOneByOne runs tests one after the other on a store of their own. The first test that is not
// skipped starts it.
func (b *build) runOneByOne(all *testing.T, tests <-chan Test, servers func(t testing.TB) stack.Servers) {
	var store *Store
	for test := range tests {
		all.Run(test.Name, func(t *testing.T) {
			if isExternal() {
				t.Skip("needs the store's processes; only its address is known")
			}
			if testing.Short() {
				t.Skip("slow: it has a store to itself")
			}
			if store == nil {
				store = b.start(outliving{t, all}, servers)
			}
			test.Run(t, store.withProcesses(t))
		})
	}
}

// outliving is a test that starts what ends with another: it fails itself, and leaves files and cleanup
// to the other, whose FailNow only its own goroutine may call.
type outliving struct {
	*testing.T
	until *testing.T
}

func (o outliving) Cleanup(f func())         { o.until.Cleanup(f) }
func (o outliving) Context() context.Context { return o.until.Context() }
func (o outliving) TempDir() string          { return o.until.TempDir() }

// isExternal reports whether the tests run against a server that they did not start (-api).
func isExternal() bool { return len(externalAddresses()) > 0 }

// externalAddresses returns the addresses that -api gives, nil without -api.
func externalAddresses() []string {
	api := flag.Lookup("api")
	if api == nil || api.Value.String() == "" {
		return nil
	}
	return strings.Split(api.Value.String(), ",")
}
