package elastic

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
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
	IsWriteIndex bool `json:"is_write_index"`
}

// template is what indices are made with whose names fit a pattern.
type template struct {
	Patterns []string `json:"index_patterns"`
	Template settings `json:"template"`
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

func (s *Server) putTemplate(c *call) (any, error) {
	t := &template{}
	if err := errors.Join(decode(c.body, t), t.Template.check()); err != nil {
		return nil, err
	}
	return s.acknowledge(func() (change, error) { return change{Templates: map[string]*template{c.PathValue("name"): t}}, nil })
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

// getAlias shows the indices behind an alias.
func (s *Server) getAlias(c *call) (any, error) {
	name, body := c.PathValue("name"), object{}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, x := range s.store.behind(name) {
		body[x.name] = object{"aliases": object{name: x.Aliases[name]}}
	}
	if len(body) == 0 {
		c.status = http.StatusNotFound
		return object{"error": "alias [" + name + "] missing", "status": c.status}, nil
	}
	return body, nil
}

func (s *Server) headIndex(c *call) (any, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.resolve(c.PathValue("index"))
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

// deleteIndices deletes an index, or all whose names begin with what is before a *.
func (s *Server) deleteIndices(c *call) (any, error) {
	pattern := c.PathValue("index")
	return s.acknowledge(func() (change, error) {
		gone := map[string]*definition{}
		for name := range s.store.indices {
			if fits(pattern, name) {
				gone[name] = nil
			}
		}
		if len(gone) > 0 || strings.HasSuffix(pattern, "*") {
			return change{Indices: gone}, nil
		}
		if len(s.store.behind(pattern)) > 0 {
			return change{}, illegalArgument("The provided expression [%s] matches an alias", pattern)
		}
		return change{}, noSuchIndex(pattern, "")
	})
}

// block ends the writes to an index. None is under way when it answers, since each holds the lock.
func (s *Server) block(c *call) (any, error) {
	return s.acknowledge(func() (change, error) {
		x, err := s.store.one(c.PathValue("index"), false)
		if err != nil {
			return change{}, err
		}
		d := x.definition
		d.Blocked = true
		return change{Indices: map[string]*definition{x.name: &d}}, nil
	})
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
		d := old.definition
		d.Aliases = maps.Clone(d.Aliases)
		d.Aliases[name] = alias{false}
		made, err := s.store.define(next, settings{Aliases: map[string]alias{name: {true}}})
		if err == nil {
			ended, made.Indices[old.name] = old.name, &d
		}
		return made, err
	})
	return object{"acknowledged": true, "shards_acknowledged": true, "old_index": ended, "new_index": next, "rolled_over": true, "dry_run": false,
		"conditions": object{}}, err
}

// rolling returns the index that writes to an alias go to.
func (s *store) rolling(name string) (*index, error) {
	if s.indices[name] != nil {
		return nil, illegalArgument("rollover target is a [concrete index] but one of [alias,data_stream] was expected")
	}
	x, err := s.one(name, true)
	if err == nil && !x.Aliases[name].IsWriteIndex {
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
	series := strings.TrimRight(x.name, "0123456789")
	number, _ := strconv.Atoi(x.name[len(series):]) // no number is 0
	met, err := x.judge(request.Conditions)
	return object{"acknowledged": false, "shards_acknowledged": false, "old_index": x.name, "new_index": fmt.Sprintf("%s%06d", series, number+1),
		"rolled_over": false, "dry_run": true, "conditions": met}, err
}

// judge tells of each condition whether it is met.
func (x *index) judge(conditions map[string]string) (map[string]bool, error) {
	units := map[string]map[string]int64{
		"max_age":  {"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 24 * 3600e9},
		"max_size": {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40},
	}
	have := map[string]int64{"max_age": int64(time.Since(x.Created)), "max_size": x.bytes}
	met := map[string]bool{}
	for name, text := range conditions {
		unit := strings.TrimLeft(text, "0123456789")
		n, err := strconv.ParseInt(strings.TrimSuffix(text, unit), 10, 32)
		if err != nil || units[name][unit] == 0 {
			return nil, badRequest("x_content_parse_exception", "[conditions] failed to parse field [%s]", name)
		}
		met["["+name+": "+text+"]"] = have[name] >= n*units[name][unit]
	}
	return met, nil
}
