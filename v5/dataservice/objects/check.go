package objects

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"gostore/chapter5/rs"
	"gostore/common/httpd"
)

// check reads a shard here, where it costs the disk and no network, and answers whether it is right.
func (h *handler) check(_ http.ResponseWriter, r *http.Request) error {
	name, err := shardOf(r)
	if err != nil {
		return err
	}
	err = h.store.Check(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoShard()
	}
	if errors.Is(err, rs.ErrRotten) || errors.Is(err, rs.ErrHeader) {
		return fmt.Errorf("%w: %w", httpd.Errorf(http.StatusNotFound, "the shard has rotted"), err)
	}
	return err
}
