package chapter9_test

import (
	"testing"

	"gostore/tests/suite"
)

// largeTests has objects of more than 1 MiB.
func largeTests() []suite.Test {
	return []suite.Test{{Name: "FilesGoThroughTheKernel", Run: filesGoThroughTheKernel, Needs: suite.Exclusive}}
}

// filesGoThroughTheKernel watches the system calls of data services: what comes is written to the disk early, what goes
// does not come to the process.
func filesGoThroughTheKernel(t *testing.T, s *suite.Store) {
	if s.TLS != nil {
		t.Skip("a file that is encrypted comes to the process")
	}
	body, name := suite.NewBody(16<<20), suite.NewName()
	s.RequireSystemCalls(t, func() {
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}, "sync_file_range", "sendfile")
}
