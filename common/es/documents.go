package es

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/olivere/elastic/v7"
)

// ErrConflict is returned by Put if another process has changed the document since it was read.
var ErrConflict = errors.New("another process has changed the document")

// Documents are few and small, and are not versions of objects. They are in one index beside the series,
// which has the same mapping, are read by their ids, and change.
type Documents struct {
	client *Client
	index  string
}

// Document is one of them, as it was when it was read. The zero value is one that does not exist.
type Document struct {
	Source    json.RawMessage
	seq, term *int64 // of its last change
}

// IsNewer reports whether a document has changed since another was read.
func (d Document) IsNewer(than Document) bool {
	return d.seq != nil && (than.seq == nil || *d.seq != *than.seq || *d.term != *than.term)
}

// Documents returns those of a name.
func (c *Client) Documents(name string) *Documents { return &Documents{c, c.cfg.Index + "-" + name} }

// Get returns the documents of those ids that exist, by id. It sees all changes before the call.
func (d *Documents) Get(ctx context.Context, ids ...string) (map[string]Document, error) {
	found := map[string]Document{}
	if len(ids) == 0 {
		return found, nil
	}
	request := d.client.es.Mget()
	for _, id := range ids {
		request.Add(elastic.NewMultiGetItem().Index(d.index).Id(id))
	}
	answer, err := request.Do(ctx)
	if err != nil {
		return nil, explained("get from "+d.index, err)
	}
	for _, doc := range answer.Docs {
		switch {
		case doc.Error != nil && doc.Error.Type != errNoIndex: // the first Put makes it
			return nil, explained("get from "+d.index, errors.New(doc.Error.Reason))
		case doc.Found:
			found[doc.Id] = Document{doc.Source, doc.SeqNo, doc.PrimaryTerm}
		}
	}
	return found, nil
}

// Put writes a document, if it is still as it was read, and returns it as it is now.
func (d *Documents) Put(ctx context.Context, id string, was Document, source any) (Document, error) {
	if _, err := d.client.series.indices(ctx); err != nil { // and makes the template that the index needs
		return was, err
	}
	params := url.Values{"op_type": {"create"}}
	if was.seq != nil {
		params = url.Values{
			"if_seq_no":       {strconv.FormatInt(*was.seq, 10)},
			"if_primary_term": {strconv.FormatInt(*was.term, 10)},
		}
	}
	answer, err := d.client.es.PerformRequest(ctx, elastic.PerformRequestOptions{
		Method: http.MethodPut,
		Path:   "/" + d.index + "/_doc/" + strings.ReplaceAll(url.QueryEscape(id), "+", "%20"),
		Params: params,
		Body:   source,
	})
	if isError(err, errConflict) {
		return was, ErrConflict
	}
	if err != nil {
		return was, explained("put into "+d.index, err)
	}
	var now struct {
		Seq  *int64 `json:"_seq_no"`
		Term *int64 `json:"_primary_term"`
	}
	err = json.Unmarshal(answer.Body, &now)
	return Document{seq: now.Seq, term: now.Term}, err
}
