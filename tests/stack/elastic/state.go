package elastic

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// state is what the cluster knows apart from documents. A published state and all in it is never
// changed: a write makes copies.
type state struct {
	indices   map[string]*index
	templates map[string]*template
}

func (s *state) clone() *state {
	return &state{maps.Clone(s.indices), maps.Clone(s.templates)}
}

// index is an index without its documents.
type index struct {
	Name, UUID string
	Created    time.Time
	Settings   map[string]string // without the leading "index."
	Mapping    *mapping
	Aliases    map[string]alias
	Extended   bool // by fields that documents written before were not indexed by
}

type alias struct {
	IsWriteIndex *bool `json:"is_write_index,omitempty"`
}

func (a alias) writes() bool { return a.IsWriteIndex != nil && *a.IsWriteIndex }

// template is what a new index takes its settings, mapping and aliases from, by its name.
type template struct {
	Patterns []string
	Priority int
	Settings map[string]string
	Mapping  *mapping
	Aliases  map[string]alias
}

func (idx *index) clone() *index {
	c := *idx
	c.Settings, c.Aliases = maps.Clone(idx.Settings), maps.Clone(idx.Aliases)
	return &c
}

func (idx *index) isBlocked() bool { return idx.Settings["blocks.write"] == "true" }

// refreshInterval is 0 if the index is refreshed on request only.
func (idx *index) refreshInterval() time.Duration {
	interval, err := parseTime(idx.Settings["refresh_interval"])
	if err != nil {
		return time.Second
	}
	return max(interval, 0)
}

// settingsJSON is the settings as they are shown: nested, and strings all of them.
func (idx *index) settingsJSON() map[string]any {
	shown := map[string]any{"provided_name": idx.Name, "uuid": idx.UUID, "version": map[string]any{"created": "7172899"},
		"creation_date": strconv.FormatInt(idx.Created.UnixMilli(), 10)}
	for name, value := range idx.Settings {
		at := shown
		for head, rest, nested := strings.Cut(name, "."); nested; head, rest, nested = strings.Cut(name, ".") {
			inner, ok := at[head].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[head] = inner
			}
			at, name = inner, rest
		}
		at[name] = value
	}
	return map[string]any{"index": shown}
}

// parseTime reads the real server's time values. "-1" is less than 0, "" is an error.
func parseTime(text string) (time.Duration, error) {
	if text == "-1" {
		return -1, nil
	}
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"nanos", 1}, {"micros", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}} {
		number, ok := strings.CutSuffix(text, unit.name)
		n, err := strconv.ParseInt(number, 10, 32)
		if ok && err == nil && n >= 0 {
			return time.Duration(n) * unit.length, nil
		}
	}
	return 0, illegalArgument("failed to parse [%s] as a time value: unit is missing or unrecognized", text)
}

// aliased returns the names of the indices behind an alias, in order.
func (s *state) aliased(name string) (names []string) {
	for _, idx := range s.indices {
		if _, ok := idx.Aliases[name]; ok {
			names = append(names, idx.Name)
		}
	}
	slices.Sort(names)
	return names
}

// resolve returns the indices that an expression stands for: names, aliases and patterns, with commas
// between them.
func (s *state) resolve(expression string, ignoreMissing bool) ([]*index, error) {
	found := map[string]*index{}
	for _, part := range strings.Split(expression, ",") {
		names := s.named(part)
		for _, name := range names {
			found[name] = s.indices[name]
		}
		isPattern := part == "_all" || strings.Contains(part, "*")
		if len(names) == 0 && !isPattern && !ignoreMissing {
			return nil, noSuchIndex(part)
		}
	}
	return sorted(found), nil
}

func sorted(indices map[string]*index) []*index {
	return slices.SortedFunc(maps.Values(indices), func(a, b *index) int { return strings.Compare(a.Name, b.Name) })
}

func (s *state) named(part string) []string {
	if s.indices[part] != nil {
		return []string{part}
	}
	if part != "_all" && !strings.Contains(part, "*") {
		return s.aliased(part)
	}
	var names []string
	for name, idx := range s.indices {
		if part == "_all" || like(part, name) || anyKey(idx.Aliases, func(a string) bool { return like(part, a) }) {
			names = append(names, name)
		}
	}
	return names
}

func anyKey(m map[string]alias, ok func(string) bool) bool {
	for key := range m {
		if ok(key) {
			return true
		}
	}
	return false
}

// like matches a name with a pattern that has no other special character than *: names have none of
// those that path.Match knows.
func like(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// single returns the one index behind a name for a read by id.
func (s *state) single(name string) (*index, error) {
	if idx := s.indices[name]; idx != nil {
		return idx, nil
	}
	names := s.aliased(name)
	switch len(names) {
	case 0:
		return nil, noSuchIndex(name)
	case 1:
		return s.indices[names[0]], nil
	}
	return nil, illegalArgument("alias [%s] has more than one index associated with it %v, can't execute a single index op", name, names)
}

// target returns the index that a write through name goes to, or nil if there is nothing of that name.
func (s *state) target(name string) (*index, error) {
	if idx := s.indices[name]; idx != nil {
		return idx, nil
	}
	names := s.aliased(name)
	for _, n := range names {
		a := s.indices[n].Aliases[name]
		if a.writes() || len(names) == 1 && a.IsWriteIndex == nil {
			return s.indices[n], nil
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	return nil, illegalArgument("no write index is defined for alias [%s]", name)
}

// templateFor returns the template with the highest priority for a name, or an empty one.
func (s *state) templateFor(name string) *template {
	best := &template{Priority: -1}
	for _, t := range s.templates {
		if t.Priority > best.Priority && slices.ContainsFunc(t.Patterns, func(p string) bool { return like(p, name) }) {
			best = t
		}
	}
	return best
}
