package elastic

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// store is what the log says. A method that changes it appends to the log first, so what is in memory
// survives kill -9. A caller that answers for a change syncs the log before.
type store struct {
	log *log

	mu        sync.Mutex
	indices   map[string]*index
	templates map[string]*template
}

// change is of indices and templates, by name; nil removes one.
type change struct {
	Indices   map[string]*definition `json:",omitempty"`
	Templates map[string]*template   `json:",omitempty"`
}

// openStore reads all that is in a file.
func openStore(f file) (*store, error) {
	s := &store{log: &log{file: f}, indices: map[string]*index{}, templates: map[string]*template{}}
	err := s.log.replay(func(r record, at int64, size int) {
		if r.Change != nil {
			s.apply(*r.Change)
		} else {
			s.indices[r.Index].add(r, at, size)
		}
	})
	for _, x := range s.indices {
		x.refresh()
	}
	return s, err
}

// apply makes a change that is in the log.
func (s *store) apply(c change) {
	for name, d := range c.Indices {
		switch x := s.indices[name]; {
		case d == nil:
			delete(s.indices, name)
		case x == nil:
			s.indices[name] = &index{name: name, definition: *d, log: s.log, last: map[string]int32{}}
		default:
			x.definition = *d
		}
	}
	maps.Copy(s.templates, c.Templates)
	maps.DeleteFunc(s.templates, func(_ string, t *template) bool { return t == nil })
}

// update makes the change that decide returns, which is called with s.mu held.
func (s *store) update(decide func() (change, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := decide()
	if err != nil {
		return err
	}
	return s.change(c)
}

// change makes a change and returns when it is on disk. It needs s.mu.
func (s *store) change(c change) error {
	if _, _, err := s.log.append(record{Change: &c}); err != nil {
		return err
	}
	s.apply(c)
	return s.log.sync()
}

// define returns what a new index is made with: what the template says that fits its name, and then
// its own.
func (s *store) define(name string, own settings) (change, error) {
	if s.indices[name] != nil {
		return change{}, &apiError{http.StatusBadRequest, "resource_already_exists_exception", "index [" + name + "] already exists", name}
	}
	if len(s.behind(name)) > 0 || !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,254}$`).MatchString(name) {
		return change{}, &apiError{http.StatusBadRequest, "invalid_index_name_exception",
			"Invalid index name [" + name + "], must be lowercase, without special characters, and no alias", name}
	}
	all := []settings{}
	for _, t := range s.templates {
		if slices.ContainsFunc(t.Patterns, func(pattern string) bool { return fits(pattern, name) }) {
			all = append(all, t.Template)
		}
	}
	if len(all) > 1 {
		return change{}, unknown("which of %d templates [%s] is made with", len(all), name)
	}
	d := &definition{Created: time.Now(), Aliases: map[string]alias{}}
	for _, from := range append(all, own) {
		if from.Mapping != nil {
			d.Mapping = *from.Mapping
		}
		d.Manual = d.Manual || from.Settings["refresh_interval"] == "-1"
		maps.Copy(d.Aliases, from.Aliases)
	}
	return change{Indices: map[string]*definition{name: d}}, s.checkAliases(d.Aliases)
}

func (s *store) checkAliases(aliases map[string]alias) error {
	for name := range aliases {
		if s.indices[name] != nil {
			return badRequest("invalid_alias_name_exception", "Invalid alias name [%s]: an index or data stream exists with the same name as the alias", name)
		}
	}
	return nil
}

func fits(pattern, name string) bool {
	prefix, isPattern := strings.CutSuffix(pattern, "*")
	return name == pattern || isPattern && strings.HasPrefix(name, prefix)
}

// behind returns the indices of an alias, by name.
func (s *store) behind(alias string) (list []*index) {
	for _, name := range slices.Sorted(maps.Keys(s.indices)) {
		if _, is := s.indices[name].Aliases[alias]; is {
			list = append(list, s.indices[name])
		}
	}
	return list
}

// resolve returns the index of a name, or those behind the alias, or all whose names begin with what is
// before a *.
func (s *store) resolve(name string) ([]*index, error) {
	list := s.behind(name)
	for _, x := range s.indices {
		if fits(name, x.name) {
			list = append(list, x)
		}
	}
	if len(list) == 0 && !strings.HasSuffix(name, "*") {
		return nil, noSuchIndex(name, "")
	}
	return list, nil
}

// matching is resolve for a name that must not be an alias.
func (s *store) matching(name string) ([]*index, error) {
	if len(s.behind(name)) > 0 {
		return nil, illegalArgument("The provided expression [%s] matches an alias", name)
	}
	return s.resolve(name)
}

// one returns the index of a name, or the one behind the alias that reads or writes are for.
func (s *store) one(name string, writes bool) (*index, error) {
	list, err := s.resolve(name)
	for _, x := range list {
		if len(list) == 1 || writes && x.Aliases[name].writes() {
			return x, nil
		}
	}
	if err == nil {
		err = illegalArgument("alias [%s] has more than one index associated with it, can't execute a single index op", name)
	}
	return nil, err
}
