package elastic

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are the body of a request for an index, and part of one for a template. There is one node
// and one shard, so numbers of shards and replicas mean nothing here.
type settings struct {
	Settings map[string]any   `json:"settings,omitempty"`
	Mapping  *mapping         `json:"mappings,omitempty"`
	Aliases  map[string]alias `json:"aliases,omitempty"`
}

// alias is how an index is behind one.
type alias struct {
	IsWriteIndex *bool `json:"is_write_index,omitempty"`
}

func (a alias) writes() bool { return a.IsWriteIndex != nil && *a.IsWriteIndex }

// template is what indices are made with whose names fit a pattern.
type template struct {
	Patterns []string `json:"index_patterns"`
	Template settings `json:"template"`
	Priority int      `json:"priority,omitempty"`
}

func (s *settings) check() error {
	for name, value := range s.Settings {
		copies := slices.Contains([]string{"number_of_shards", "number_of_replicas", "auto_expand_replicas"}, name)
		if !copies && (name != "refresh_interval" || value != "-1") {
			return unknown("setting %s: %v", name, value)
		}
	}
	if s.Mapping == nil {
		return nil
	}
	return s.Mapping.check()
}

// acknowledge is the answer to a change that has no other.
func (s *Server) acknowledge(decide func() (change, error)) (any, error) {
	return object{"acknowledged": true}, s.store.update(decide)
}

// putDefinition sets a template, or the mapping of an index: if that has documents, the one that it has
// and more fields that are only stored.
func (s *Server) putDefinition(c *call) (any, error) {
	name, t, m := c.PathValue("name"), &template{}, mapping{}
	switch {
	case c.PathValue("index") == "_index_template":
		if err := errors.Join(decode(c.body, t), t.Template.check()); err != nil {
			return nil, err
		}
		return s.acknowledge(func() (change, error) { return change{Templates: map[string]*template{name: t}}, nil })
	case name != "_mapping":
		return nil, unknown("PUT %s", c.URL.EscapedPath())
	}
	if err := errors.Join(decode(c.body, &m), m.check()); err != nil {
		return nil, err
	}
	return s.alter(c, func(x *index, d *definition) error {
		d.Mapping = m
		same := mapping{m.Dynamic, maps.Clone(m.Properties)}
		maps.DeleteFunc(same.Properties, func(name string, field object) bool {
			return field["type"] == "object" && x.Mapping.Properties[name] == nil
		})
		if len(x.writes) > 0 && !reflect.DeepEqual(same, x.Mapping) {
			return illegalArgument("mapper [%s] cannot be changed: it has documents", x.name)
		}
		return nil
	})
}

func (s *Server) deleteTemplate(c *call) (any, error) {
	name := c.PathValue("name")
	return s.acknowledge(func() (change, error) {
		if s.store.templates[name] == nil {
			return change{}, &apiError{http.StatusNotFound, "index_template_missing_exception", "index_template [" + name + "] missing", ""}
		}
		return change{Templates: map[string]*template{name: nil}}, nil
	})
}

// listTemplates shows those whose names fit a pattern.
func (s *Server) listTemplates(c *call, pattern string) object {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	list := []any{}
	for name, t := range s.store.templates {
		if fits(pattern, name) {
			list = append(list, object{"name": name, "index_template": t})
		}
	}
	if len(list) == 0 {
		c.status = http.StatusNotFound
	}
	return object{"index_templates": list}
}

