package elastic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func badAlias(name string) error {
	return badRequest("invalid_alias_name_exception", "Invalid alias name [%s]: an index or data stream exists with the same name as the alias", name)
}

// aliasAction is one step of POST /_aliases.
type aliasAction struct {
	Index        string   `json:"index"`
	Indices      []string `json:"indices"`
	Alias        string   `json:"alias"`
	Aliases      []string `json:"aliases"`
	IsWriteIndex *bool    `json:"is_write_index"`
	MustExist    *bool    `json:"must_exist"`
}

// changeAliases does all its actions or none.
func (s *Server) changeAliases(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	list, _ := object["actions"].([]any) // nil has none
	for name := range object {
		if name != "actions" {
			return answer{}, badRequest("x_content_parse_exception", "[aliases] unknown field [%s]", name)
		}
	}
	if len(list) == 0 {
		return answer{}, illegalArgument("No action specified")
	}
	_, err = s.store.update(func(t *txn) error {
		changed := t.state.clone()
		for _, raw := range list {
			if err := changed.act(raw); err != nil {
				return err
			}
		}
		if err := changed.checkWriters(); err != nil {
			return err
		}
		for name, idx := range changed.indices {
			if idx != t.state.indices[name] {
				if err := t.putIndex(idx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return acknowledged()
}

func (s *state) act(raw any) error {
	object, _ := raw.(map[string]any) // nil is empty
	kind, body, err := only(object, "No action specified")
	if err != nil {
		return err
	}
	if kind != "add" && kind != "remove" {
		return badRequest("x_content_parse_exception", "[alias_action] unknown field [%s]", kind)
	}
	var a aliasAction
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return badRequest("x_content_parse_exception", "[%s] %s", kind, err)
	}
	if a.Index != "" {
		a.Indices = append(a.Indices, a.Index)
	}
	if a.Alias != "" {
		a.Aliases = append(a.Aliases, a.Alias)
	}
	if len(a.Indices) == 0 || len(a.Aliases) == 0 {
		return illegalArgument("[%s] needs an index and an alias", kind)
	}
	indices, err := s.resolve(strings.Join(a.Indices, ","), false)
	if err != nil {
		return err
	}
	return s.applyAction(kind, a, indices)
}

func (s *state) applyAction(kind string, a aliasAction, indices []*index) error {
	for _, name := range a.Aliases {
		found := false
		for _, idx := range indices {
			idx = s.indices[idx.Name].clone()
			s.indices[idx.Name] = idx
			_, has := idx.Aliases[name]
			found = found || has
			if kind == "remove" {
				delete(idx.Aliases, name)
				continue
			}
			if s.indices[name] != nil {
				return badAlias(name)
			}
			idx.Aliases[name] = alias{a.IsWriteIndex}
		}
		if kind == "remove" && !found && (a.MustExist == nil || *a.MustExist) {
			return &apiError{status: http.StatusNotFound, kind: "aliases_not_found_exception", reason: "aliases [" + name + "] missing",
				extra: map[string]any{"resource.type": "aliases", "resource.id": name}}
		}
	}
	return nil
}

// checkWriters refuses two write indices behind one alias.
func (s *state) checkWriters() error {
	writers := map[string][]string{}
	for _, idx := range sorted(s.indices) {
		for name, a := range idx.Aliases {
			if a.writes() {
				writers[name] = append(writers[name], idx.Name)
			}
		}
	}
	for name, list := range writers {
		if len(list) > 1 {
			return &apiError{status: http.StatusInternalServerError, kind: "illegal_state_exception",
				reason: fmt.Sprintf("alias [%s] has more than one write index [%s]", name, strings.Join(list, ","))}
		}
	}
	return nil
}

func (s *Server) getAliases(c *call) (answer, error) {
	state := s.store.current()
	indices, err := state.resolve(c.indices(), c.flag("ignore_unavailable"))
	if err != nil {
		return answer{}, err
	}
	wanted := c.at["name"]
	body := map[string]any{}
	for _, idx := range indices {
		shown := map[string]alias{}
		for name, a := range idx.Aliases {
			if wanted == "" || likeAny(strings.Split(wanted, ","), name) {
				shown[name] = a
			}
		}
		if wanted == "" || len(shown) > 0 {
			body[idx.Name] = map[string]any{"aliases": shown}
		}
	}
	if len(body) == 0 && wanted != "" && !strings.Contains(wanted, "*") {
		return answer{}, &apiError{status: http.StatusNotFound, plain: true, reason: "alias [" + wanted + "] missing"}
	}
	return ok(body)
}

// rollover makes a new index behind an alias and turns the writes to it.
func (s *Server) rollover(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	conditions, _ := object["conditions"].(map[string]any) // none is as good as met
	delete(object, "conditions")
	own, err := parseTemplate(object, "rollover")
	if err != nil {
		return answer{}, err
	}
	dry := c.flag("dry_run")
	var body map[string]any
	_, err = s.store.update(func(t *txn) error {
		old, name, err := t.state.rolloverFrom(c.at["index"], c.at["name"])
		if err != nil {
			return err
		}
		results, err := t.judge(old, conditions)
		if err != nil {
			return err
		}
		rolled := !dry && (len(results) == 0 || anyTrue(results))
		body = map[string]any{"acknowledged": rolled, "shards_acknowledged": rolled, "old_index": old.Name, "new_index": name,
			"rolled_over": rolled, "dry_run": dry, "conditions": results}
		if !rolled {
			return nil
		}
		return t.roll(c.at["index"], old, name, own)
	})
	return answer{http.StatusOK, body}, err
}

// rolloverFrom returns the write index behind an alias, and the name of the next.
func (s *state) rolloverFrom(aliasName, given string) (*index, string, error) {
	if s.indices[aliasName] != nil {
		return nil, "", illegalArgument("rollover target is a [concrete index] but one of [alias,data_stream] was expected")
	}
	if len(s.aliased(aliasName)) == 0 {
		return nil, "", noSuchIndex(aliasName)
	}
	old, err := s.target(aliasName)
	if err != nil {
		return nil, "", illegalArgument("rollover target [%s] does not point to a write index", aliasName)
	}
	name := given
	if name == "" {
		numbered := regexp.MustCompile(`^(.*-)(\d+)$`).FindStringSubmatch(old.Name)
		if numbered == nil {
			return nil, "", illegalArgument("index name [%s] does not match pattern '^.*-\\d+$'", old.Name)
		}
		n, err := strconv.ParseInt(numbered[2], 10, 64)
		if err != nil {
			return nil, "", illegalArgument("index name [%s] has too great a number", old.Name)
		}
		name = fmt.Sprintf("%s%06d", numbered[1], n+1)
	}
	return old, name, s.checkName(name)
}

// judge tells of each condition whether it is met.
func (t *txn) judge(old *index, conditions map[string]any) (map[string]bool, error) {
	results := map[string]bool{}
	for name, value := range conditions {
		text := fmt.Sprint(value)
		met := false
		switch name {
		case "max_docs":
			limit, err := wholeNumber(value)
			if err != nil {
				return nil, err
			}
			met = t.docs(old) >= int64(limit)
		case "max_age":
			limit, err := parseTime(text)
			if err != nil {
				return nil, err
			}
			met = time.Since(old.Created) >= limit
		case "max_size", "max_primary_shard_size":
			limit, err := parseBytes(text)
			if err != nil {
				return nil, err
			}
			met = t.size(old) >= limit
		default:
			return nil, badRequest("x_content_parse_exception", "[conditions] unknown field [%s]", name)
		}
		results["["+name+": "+text+"]"] = met
	}
	return results, nil
}

func anyTrue(results map[string]bool) bool {
	for _, met := range results {
		if met {
			return true
		}
	}
	return false
}

func parseBytes(text string) (int64, error) {
	for _, unit := range []struct {
		name string
		size int64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"tb", 1 << 40}, {"b", 1}} {
		digits, ok := strings.CutSuffix(text, unit.name)
		n, err := strconv.ParseInt(digits, 10, 32)
		if ok && err == nil && n >= 0 {
			return n * unit.size, nil
		}
	}
	return 0, badRequest("parse_exception", "failed to parse [%s] as a size in bytes: unit is missing or unrecognized", text)
}

// size returns how many bytes of the database an index has: the pages of all its buckets.
func (t *txn) size(idx *index) int64 {
	stats := t.Bucket([]byte(idx.UUID)).Stats()
	return int64(stats.BranchAlloc + stats.LeafAlloc)
}

// roll leaves the old index behind the alias if that says explicitly which index is the one to write
// to, else the alias moves, as with the real server.
func (t *txn) roll(aliasName string, old *index, name string, own *template) error {
	if _, twice := t.state.templateFor(name).Aliases[aliasName]; twice {
		return illegalArgument("Rollover alias [%s] can point to multiple indices, found duplicated alias [[%s]] in index template", aliasName, aliasName)
	}
	yes, no := true, false
	next := alias{}
	changed := old.clone()
	if old.Aliases[aliasName].writes() {
		next.IsWriteIndex = &yes
		changed.Aliases[aliasName] = alias{&no}
	} else {
		delete(changed.Aliases, aliasName)
	}
	made := *own
	made.Aliases = map[string]alias{aliasName: next}
	for n, a := range own.Aliases {
		made.Aliases[n] = a
	}
	if _, err := t.create(name, &made); err != nil {
		return err
	}
	return t.putIndex(changed)
}
