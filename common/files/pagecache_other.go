//go:build !linux

package files

import (
	"errors"
	"os"
)

// setDirect is simplified to nothing where the system is not Linux: macOS for one would have F_NOCACHE.
func setDirect(*os.File, bool) error { return errors.ErrUnsupported }

// dropPages is simplified to nothing too.
func dropPages(*os.File) {}
