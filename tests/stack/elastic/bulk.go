package elastic

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"
)

// bulkItem is one line of a bulk, with the document of the next.
type bulkItem struct {
	action string // index, create or delete
	index  string
	docWrite
}

// bulk does all its writes in one commit: each fails by itself.
func (s *Server) bulk(c *call) (answer, error) {
	began := time.Now()
	visibility, err := c.visibility()
	if err != nil {
		return answer{}, err
	}
	items, err := parseBulk(c.body, c.at["index"])
	if err != nil {
		return answer{}, err
	}
	var answers []any
	failed := false
	touched := map[string]*index{}
	txid, err := s.store.update(func(t *txn) error {
		for _, item := range items {
			body, idx, err := t.writeItem(item)
			var api *apiError
			if errors.As(err, &api) {
				failed = true
			} else if err != nil {
				return err
			}
			if idx != nil {
				touched[idx.UUID] = idx
			}
			answers = append(answers, map[string]any{item.action: body})
		}
		return nil
	})
	if err == nil {
		err = s.show(c, visibility, txid, sorted(touched)...)
	}
	return answer{200, map[string]any{"took": time.Since(began).Milliseconds(), "errors": failed, "items": answers}}, err
}

// writeItem returns the item's answer also if it failed.
func (t *txn) writeItem(item bulkItem) (map[string]any, *index, error) {
	idx, err := (*index)(nil), item.validate()
	if err == nil {
		idx, err = t.writeTarget(item.index, item.delete, false)
	}
	var r docResult
	if err == nil {
		r, err = t.writeDoc(idx, item.docWrite)
	}
	if err == nil {
		body := r.body(idx, item.id)
		body["status"] = r.status()
		return body, idx, nil
	}
	name := item.index
	if idx != nil {
		name = idx.Name
	}
	api := toAPI(err)
	return map[string]any{"_index": name, "_type": "_doc", "_id": item.id, "status": api.status, "error": api.object()}, nil, err
}

func parseBulk(body []byte, index string) ([]bulkItem, error) {
	if len(body) == 0 {
		return nil, badRequest("parse_exception", "request body is required")
	}
	if body[len(body)-1] != '\n' {
		return nil, illegalArgument("The bulk request must be terminated by a newline [\\n]")
	}
	var items []bulkItem
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		item, err := parseAction(line, index)
		if err != nil {
			return nil, err
		}
		if !item.delete {
			if len(body) == 0 {
				break // an action without its document is left out, as by the real server
			}
			item.source, body, _ = bytes.Cut(body, []byte("\n"))
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, invalid("no requests added")
	}
	for _, item := range items {
		if item.index == "" {
			return nil, invalid("index is missing")
		}
		if item.id == "" {
			return nil, invalid("id is missing")
		}
	}
	return items, nil
}

func parseAction(line []byte, index string) (bulkItem, error) {
	var actions map[string]struct {
		Index string `json:"_index"`
		ID    string `json:"_id"`
		Seq   *int64 `json:"if_seq_no"`
		Term  *int64 `json:"if_primary_term"`
	}
	if err := json.Unmarshal(line, &actions); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return bulkItem{}, badRequest("json_parse_exception", "%s", err)
		}
		return bulkItem{}, illegalArgument("Malformed action/metadata line: %s", err)
	}
	for action, meta := range actions {
		item := bulkItem{action: action, index: meta.Index, docWrite: docWrite{id: meta.ID, ifSeq: meta.Seq}}
		item.create, item.delete = action == "create", action == "delete"
		if action != "index" && !item.create && !item.delete {
			return bulkItem{}, illegalArgument("Malformed action/metadata line, expected field [create], [delete] or [index] but found [%s]", action)
		}
		if item.index == "" {
			item.index = index
		}
		if item.id == "" && !item.delete {
			item.id = rand.Text()[:20]
		}
		return item, nil
	}
	return bulkItem{}, illegalArgument("Malformed action/metadata line, expected FIELD_NAME but found [END_OBJECT]")
}
