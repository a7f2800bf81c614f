package elastic

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// create makes an index, with what templates say, overridden by own.
func (t *txn) create(name string, own *template) (*index, error) {
	if err := t.state.checkName(name); err != nil {
		return nil, err
	}
	base := t.state.templateFor(name)
	idx := &index{Name: name, UUID: newUUID(), Created: time.Now(), Settings: map[string]string{"number_of_shards": "1", "number_of_replicas": "1"},
		Mapping: &mapping{field{Properties: map[string]*field{}}}, Aliases: map[string]alias{}}
	for _, from := range []*template{base, own} {
		for key, value := range from.Settings {
			idx.Settings[key] = value
		}
		for key, a := range from.Aliases {
			idx.Aliases[key] = a
		}
		if from.Mapping != nil {
			merged, err := idx.Mapping.merge(from.Mapping)
			if err != nil {
				return nil, err
			}
			idx.Mapping = merged
		}
	}
	for a := range idx.Aliases {
		if t.state.indices[a] != nil || a == name {
			return nil, badAlias(a)
		}
	}
	return idx, t.putNewIndex(idx)
}

func (t *txn) putNewIndex(idx *index) error {
	b, err := t.CreateBucket([]byte(idx.UUID))
	for _, inner := range []string{bucketDocs, bucketOrder, bucketCounts} {
		if err == nil {
			_, err = b.CreateBucket([]byte(inner))
		}
	}
	if err != nil {
		return err
	}
	t.fresh = append(t.fresh, idx)
	return t.putIndex(idx)
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *state) checkName(name string) error {
	invalidName := func(format string, args ...any) error {
		e := badRequest("invalid_index_name_exception", "Invalid index name [%s], %s", name, fmt.Sprintf(format, args...))
		e.extra = map[string]any{"index_uuid": "_na_", "index": name}
		return e
	}
	switch {
	case s.indices[name] != nil:
		return alreadyExists(s.indices[name])
	case len(s.aliased(name)) > 0:
		return invalidName("already exists as alias")
	case strings.ContainsAny(name, " \"*\\<|,>/?#:\x00[]"):
		return invalidName("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]")
	case strings.HasPrefix(name, "_"), strings.HasPrefix(name, "-"), strings.HasPrefix(name, "+"):
		return invalidName("must not start with '_', '-', or '+'")
	case name == "." || name == "..":
		return invalidName("must not be '.' or '..'")
	case len(name) > 255:
		return invalidName("index name is too long, (%d > 255)", len(name))
	case strings.ToLower(name) != name:
		return invalidName("must be lowercase")
	}
	return nil
}

func (s *Server) createIndex(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	own, err := parseTemplate(object, "create index")
	if err != nil {
		return answer{}, err
	}
	_, err = s.store.update(func(t *txn) error {
		_, err := t.create(c.at["index"], own)
		return err
	})
	return answer{http.StatusOK, map[string]any{"acknowledged": true, "shards_acknowledged": true, "index": c.at["index"]}}, err
}

