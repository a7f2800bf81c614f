package cluster

import (
	"io/fs"
	"path/filepath"

	// What services of every chapter are built from; see showInputs.
	_ "gostore/common/es"
	_ "gostore/common/files"
	_ "gostore/common/hash"
	_ "gostore/common/httpd"
	_ "gostore/common/names"
	_ "gostore/common/rabbitmq"
	_ "gostore/common/service"
	_ "gostore/common/together"
)

// showInputs has the go command see what the programs under test are built from. It keeps the result
// of a test until something changes that the test has read in its own module, or that is compiled
// into it; without this, `go test` would answer "(cached)" to whoever changed a service. What the
// services share is in another module, so it is compiled in, above.
func showInputs(chapter string) error {
	return filepath.WalkDir(chapter, func(_ string, _ fs.DirEntry, err error) error { return err })
}
