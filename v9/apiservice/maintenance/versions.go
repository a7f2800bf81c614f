package maintenance

import (
	"context"
	"fmt"
	"time"

	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// pageSize is how many versions are listed, or contents looked for, with one request.
const pageSize = 1000

// Versions are those of es.Client that are not below their floors. Content is claimed before a version of
// it is added. Its methods may be called by several goroutines at once.
type Versions struct {
	*es.Client
	claims *Claims
}

// NewVersions returns the versions of a client.
func NewVersions(client *es.Client, claims *Claims) *Versions { return &Versions{client, claims} }

// Add adds a version whose content is stored. If that is not there any more, the error is 503.
func (v *Versions) Add(ctx context.Context, m es.Metadata) (int64, error) {
	if m.Hash == "" {
		return v.Client.Add(ctx, m)
	}
	content, err := hash.Parse(m.Hash)
	if err != nil {
		return 0, err
	}
	until, err := v.claims.Claim(ctx, content)
	if err != nil {
		return 0, err
	}
	return v.AddClaimed(ctx, m, content, until)
}

// AddClaimed is Add for content that is claimed already: as many shards as Claim claims, until that time.
func (v *Versions) AddClaimed(ctx context.Context, m es.Metadata, content hash.Hash, until time.Time) (int64, error) {
	inTime, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	version, err := v.Client.Add(inTime, m)
	if !es.IsPast(until) || ctx.Err() != nil {
		return version, err
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", httpd.Unavailable("the version could not be added in time: try again"), err)
	}
	_, err = v.claims.Claim(ctx, content)
	return version, err
}

// Version returns one version of an object, or es.ErrNotFound.
func (v *Versions) Version(ctx context.Context, name string, version int64) (es.Metadata, error) {
	m, err := v.Client.Version(ctx, name, version)
	if err != nil {
		return m, err
	}
	floors, err := v.Floors(ctx, name)
	if err == nil && version < floors[name] {
		err = es.ErrNotFound
	}
	return m, err
}

// Each is that of es.Client.
func (v *Versions) Each(ctx context.Context, name string, do func(es.Metadata) error) error {
	var page []es.Metadata
	flush := func() error {
		list, err := v.counting(ctx, page)
		for _, m := range list {
			if err == nil {
				err = do(m)
			}
		}
		page = page[:0]
		return err
	}
	err := v.Client.Each(ctx, name, func(m es.Metadata) error {
		if page = append(page, m); len(page) < pageSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// counting returns those of a list that are not below their floors.
func (v *Versions) counting(ctx context.Context, list []es.Metadata) (left []es.Metadata, err error) {
	var names []string
	for i, m := range list {
		if i == 0 || m.Name != list[i-1].Name {
			names = append(names, m.Name)
		}
	}
	floors, err := v.Floors(ctx, names...)
	for _, m := range list {
		if m.Version >= floors[m.Name] {
			left = append(left, m)
		}
	}
	return left, err
}