// parseTemplate reads settings, mappings and aliases.
func parseTemplate(object map[string]any, what string) (*template, error) {
	t := &template{}
	var err error
	for key, value := range object {
		switch key {
		case "settings":
			t.Settings, err = parseSettings(value)
		case "mappings":
			t.Mapping, err = parseMapping(value)
		case "aliases":
			t.Aliases, err = parseAliases(value)
		default:
			err = badRequest("parse_exception", "unknown key [%s] for %s", key, what)
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func parseAliases(raw any) (map[string]alias, error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("parse_exception", "key [aliases] must be an object")
	}
	aliases := map[string]alias{}
	for name, options := range object {
		encoded, err := json.Marshal(options)
		if err == nil {
			var a alias
			decoder := json.NewDecoder(strings.NewReader(string(encoded)))
			decoder.DisallowUnknownFields()
			err = decoder.Decode(&a)
			aliases[name] = a
		}
		if err != nil {
			return nil, illegalArgument("failed to parse alias [%s]: %s", name, err)
		}
	}
	return aliases, nil
}

// parseSettings flattens settings to names without "index.". A null is an empty value.
func parseSettings(raw any) (map[string]string, error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("parse_exception", "key [settings] must be an object")
	}
	flat := map[string]string{}
	flatten("", object, flat)
	for name, value := range flat {
		if err := checkSetting(name, value); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

func flatten(prefix string, object map[string]any, into map[string]string) {
	for name, value := range object {
		path := strings.TrimPrefix(prefix+name, "index.")
		switch value := value.(type) {
		case map[string]any:
			flatten(path+".", value, into)
		case nil:
			into[path] = ""
		default:
			into[path] = fmt.Sprint(value)
		}
	}
}

func checkSetting(name, value string) (err error) {
	switch {
	case name == "refresh_interval" && value != "":
		_, err = parseTime(value)
	case name == "number_of_shards", name == "number_of_replicas":
		if n, wrong := strconv.ParseUint(value, 10, 10); value != "" && (wrong != nil || n == 0 && name == "number_of_shards") {
			err = illegalArgument("Failed to parse value [%s] for setting [index.%s]", value, name)
		}
	case name == "blocks.write":
		if value != "" && value != "true" && value != "false" {
			err = illegalArgument("Failed to parse value [%s] as only [true] or [false] are allowed.", value)
		}
	case name != "refresh_interval" && name != "auto_expand_replicas": // there is but one node
		err = illegalArgument("unknown setting [index.%s] please check that any required plugins are installed, or check the breaking changes documentation for removed settings", name)
	}
	return err
}

func (s *Server) deleteIndex(c *call) (answer, error) {
	var dropped []*index
	_, err := s.store.update(func(t *txn) (err error) {
		for _, name := range strings.Split(c.at["index"], ",") {
			if len(t.state.aliased(name)) > 0 && t.state.indices[name] == nil {
				return illegalArgument("The provided expression [%s] matches an alias, specify the corresponding concrete indices instead.", name)
			}
		}
		if dropped, err = t.state.resolve(c.at["index"], c.flag("ignore_unavailable")); err != nil {
			return err
		}
		for _, idx := range dropped {
			if err := t.dropIndex(idx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	for _, idx := range dropped {
		s.store.forget(idx)
	}
	return acknowledged()
}

// describe answers with something about each index that is meant.
func (s *Server) describe(c *call, about func(*index) map[string]any) (answer, error) {
	indices, err := s.store.current().resolve(c.indices(), c.flag("ignore_unavailable"))
	if err != nil {
		return answer{}, err
	}
	body := map[string]any{}
	for _, idx := range indices {
		body[idx.Name] = about(idx)
	}
	return ok(body)
}

func (s *Server) getIndex(c *call) (answer, error) {
	return s.describe(c, func(idx *index) map[string]any {
		return map[string]any{"aliases": idx.Aliases, "mappings": idx.Mapping.show(), "settings": idx.settingsJSON()}
	})
}

func (s *Server) getMapping(c *call) (answer, error) {
	return s.describe(c, func(idx *index) map[string]any { return map[string]any{"mappings": idx.Mapping.show()} })
}

func (s *Server) getSettings(c *call) (answer, error) {
	return s.describe(c, func(idx *index) map[string]any { return map[string]any{"settings": idx.settingsJSON()} })
}

// alter changes each index that is meant.
func (s *Server) alter(c *call, change func(t *txn, idx *index) (*index, error)) error {
	_, err := s.store.update(func(t *txn) error {
		indices, err := t.state.resolve(c.at["index"], c.flag("ignore_unavailable"))
		if err != nil {
			return err
		}
		var changed []*index
		for _, idx := range indices {
			idx, err := change(t, idx.clone())
			if err != nil {
				return err
			}
			changed = append(changed, idx)
		}
		for _, idx := range changed {
			if err := t.putIndex(idx); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (s *Server) putMapping(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	added, err := parseMapping(object)
	if err != nil {
		return answer{}, err
	}
	err = s.alter(c, func(t *txn, idx *index) (_ *index, err error) {
		idx.Mapping, err = idx.Mapping.merge(added)
		idx.Extended = idx.Extended || t.docs(idx) > 0
		return idx, err
	})
	if err != nil {
		return answer{}, err
	}
	return acknowledged()
}

// docs returns how many documents an index has.
func (t *txn) docs(idx *index) int64 {
	return countIn(t.Bucket([]byte(idx.UUID)).Bucket([]byte(bucketCounts)), bucketDocs)
}

func (s *Server) putSettings(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	if inner, nested := object["settings"]; nested && len(object) == 1 {
		object = map[string]any{"index": inner}
	}
	settings, err := parseSettings(object)
	if err != nil {
		return answer{}, err
	}
	if _, fixed := settings["number_of_shards"]; fixed {
		return answer{}, illegalArgument("Can't update non dynamic settings [[index.number_of_shards]] for open indices")
	}
	err = s.alter(c, func(_ *txn, idx *index) (*index, error) {
		for name, value := range settings {
			idx.Settings[name] = value
			if value == "" {
				delete(idx.Settings, name)
			}
		}
		return idx, nil
	})
	if err != nil {
		return answer{}, err
	}
	return acknowledged()
}

// putBlock returns when writes that had begun are done, since it is a write itself.
func (s *Server) putBlock(c *call) (answer, error) {
	if c.at["block"] != "write" {
		return answer{}, illegalArgument("No block found with name %s", c.at["block"])
	}
	added := []any{}
	err := s.alter(c, func(_ *txn, idx *index) (*index, error) {
		if !idx.isBlocked() {
			added = append(added, map[string]any{"name": idx.Name, "blocked": true})
		}
		idx.Settings["blocks.write"] = "true"
		return idx, nil
	})
	return answer{http.StatusOK, map[string]any{"acknowledged": true, "shards_acknowledged": len(added) > 0, "indices": added}}, err
}

func (s *Server) putTemplate(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	made, err := parseIndexTemplate(object)
	if err == nil && len(c.at["name"]) > 255 {
		err = illegalArgument("index_template name is too long")
	}
	if err != nil {
		return answer{}, err
	}
	_, err = s.store.update(func(t *txn) error {
		t.change().templates[c.at["name"]] = made
		return putJSON(t.Tx, bucketTemplates, c.at["name"], made)
	})
	if err != nil {
		return answer{}, err
	}
	return acknowledged()
}

func parseIndexTemplate(object map[string]any) (*template, error) {
	made := &template{}
	if inner, ok := object["template"].(map[string]any); ok {
		var err error
		if made, err = parseTemplate(inner, "template"); err != nil {
			return nil, err
		}
	}
	for key, value := range object {
		var err error
		switch key {
		case "template", "composed_of", "version", "_meta":
		case "index_patterns":
			list, isList := value.([]any)
			if !isList {
				list = []any{value}
			}
			made.Patterns, err = texts(list)
		case "priority":
			made.Priority, err = wholeNumber(value)
		default:
			err = badRequest("x_content_parse_exception", "[index_template] unknown field [%s]", key)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(made.Patterns) == 0 {
		return nil, illegalArgument("Required [index_patterns]")
	}
	return made, nil
}

func (s *Server) getTemplate(c *call) (answer, error) {
	list := []any{}
	for name, t := range s.store.current().templates {
		if !like(c.at["name"], name) {
			continue
		}
		inner := map[string]any{}
		if t.Settings != nil {
			inner["settings"] = map[string]any{"index": t.Settings}
		}
		if t.Mapping != nil {
			inner["mappings"] = t.Mapping.show()
		}
		if t.Aliases != nil {
			inner["aliases"] = t.Aliases
		}
		list = append(list, map[string]any{"name": name, "index_template": map[string]any{
			"index_patterns": t.Patterns, "template": inner, "composed_of": []any{}, "priority": t.Priority}})
	}
	if len(list) == 0 {
		return answer{}, &apiError{status: http.StatusNotFound, kind: "resource_not_found_exception", reason: "index template matching [" + c.at["name"] + "] not found"}
	}
	return ok(map[string]any{"index_templates": list})
}

func (s *Server) deleteTemplate(c *call) (answer, error) {
	_, err := s.store.update(func(t *txn) error {
		if t.state.templates[c.at["name"]] == nil {
			return &apiError{status: http.StatusNotFound, kind: "index_template_missing_exception", reason: "index_template [" + c.at["name"] + "] missing"}
		}
		delete(t.change().templates, c.at["name"])
		return t.Bucket([]byte(bucketTemplates)).Delete([]byte(c.at["name"]))
	})
	if err != nil {
		return answer{}, err
	}
	return acknowledged()
}

// show is the mapping as it is answered: an index without fields has none.
func (m *mapping) show() any {
	if m.Dynamic == "" && len(m.Properties) == 0 {
		return map[string]any{}
	}
	return m.shown()
}

func (f *field) shown() *field {
	shown := *f
	shown.Properties = map[string]*field{}
	for name, inner := range f.Properties {
		shown.Properties[name] = inner.shown()
	}
	if shown.Type == "object" && len(shown.Properties) > 0 {
		shown.Type = ""
	}
	return &shown
}