// describe shows templates, the mapping or the aliases of indices, or those that have one alias.
func (s *Server) describe(c *call) (any, error) {
	index, name, alias := c.PathValue("index"), c.PathValue("name"), ""
	if index == "_index_template" && strings.HasSuffix(name, "*") {
		return s.listTemplates(c, name), nil
	}
	if index == "_alias" {
		index, name, alias = "*", "_alias", name
	}
	if name != "_alias" && name != "_mapping" {
		return nil, unknown("GET %s", c.URL.EscapedPath())
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	list, err := s.store.matching(index)
	body := object{}
	for _, x := range list {
		how, is := x.Aliases[alias]
		switch {
		case name == "_mapping":
			body[x.name] = object{"mappings": x.Mapping}
		case alias == "":
			body[x.name] = object{"aliases": x.Aliases}
		case is:
			body[x.name] = object{"aliases": object{alias: how}}
		}
	}
	if alias != "" && len(body) == 0 {
		c.status = http.StatusNotFound
		return object{"error": "alias [" + alias + "] missing", "status": c.status}, nil
	}
	return body, err
}

// aliasAction adds or removes an alias.
type aliasAction struct {
	Index string `json:"index"` // or several, with a * at the end
	Alias string `json:"alias"`
	alias
}

// changeAliases does all actions or none.
func (s *Server) changeAliases(c *call) (any, error) {
	var request struct {
		Actions []struct{ Add, Remove *aliasAction }
	}
	if err := decode(c.body, &request); err != nil {
		return nil, err
	}
	return s.acknowledge(func() (change, error) {
		changed := map[string]*definition{}
		for _, action := range request.Actions {
			a := cmp.Or(action.Add, action.Remove, &aliasAction{})
			list, err := s.store.matching(a.Index)
			if err != nil {
				return change{}, err
			}
			for _, x := range list {
				d := cmp.Or(changed[x.name], x.copy())
				changed[x.name] = d
				if delete(d.Aliases, a.Alias); action.Add != nil {
					d.Aliases[a.Alias] = a.alias
				}
			}
		}
		return change{Indices: changed}, s.store.checkChange(changed)
	})
}

// checkChange refuses aliases that are called as an index, or that write to two.
func (s *store) checkChange(changed map[string]*definition) error {
	writers := map[string]string{}
	for name, x := range s.indices {
		d := cmp.Or(changed[name], &x.definition)
		if err := s.checkAliases(d.Aliases); err != nil {
			return err
		}
		for a, how := range d.Aliases {
			switch other := writers[a]; {
			case how.writes() && other != "":
				return &apiError{http.StatusInternalServerError, "illegal_state_exception", "alias [" + a + "] has more than one write index [" + other + "," + name + "]", ""}
			case how.writes():
				writers[a] = name
			}
		}
	}
	return nil
}

// alter changes the definition of an index.
func (s *Server) alter(c *call, do func(*index, *definition) error) (any, error) {
	return s.acknowledge(func() (change, error) {
		x, err := s.store.one(c.PathValue("index"), false)
		if err != nil {
			return change{}, err
		}
		d := x.copy()
		return change{Indices: map[string]*definition{x.name: d}}, do(x, d)
	})
}

func (s *Server) createIndex(c *call) (any, error) {
	var own settings
	if err := errors.Join(decode(c.body, &own), own.check()); err != nil {
		return nil, err
	}
	name := c.PathValue("index")
	err := s.store.update(func() (change, error) { return s.store.define(name, own) })
	return object{"acknowledged": true, "shards_acknowledged": true, "index": name}, err
}

// deleteIndices deletes an index, or several.
func (s *Server) deleteIndices(c *call) (any, error) {
	return s.acknowledge(func() (change, error) {
		list, err := s.store.matching(c.PathValue("index"))
		gone := map[string]*definition{}
		for _, x := range list {
			gone[x.name] = nil
		}
		return change{Indices: gone}, err
	})
}

// block ends the writes to an index. None is under way when it answers, since each holds the lock.
func (s *Server) block(c *call) (any, error) {
	return s.alter(c, func(_ *index, d *definition) error { d.Blocked = true; return nil })
}

// refresh has searches see all that was written to the indices of a name.
func (s *Server) refresh(c *call) (any, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	list, err := s.store.resolve(c.PathValue("index"))
	for _, x := range list {
		x.refresh()
	}
	return object{"_shards": object{"total": len(list), "successful": len(list), "failed": 0}}, err
}

// rollover makes a new index behind an alias, for the writes to it from then on.
func (s *Server) rollover(c *call) (any, error) {
	if err := decode(c.body, &struct{}{}); err != nil {
		return nil, err
	}
	name, next := c.PathValue("index"), c.PathValue("name")
	var ended string
	err := s.store.update(func() (change, error) {
		old, err := s.store.rolling(name)
		if err != nil {
			return change{}, err
		}
		d := old.copy()
		d.Aliases[name] = alias{new(false)}
		made, err := s.store.define(next, settings{Aliases: map[string]alias{name: {new(true)}}})
		if err == nil {
			ended, made.Indices[old.name] = old.name, d
		}
		return made, err
	})
	return object{"acknowledged": true, "shards_acknowledged": true, "old_index": ended, "new_index": next, "rolled_over": true, "dry_run": false,
		"conditions": object{}}, err
}

// rolling returns the index that writes to an alias go to.
func (s *store) rolling(name string) (*index, error) {
	x, err := s.one(name, true)
	if err == nil && !x.Aliases[name].writes() {
		err = unknown("a rollover of an alias without is_write_index")
	}
	return x, err
}

// dryRun tells which conditions of a rollover are met.
func (s *Server) dryRun(c *call) (any, error) {
	var request struct{ Conditions map[string]string }
	if err := decode(c.body, &request); err != nil {
		return nil, err
	}
	if !c.query.Has("dry_run") {
		return nil, unknown("a rollover that is neither by name nor a dry run")
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	x, err := s.store.rolling(c.PathValue("index"))
	if err != nil {
		return nil, err
	}
	have := map[string]int64{"max_age": int64(time.Since(x.Created)), "max_size": x.bytes}
	units := map[string]int64{"max_age ms": 1e6, "max_age s": 1e9, "max_age m": 60e9, "max_age h": 3600e9, "max_age d": 24 * 3600e9,
		"max_size b": 1, "max_size kb": 1 << 10, "max_size mb": 1 << 20, "max_size gb": 1 << 30, "max_size tb": 1 << 40}
	met := map[string]bool{}
	for name, text := range request.Conditions {
		suffix := strings.TrimLeft(text, "0123456789")
		unit := units[name+" "+suffix]
		n, err := strconv.ParseInt(strings.TrimSuffix(text, suffix), 10, 32)
		if err != nil || unit == 0 {
			return nil, badRequest("x_content_parse_exception", "[conditions] failed to parse field [%s]", name)
		}
		met["["+name+": "+text+"]"] = have[name] >= n*unit
	}
	return object{"acknowledged": false, "shards_acknowledged": false, "old_index": x.name, "rolled_over": false, "dry_run": true, "conditions": met}, nil
}
