package elastic

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"
)

// visibility is what a writer asks for with "refresh".
type visibility string

const (
	lazily   visibility = "false"
	atOnce   visibility = "true"
	awaiting visibility = "wait_for"
)

func (c *call) visibility() (visibility, error) {
	switch v := c.query.Get("refresh"); {
	case !c.query.Has("refresh"), v == "false":
		return lazily, nil
	case v == "", v == "true":
		return atOnce, nil
	case v == "wait_for":
		return awaiting, nil
	default:
		return "", illegalArgument("Unknown value for refresh: [%s].", v)
	}
}

// show keeps the promise of visibility for writes that were committed.
func (s *Server) show(c *call, v visibility, txid int, indices ...*index) error {
	if v == atOnce {
		return s.store.refresh(indices...)
	}
	for _, idx := range indices {
		if v == awaiting {
			if err := s.store.awaitVisible(c.Context(), idx.UUID, txid); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) putDoc(c *call) (answer, error) {
	w := docWrite{id: c.at["id"], source: c.body}
	switch c.query.Get("op_type") {
	case "create":
		w.create = true
	case "index":
	case "":
		w.create = c.query.Has("op_type")
	default:
		return answer{}, illegalArgument("opType must be 'create' or 'index', found: [%s]", c.query.Get("op_type"))
	}
	if w.id == "" {
		w.id, w.create = rand.Text()[:20], true
	}
	return s.write(c, w)
}

func (s *Server) createDoc(c *call) (answer, error) {
	return s.write(c, docWrite{id: c.at["id"], source: c.body, create: true})
}

func (s *Server) deleteDoc(c *call) (answer, error) {
	return s.write(c, docWrite{id: c.at["id"], delete: true})
}

// write answers a call that writes one document.
func (s *Server) write(c *call, w docWrite) (answer, error) {
	visibility, err := c.visibility()
	if err == nil {
		w.ifSeq, err = condition(c.query.Get("if_seq_no"), c.query.Get("if_primary_term"))
	}
	if err != nil {
		return answer{}, err
	}
	doc := &docCall{docWrite: w, index: c.at["index"], mustBeAlias: c.flag("require_alias")}
	txid, err := s.store.updateDocs(doc)
	if err == nil {
		err = doc.err
	}
	if err == nil {
		err = s.show(c, visibility, txid, doc.idx)
	}
	if err != nil {
		return answer{}, err
	}
	body := doc.body(doc.idx, w.id)
	if visibility == atOnce {
		body["forced_refresh"] = true
	}
	return answer{doc.status(), body}, nil
}

// docCall is a write of one document, and its answer.
type docCall struct {
	docWrite
	index       string // or an alias
	mustBeAlias bool

	idx *index // nil if that was not found
	docResult
	err error // an *apiError
}

func (c *docCall) apply(t *txn) (err error) {
	if err = c.validate(); err != nil {
		return err
	}
	if c.idx, err = t.writeTarget(c.index, c.delete, c.mustBeAlias); err == nil {
		c.docResult, err = t.writeDoc(c.idx, c.docWrite)
	}
	return err
}

func (w docWrite) validate() error {
	switch {
	case len(w.id) > maxID:
		return invalid("id [%s] is too long, must be no longer than 512 bytes but was: %d", w.id, len(w.id))
	case !w.delete && len(w.source) == 0:
		return badRequest("parse_exception", "request body is required")
	}
	return nil
}

// condition reads if_seq_no and if_primary_term, which go together.
func condition(seq, term string) (*int64, error) {
	if seq == "" && term == "" {
		return nil, nil
	}
	number, err := strconv.ParseInt(seq, 10, 64)
	if seq != "" && err != nil {
		return nil, illegalArgument("Failed to parse long parameter [if_seq_no] with value [%s]", seq)
	}
	termNumber, err := strconv.ParseInt(term, 10, 64)
	switch {
	case term != "" && err != nil:
		return nil, illegalArgument("Failed to parse long parameter [if_primary_term] with value [%s]", term)
	case term == "" || seq == "":
		return nil, invalid("ifSeqNo is set, but primary term is [0]")
	case termNumber != primaryTerm:
		number = -1 // nothing has that number
	}
	return &number, nil
}

// writeTarget returns the index to write to. One that does not exist is made, but not for a deletion.
func (t *txn) writeTarget(name string, deletion, mustBeAlias bool) (*index, error) {
	if mustBeAlias && len(t.state.aliased(name)) == 0 {
		return nil, noSuchIndex(name)
	}
	idx, err := t.state.target(name)
	if err != nil || idx != nil {
		return idx, err
	}
	if deletion {
		return nil, noSuchIndex(name)
	}
	return t.create(name, &template{})
}

func (r docResult) status() int {
	switch r.result {
	case "created":
		return http.StatusCreated
	case "not_found":
		return http.StatusNotFound
	}
	return http.StatusOK
}

func (r docResult) body(idx *index, id string) map[string]any {
	return map[string]any{"_index": idx.Name, "_type": "_doc", "_id": id, "_version": r.version, "result": r.result,
		"_shards": shards(1), "_seq_no": r.seq, "_primary_term": primaryTerm}
}

// read returns a document as it is now, whether searches see it or not; found tells if there is one.
func (s *Server) read(idx *index, id string, filter sourceFilter) (body map[string]any, found bool, err error) {
	body = map[string]any{"_index": idx.Name, "_type": "_doc", "_id": id, "found": false}
	if r, found := s.store.lookUp(idx, id); found {
		return body, true, filter.show(body, r)
	}
	err = s.store.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(idx.UUID))
		if b == nil {
			return noSuchIndex(idx.Name) // deleted since it was looked up
		}
		if id == "" {
			return nil
		}
		var r record
		if r, found = findRecord(b.Bucket([]byte(bucketDocs)), id); !found {
			return nil
		}
		return filter.show(body, r)
	})
	return body, found, err
}

