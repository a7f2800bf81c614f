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
	*docCall
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
	docs := make([]*docCall, len(items))
	for i, item := range items {
		docs[i] = item.docCall
	}
	txid, err := s.store.updateDocs(docs...)
	if err != nil {
		return answer{}, err
	}
	answers, failed, touched := make([]any, len(items)), false, map[string]*index{}
	for i, item := range items {
		answers[i] = map[string]any{item.action: item.item()}
		if item.err == nil {
			touched[item.idx.UUID] = item.idx
		} else {
			failed = true
		}
	}
	err = s.show(c, visibility, txid, sorted(touched)...)
	return answer{200, map[string]any{"took": time.Since(began).Milliseconds(), "errors": failed, "items": answers}}, err
}

// item is the answer to a write among others.
func (c *docCall) item() map[string]any {
	if c.err == nil {
		body := c.body(c.idx, c.id)
		body["status"] = c.status()
		return body
	}
	name := c.index
	if c.idx != nil {
		name = c.idx.Name
	}
	api := toAPI(c.err)
	return map[string]any{"_index": name, "_type": "_doc", "_id": c.id, "status": api.status, "error": api.object()}
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
		item := bulkItem{action, &docCall{index: meta.Index, docWrite: docWrite{id: meta.ID, ifSeq: meta.Seq}}}
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
