package cluster

import (
	"io/fs"
	"path/filepath"

	// Packages that services are built from; see showInputs.
	_ "gostore/common/es"
	_ "gostore/common/files"
	_ "gostore/common/hash"
	_ "gostore/common/httpd"
	_ "gostore/common/metrics"
	_ "gostore/common/names"
	_ "gostore/common/peer"
	_ "gostore/common/queue"
	_ "gostore/common/rabbitmq"
	_ "gostore/common/requestid"
	_ "gostore/common/service"
)

// showInputs makes the go command's test cache depend on the programs under test. A cached test
// result is valid until a file that the test has read in its own module, or code that is compiled
// into it, changes. Without this, `go test` would answer "(cached)" after a service was changed.
// The shared packages are in another module, so they are imported above.
func showInputs(chapter string) error {
	return filepath.WalkDir(chapter, func(_ string, _ fs.DirEntry, err error) error { return err })
}
