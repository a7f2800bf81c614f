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
	"strings"
	"testing"
)

// Main is the TestMain of a chapter: it adds the flags -api and -long.
func Main(m *testing.M) {
	flag.String("api", "", "test the running server at `HOST:PORT[,HOST:PORT]` instead of a cluster of our own")
	flag.Bool("long", false, "where there is a short and a long form of a test, run the long one")
	os.Exit(m.Run())
}

func isLong() bool {
	long := flag.Lookup("long")
	return long != nil && long.Value.String() == "true"
}

// Run runs the chapter in the working directory and tries all that a chapter of that number can do.
func Run(t *testing.T, chapter int) {
	store := open(t, chapter)
	t.Run("together", func(t *testing.T) {
		for _, test := range testsOf(chapter) {
			if !test.alone {
				t.Run(test.name, func(t *testing.T) { t.Parallel(); test.run(t, store) })
			}
		}
	})
	store.requireNoTemp(t) // a service that was frozen may keep, for half an hour, what it was asked for and nobody knows of
	for _, test := range testsOf(chapter) {
		if test.alone {
			t.Run(test.name, func(t *testing.T) { test.run(t, store.withProcesses(t)) })
		}
	}
}

// testsOf lists what a chapter of that number is tried with.
func testsOf(chapter int) []test {
	var list []test
	for _, test := range tests() {
		if test.of.has(chapter) {
			list = append(list, test)
		}
	}
	return list
}

func open(t *testing.T, chapter int) *Store {
	if api := flag.Lookup("api"); api != nil && api.Value.String() != "" {
		return connect(t, chapter, strings.Split(api.Value.String(), ","))
	}
	return start(t, chapter, sharedServers)
}
