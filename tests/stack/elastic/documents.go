package elastic

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// primaryTerm never changes: no other node could become the primary one.
const primaryTerm = 1

// operation is a write of one document.
type operation struct {
	index, id   string
	source      []byte
	create      bool   // only if there is none
	onlyIf      string // what the last write must be, as position prints it; empty for any
	mustBeAlias bool
}

func position(seq, term any) string { return fmt.Sprintf("seqNo [%v], primary term [%v]", seq, term) }

// do does an operation and returns the answer, which must not be sent before the log is synced.
func (s *store) do(op operation) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.findOrMake(op)
	if err == nil && x.Blocked {
		err = &apiError{http.StatusForbidden, "cluster_block_exception", "index [" + x.name + "] blocked by: [FORBIDDEN/8/index write (api)];", ""}
	}
	if err != nil {
		return nil, err
	}
	return x.do(op)
}

// findOrMake returns the index to write to. It makes one that is missing.
func (s *store) findOrMake(op operation) (*index, error) {
	if op.mustBeAlias && len(s.behind(op.index)) == 0 {
		return nil, noSuchIndex(op.index, " and [require_alias] request flag is [true] and ["+op.index+"] is not an alias")
	}
	x, err := s.one(op.index, true)
	var refused *apiError
	if !errors.As(err, &refused) || refused.status != http.StatusNotFound {
		return x, err
	}
	made, err := s.define(op.index, settings{})
	if err == nil {
		err = s.change(made)
	}
	return s.indices[op.index], err
}

// do appends the write of an operation to the log.
func (x *index) do(op operation) (object, error) {
	if err := x.Mapping.accept(op.source); err != nil {
		return nil, err
	}
	last, exists := x.last[op.id]
	if err := x.checkConditions(op, last, exists); err != nil {
		return nil, err
	}
	r := record{Index: x.name, ID: op.id, Source: op.source}
	at, size, err := x.log.append(r)
	if err != nil {
		return nil, err
	}
	x.add(r, at, size)
	status, result := http.StatusCreated, "created"
	if exists {
		status, result = http.StatusOK, "updated"
	}
	return object{"_index": x.name, "_type": "_doc", "_id": op.id, "_version": x.writes[len(x.writes)-1].version, "_seq_no": len(x.writes) - 1,
		"_primary_term": primaryTerm, "result": result, "status": status, "_shards": object{"total": 1, "successful": 1, "failed": 0}}, nil
}

func (x *index) checkConditions(op operation, last int32, exists bool) error {
	reason := ""
	switch now := position(last, primaryTerm); {
	case op.create && exists:
		reason = fmt.Sprintf("document already exists (current version [%d])", x.writes[last].version)
	case op.onlyIf != "" && !exists:
		reason = "required " + op.onlyIf + ". but no document was found"
	case op.onlyIf != "" && op.onlyIf != now:
		reason = "required " + op.onlyIf + ". current document has " + now
	default:
		return nil
	}
	return &apiError{http.StatusConflict, "version_conflict_engine_exception", "[" + op.id + "]: version conflict, " + reason, x.name}
}

func (s *Server) putDoc(c *call) (any, error) {
	op := operation{index: c.PathValue("index"), id: c.PathValue("id"), source: c.body, create: c.query.Has("op_type"), mustBeAlias: c.query.Has("require_alias")}
	if c.query.Has("if_seq_no") {
		op.onlyIf = position(c.query.Get("if_seq_no"), c.query.Get("if_primary_term"))
	}
	answer, err := s.store.do(op)
	if err != nil {
		return nil, err
	}
	c.status = answer["status"].(int)
	delete(answer, "status")
	return answer, s.store.log.sync()
}

// bulk creates documents, each of which can fail by itself.
func (s *Server) bulk(c *call) (any, error) {
	ops, err := c.operations()
	if err != nil {
		return nil, err
	}
	items, failed := make([]any, len(ops)), false
	for i, op := range ops {
		item, err := s.store.do(op)
		if err != nil {
			e := refusal(err)
			failed, item = true, object{"_index": op.index, "_type": "_doc", "_id": op.id, "status": e.status, "error": e.object()}
		}
		items[i] = object{"create": item}
	}
	return object{"errors": failed, "items": items}, s.store.log.sync()
}

// operations reads the body of a bulk: for each document a line that says what to do, and one with it.
func (c *call) operations() (ops []operation, err error) {
	for rest := c.body; len(rest) > 0; {
		op := operation{index: c.PathValue("index"), create: true}
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		op.source, rest, _ = bytes.Cut(rest, []byte("\n"))
		var action struct {
			Create struct {
				ID string `json:"_id"`
			} `json:"create"`
		}
		if err := decode(line, &action); err != nil {
			return nil, err
		}
		if op.id = action.Create.ID; op.id == "" {
			return nil, unknown("what to do for %.200s", line)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func (s *Server) getDoc(c *call) (any, error) {
	body, err := s.store.document(c.PathValue("index"), c.PathValue("id"))
	if body["found"] == false {
		c.status = http.StatusNotFound
	}
	return body, err
}

// document returns a document as it is now, whether searches see it or not.
func (s *store) document(name, id string) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.one(name, false)
	if err != nil {
		return nil, err
	}
	seq, exists := x.last[id]
	if !exists {
		return object{"_index": x.name, "_type": "_doc", "_id": id, "found": false}, nil
	}
	w := x.writes[seq]
	r, err := s.log.read(w.at, w.size)
	return object{"_index": x.name, "_type": "_doc", "_id": id, "found": true, "_source": r.Source,
		"_version": w.version, "_seq_no": seq, "_primary_term": primaryTerm}, err
}

func (s *Server) mget(c *call) (any, error) {
	var wanted struct {
		Docs []struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		} `json:"docs"`
	}
	if err := decode(c.body, &wanted); err != nil {
		return nil, err
	}
	docs := make([]any, len(wanted.Docs))
	for i, w := range wanted.Docs {
		body, err := s.store.document(w.Index, w.ID)
		if err != nil {
			body = object{"_index": w.Index, "_type": nil, "_id": w.ID, "error": refusal(err).withCause()}
		}
		docs[i] = body
	}
	return object{"docs": docs}, nil
}
