package elastic

import (
	"bytes"
	"fmt"
	"net/http"
)

// primaryTerm never changes: no other node could become the primary one.
const primaryTerm = 1

// operation is a write of one document.
type operation struct {
	index, id   string
	source      []byte
	onlyIf      string // what the last write must be, as position prints it; empty for any
	mustBeAlias bool
}

// nothing is the position of a document that does not exist.
const nothing = "no document"

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
	if _, err := s.resolve(op.index); err != nil {
		made, err := s.define(op.index, settings{})
		if err == nil {
			err = s.change(made)
		}
		return s.indices[op.index], err
	}
	return s.one(op.index, true)
}

// do appends the write of an operation to the log.
func (x *index) do(op operation) (object, error) {
	if err := x.Mapping.accept(op.source); err != nil {
		return nil, err
	}
	now, status, result := nothing, http.StatusCreated, "created"
	if last, exists := x.last[op.id]; exists {
		now, status, result = position(last, primaryTerm), http.StatusOK, "updated"
	}
	if op.onlyIf != "" && op.onlyIf != now {
		reason := fmt.Sprintf("[%s]: version conflict, required %s, there is %s", op.id, op.onlyIf, now)
		return nil, &apiError{http.StatusConflict, "version_conflict_engine_exception", reason, x.name}
	}
	r := record{Index: x.name, ID: op.id, Source: op.source}
	at, size, err := x.log.append(r)
	if err != nil {
		return nil, err
	}
	x.add(r, at, size)
	return object{"_index": x.name, "_type": "_doc", "_id": op.id, "_version": x.writes[len(x.writes)-1].version, "_seq_no": len(x.writes) - 1,
		"_primary_term": primaryTerm, "result": result, "status": status, "_shards": object{"total": 1, "successful": 1, "failed": 0}}, nil
}

func (s *Server) putDoc(c *call) (any, error) {
	op := operation{index: c.PathValue("index"), id: c.PathValue("id"), source: c.body, mustBeAlias: c.query.Has("require_alias")}
	switch {
	case c.query.Has("op_type"):
		op.onlyIf = nothing
	case c.query.Has("if_seq_no"):
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
	lines := bytes.Split(c.body, []byte("\n"))
	for i := 0; i+1 < len(lines); i += 2 {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if err := decode(lines[i], &action); err != nil {
			return nil, err
		}
		if action.Create.ID == "" {
			return nil, unknown("what to do for %.200s", lines[i])
		}
		ops = append(ops, operation{index: c.PathValue("index"), id: action.Create.ID, source: lines[i+1], onlyIf: nothing})
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
