//go:build !linux

package files

import (
	"errors"
	"os"
)

// setDirect and dropPages are simplified to nothing where the system is not Linux: what is said in pagecache.go is
// about speed alone.
func setDirect(*os.File, bool) error { return errors.ErrUnsupported }

func dropPages(*os.File, int64) {}
