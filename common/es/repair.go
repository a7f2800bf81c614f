package es

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
)

// repair makes the last index that exists the one that documents are written to, and creates the
// first if there is none. It may be called at any time, by several processes at once.
func (s *series) repair(ctx context.Context) error {
	if err := s.putTemplate(ctx); err != nil {
		return err
	}
	indices, err := s.existing(ctx)
	if err != nil {
		return err
	}
	if len(indices) == 0 {
		indices = append(indices, s.indexName(1))
		if err := s.create(ctx, indices[0]); err != nil {
			return err
		}
	}
	for _, index := range indices { // one that was not created here may have another
		if _, err := s.es.PutMapping().Index(index).BodyJson(mappings()).Do(ctx); err != nil {
			return explained("put mapping of "+index, err)
		}
	}
	for _, index := range indices[:len(indices)-1] {
		if err := s.block(ctx, index); err != nil {
			return err
		}
	}
	return s.setAliases(ctx, indices)
}

// putTemplate puts the template for indices that are not created here: those of Documents, and one that an
// operator begins. It refuses to overwrite one of another owner, or to put one that would not be used.
func (s *series) putTemplate(ctx context.Context) error {
	found, err := s.es.IndexGetIndexTemplate("*").Do(ctx)
	if elastic.IsNotFound(err) { // there is none
		found, err = &elastic.IndicesGetIndexTemplateResponse{}, nil
	}
	if err != nil {
		return explained("list index templates", err)
	}
	ours := []string{s.alias + "-*"}
	for _, t := range found.IndexTemplates {
		patterns := t.IndexTemplate.IndexPatterns
		if t.Name == s.alias && !slices.Equal(patterns, ours) || t.Name != s.alias && slices.ContainsFunc(patterns, s.fits) {
			return httpd.Unavailable("index template %q, whose patterns are %v, is in the place of ours: "+
				"delete it, or set ES_INDEX to another name", t.Name, patterns)
		}
	}
	template := map[string]any{"index_patterns": ours, "template": definition()}
	_, err = s.es.IndexPutIndexTemplate(s.alias).BodyJson(template).Do(ctx)
	return explained("put index template", err)
}

// fits reports whether a template with that pattern is for our indices too. Then it is used, or ours is
// refused: ours has the lowest priority.
func (s *series) fits(pattern string) bool {
	fits, err := path.Match(pattern, s.indexName(1))
	return fits && err == nil
}

// existing returns the indices of the series, behind the alias or not, oldest first.
func (s *series) existing(ctx context.Context) (indices []string, err error) {
	found, err := s.es.Aliases().Index(s.alias + "-*").Do(ctx)
	if err != nil {
		return nil, explained("list indices", err)
	}
	for index := range found.Indices {
		if _, ours := s.number(index); ours {
			indices = append(indices, index)
		}
	}
	slices.Sort(indices)
	return indices, nil
}

// create creates an index. Of several processes that do so at once, one succeeds.
func (s *series) create(ctx context.Context, index string) error {
	_, err := s.es.CreateIndex(index).BodyJson(definition()).Do(ctx)
	if isError(err, errExists) {
		return nil
	}
	return explained("create index "+index, err)
}

// block ends writing to an index. It returns when the writes in flight are done.
func (s *series) block(ctx context.Context, index string) error {
	_, err := s.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodPut, Path: "/" + index + "/_block/write"})
	return explained("block "+index, err)
}

// setAliases makes all changes in one step, or none.
func (s *series) setAliases(ctx context.Context, indices []string) error {
	last := indices[len(indices)-1]
	actions := []elastic.AliasAction{elastic.NewAliasAddAction(writeAlias(last)).Index(last)}
	for _, index := range indices {
		actions = append(actions, elastic.NewAliasAddAction(s.alias).Index(index).IsWriteIndex(index == last))
	}
	_, err := s.es.Alias().Action(actions...).Do(ctx)
	switch {
	case isError(err, errState) && strings.Contains(err.Error(), "more than one write index"):
		return nil // another process has begun a later one meanwhile
	case isError(err, errAliasName):
		return httpd.Unavailable("an index is called %q, which must become an alias: "+
			"delete it, or set ES_INDEX to another name", s.alias)
	}
	return explained("set alias "+s.alias, err)
}

// definition is that of every index of the series: a replica as soon as there is a second node.
// (The template has it too.)
func definition() map[string]any {
	return map[string]any{
		"settings": map[string]any{"number_of_shards": 1, "auto_expand_replicas": "0-1"},
		"mappings": mappings(),
	}
}

// mappings are needed, since with those that Elasticsearch would guess a search finds names by
// their words.
func mappings() map[string]any {
	return map[string]any{
		"dynamic": "strict",
		"properties": map[string]any{
			"name":    map[string]any{"type": "keyword"},
			"version": map[string]any{"type": "long"},
			"size":    map[string]any{"type": "long"},
			"hash":    map[string]any{"type": "keyword"},
			"meta":    map[string]any{"type": "object", "enabled": false}, // stored, never searched
			"headers": map[string]any{"type": "object", "enabled": false},
			"upload":  map[string]any{"type": "object", "enabled": false}, // a string, in spite of its type
		},
	}
}