// show adds to an answer what a read by id tells of a document.
func (f sourceFilter) show(body map[string]any, r record) error {
	body["_version"], body["_seq_no"], body["_primary_term"], body["found"] = r.version, r.seq, primaryTerm, true
	return f.add(body, r.source)
}

func (s *Server) getDoc(c *call) (answer, error) {
	filter, err := c.sourceFilter()
	if err != nil {
		return answer{}, err
	}
	idx, err := s.store.current().single(c.at["index"])
	if err != nil {
		return answer{}, err
	}
	body, found, err := s.read(idx, c.at["id"], filter)
	if err == nil && !found {
		return answer{http.StatusNotFound, body}, nil
	}
	return answer{http.StatusOK, body}, err
}

func (s *Server) getSource(c *call) (answer, error) {
	a, err := s.getDoc(c)
	if err != nil {
		return a, err
	}
	if a.status == http.StatusNotFound {
		return a, &apiError{status: a.status, kind: "resource_not_found_exception", reason: "Document not found [" + c.at["index"] + "]/[_doc]/[" + c.at["id"] + "]"}
	}
	return ok(a.body.(map[string]any)["_source"])
}

func (s *Server) mget(c *call) (answer, error) {
	filter, err := c.sourceFilter()
	if err != nil {
		return answer{}, err
	}
	if len(c.body) == 0 {
		return answer{}, badRequest("parse_exception", "request body or source parameter is required")
	}
	wanted, err := parseMget(c.body, c.at["index"])
	if err != nil {
		return answer{}, err
	}
	docs := make([]any, 0, len(wanted))
	state := s.store.current()
	for _, w := range wanted {
		idx, err := state.single(w.Index)
		var body map[string]any
		if err == nil {
			body, _, err = s.read(idx, w.ID, filter)
		}
		if err != nil {
			body = map[string]any{"_index": w.Index, "_type": nil, "_id": w.ID, "error": toAPI(err).withRoot()}
		}
		docs = append(docs, body)
	}
	return ok(map[string]any{"docs": docs})
}

// docName is one document of an _mget.
type docName struct {
	Index string  `json:"_index"`
	ID    string  `json:"_id"`
	Type  *string `json:"_type"` // olivere sends it if it is told to
}

func parseMget(body []byte, index string) ([]docName, error) {
	var request struct {
		Docs []docName `json:"docs"`
		IDs  []string  `json:"ids"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, badRequest("parsing_exception", "%s", err)
	}
	for _, id := range request.IDs {
		request.Docs = append(request.Docs, docName{ID: id})
	}
	if len(request.Docs) == 0 {
		return nil, invalid("no documents to get")
	}
	for i := range request.Docs {
		d := &request.Docs[i]
		if d.Index == "" {
			d.Index = index
		}
		if d.Index == "" {
			return nil, invalid("index is missing for doc %d", i)
		}
		if d.ID == "" {
			return nil, invalid("id is missing for doc %d", i)
		}
	}
	return request.Docs, nil
}

// sourceFilter says what of a document's source to show: members by name, or names with *. Members of
// members are shown with the whole.
type sourceFilter struct {
	none               bool
	includes, excludes []string
}

func (c *call) sourceFilter() (sourceFilter, error) {
	var f sourceFilter
	switch source := c.query.Get("_source"); source {
	case "", "true":
	case "false":
		f.none = true
	default:
		f.includes = strings.Split(source, ",")
	}
	if list := c.query.Get("_source_includes"); list != "" {
		f.includes = strings.Split(list, ",")
	}
	if list := c.query.Get("_source_excludes"); list != "" {
		f.excludes = strings.Split(list, ",")
	}
	return f, nil
}

func (f sourceFilter) add(body map[string]any, source []byte) error {
	if f.none {
		return nil
	}
	if len(f.includes)+len(f.excludes) == 0 {
		body["_source"] = json.RawMessage(slices.Clone(source)) // it belongs to the transaction
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(source, &object); err != nil {
		return err
	}
	maps.DeleteFunc(object, func(name string, _ json.RawMessage) bool {
		return len(f.includes) > 0 && !likeAny(f.includes, name) || likeAny(f.excludes, name)
	})
	body["_source"] = object
	return nil
}

func likeAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		fits, err := path.Match(p, name)
		return fits && err == nil
	})
}
