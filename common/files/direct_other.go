//go:build !linux

package files

import (
	"errors"
	"os"
)

// setDirect is simplified to nothing: macOS for one would have F_NOCACHE.
func setDirect(*os.File, bool) error { return errors.ErrUnsupported }
