package elastic

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// query is a query on one index. Evaluating it reads nothing but the document.
type query interface{ matches(d *doc) bool }

// all matches everything, none nothing.
type (
	all  struct{}
	none struct{}
)

// within matches documents with a value of a field in one of the spans, which are in order and apart:
// term, terms, range, prefix, ids and exists are all of this kind.
type within struct {
	field string
	spans []span
}

// boolean is the bool query. A filter is a must here, since there is no score to tell them apart.
type boolean struct {
	must, mustNot, should []query
	atLeast               int // of should
}

func (all) matches(*doc) bool  { return true }
func (none) matches(*doc) bool { return false }

func (w within) matches(d *doc) bool {
	return slices.ContainsFunc(d.keys(w.field), w.has)
}

func (w within) has(key string) bool {
	return slices.ContainsFunc(w.spans, func(s span) bool { return s.has(key) })
}

// isSelective tells whether it asks for values, or beginnings of values, one by one.
func (w within) isSelective() bool {
	return !slices.ContainsFunc(w.spans, func(s span) bool { return !s.isPoint() })
}

func (b boolean) matches(d *doc) bool {
	matches := func(q query) bool { return q.matches(d) }
	if slices.ContainsFunc(b.must, func(q query) bool { return !q.matches(d) }) || slices.ContainsFunc(b.mustNot, matches) {
		return false
	}
	found := 0
	for _, q := range b.should {
		if found >= b.atLeast {
			break
		}
		if q.matches(d) {
			found++
		}
	}
	return found >= b.atLeast
}

// required returns the parts that every match satisfies.
func required(q query) []within {
	switch q := q.(type) {
	case within:
		return []within{q}
	case boolean:
		var list []within
		for _, inner := range q.must {
			list = append(list, required(inner)...)
		}
		return list
	}
	return nil
}

// clause is a parsed query, which becomes one on an index by its mapping.
type clause func(m *mapping) (query, error)

// parseQuery reads a query object; nil is match_all.
func parseQuery(raw any) (clause, error) {
	if raw == nil {
		return parseMatchAll(nil)
	}
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[_na] query malformed, must start with start_object")
	}
	kind, body, err := only(object, "query malformed, empty clause found")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "match_all":
		return parseMatchAll(body)
	case "term":
		return parseTerm(body)
	case "terms":
		return parseTerms(body)
	case "ids":
		return parseIDs(body)
	case "prefix":
		return parsePrefix(body)
	case "exists":
		return parseExists(body)
	case "range":
		return parseRange(body)
	case "bool":
		return parseBool(body)
	}
	return nil, badRequest("parsing_exception", "unknown query [%s]", kind)
}

// only returns the one member of an object.
func only(object map[string]any, ifEmpty string) (name string, value any, err error) {
	if len(object) == 0 {
		return "", nil, illegalArgument("%s", ifEmpty)
	}
	if len(object) > 1 {
		return "", nil, badRequest("parsing_exception", "malformed query, expected [END_OBJECT] but found [FIELD_NAME]")
	}
	for name, value = range object {
	}
	return name, value, nil
}

func parseMatchAll(body any) (clause, error) {
	if object, ok := body.(map[string]any); body != nil && !ok || len(object) > 1 {
		return nil, badRequest("parsing_exception", "[match_all] query malformed")
	}
	return func(*mapping) (query, error) { return all{}, nil }, nil
}

// oneField reads {"FIELD": VALUE} and {"FIELD": {"value": VALUE}}.
func oneField(kind string, body any) (field string, value any, err error) {
	object, ok := body.(map[string]any)
	if !ok {
		return "", nil, badRequest("parsing_exception", "[%s] query malformed, no start_object after query name", kind)
	}
	field, value, err = only(object, "field name is null or empty")
	if err != nil {
		return "", nil, err
	}
	if options, ok := value.(map[string]any); ok {
		value = options["value"]
		for name := range options {
			if name != "value" && name != "boost" {
				return "", nil, badRequest("parsing_exception", "[%s] query does not support [%s]", kind, name)
			}
		}
	}
	if _, isList := value.([]any); isList {
		return "", nil, badRequest("parsing_exception", "[%s] query does not support array of values", kind)
	}
	if value == nil {
		return "", nil, illegalArgument("value cannot be null")
	}
	return field, value, nil
}

func parseTerm(body any) (clause, error) {
	field, value, err := oneField("term", body)
	return points(field, []any{value}), err
}

func parseTerms(body any) (clause, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[terms] query malformed, no start_object after query name")
	}
	delete(object, "boost")
	field, value, err := only(object, "[terms] query requires a field name")
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[terms] query does not support [%s]", field)
	}
	return points(field, list), nil
}

func parseIDs(body any) (clause, error) {
	object, ok := body.(map[string]any)
	list, isList := object["values"].([]any)
	if !isList {
		list = []any{object["values"]}
	}
	if !ok || object["values"] == nil {
		return nil, badRequest("parsing_exception", "[ids] query malformed")
	}
	return points("_id", list), nil
}

// points matches single values of a field.
func points(name string, values []any) clause {
	return func(m *mapping) (query, error) {
		f := fieldOf(m, name)
		if f == nil {
			return none{}, nil
		}
		w := within{field: name}
		for _, value := range values {
			key, err := exactKey(f, value)
			if err != nil {
				return nil, inSearch(badRequest("query_shard_exception", "failed to create query: %s", err))
			}
			if key != "" {
				w.spans = append(w.spans, point(key))
			}
		}
		slices.SortFunc(w.spans, func(a, b span) int { return strings.Compare(a.lo, b.lo) })
		w.spans = slices.Compact(w.spans)
		return w, nil
	}
}

// fieldOf returns a field that has values, or nil.
func fieldOf(m *mapping, name string) *field {
	if name == "_id" {
		return &field{Type: "keyword"}
	}
	f := m.find(name)
	if f == nil || f.isObject() {
		return nil
	}
	return f
}

// exactKey returns "" for a value that the field cannot have. A text is not cut into words here.
func exactKey(f *field, value any) (string, error) {
	if f.Type == "keyword" || f.Type == "text" {
		text, err := textOf(value)
		return keywordKey(text), err
	}
	if isWhole(f.Type) && isFraction(value) {
		return "", nil
	}
	return scalarKey(f.Type, value)
}

func isFraction(value any) bool {
	number, err := floatOf(value)
	return err == nil && number != math.Trunc(number)
}

func floatOf(value any) (float64, error) {
	text, err := textOf(value)
	if err != nil {
		return 0, err
	}
	return json.Number(text).Float64()
}

func parsePrefix(body any) (clause, error) {
	name, value, err := oneField("prefix", body)
	if err != nil {
		return nil, err
	}
	text, err := textOf(value)
	return func(m *mapping) (query, error) {
		f := fieldOf(m, name)
		if f == nil {
			return none{}, nil
		}
		if f.Type != "keyword" && f.Type != "text" {
			return nil, inSearch(badRequest("query_shard_exception",
				"Can only use prefix queries on keyword, text and wildcard fields - not on [%s] which is of type [%s]", name, f.Type))
		}
		begin := escapeZero(text)
		return within{name, []span{{begin, next(begin)}}}, nil
	}, err
}

func parseExists(body any) (clause, error) {
	object, ok := body.(map[string]any)
	name, isText := object["field"].(string)
	if !ok || !isText {
		return nil, badRequest("parsing_exception", "[exists] must be provided with a [field]")
	}
	return func(m *mapping) (query, error) {
		if fieldOf(m, name) == nil {
			return none{}, nil
		}
		return within{name, []span{{}}}, nil
	}, nil
}

// bounds of a range query, in both ways to write them.
type bounds struct {
	lower, upper                 any
	includesLower, includesUpper bool
}

func parseRange(body any) (clause, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[range] query malformed, no start_object after query name")
	}
	name, value, err := only(object, "field name is null or empty")
	if err != nil {
		return nil, err
	}
	options, ok := value.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[range] query does not support [%s]", name)
	}
	b := bounds{includesLower: true, includesUpper: true}
	for option, value := range options {
		if err := b.set(option, value); err != nil {
			return nil, err
		}
	}
	return func(m *mapping) (query, error) {
		f := fieldOf(m, name)
		if f == nil {
			return none{}, nil
		}
		s, err := b.span(f)
		if err != nil {
			return nil, inSearch(badRequest("query_shard_exception", "failed to create query: %s", err))
		}
		if s.empty() {
			return none{}, nil
		}
		return within{name, []span{s}}, nil
	}, nil
}

func (b *bounds) set(option string, value any) error {
	flag, isFlag := value.(bool)
	switch {
	case option == "from":
		b.lower = value
	case option == "to":
		b.upper = value
	case option == "include_lower" && isFlag:
		b.includesLower = flag
	case option == "include_upper" && isFlag:
		b.includesUpper = flag
	case option == "gte" || option == "gt":
		b.lower, b.includesLower = value, option == "gte"
	case option == "lte" || option == "lt":
		b.upper, b.includesUpper = value, option == "lte"
	case option == "boost":
	default:
		return badRequest("parsing_exception", "[range] query does not support [%s]", option)
	}
	return nil
}

func (b bounds) span(f *field) (s span, err error) {
	if b.lower != nil {
		value, included := b.lower, b.includesLower
		if isWhole(f.Type) && isFraction(value) {
			included = false
			number, _ := floatOf(value) // isFraction has read it
			value = wholeBelow(number)
		}
		key, err := exactKey(f, value)
		if err != nil {
			return s, err
		}
		if s.lo = key; !included {
			s.lo = next(key)
		}
	}
	if b.upper != nil {
		value, included := b.upper, b.includesUpper
		if isWhole(f.Type) && isFraction(value) {
			included = true
			number, _ := floatOf(value) // isFraction has read it
			value = wholeBelow(number)
		}
		key, err := exactKey(f, value)
		if err != nil {
			return s, err
		}
		if s.hi = key; included {
			s.hi = next(key)
		}
	}
	return s, nil
}

// boolClauses are the lists of a bool query.
type boolClauses struct{ must, mustNot, should []clause }

func parseBool(body any) (clause, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "[bool] query malformed, no start_object after query name")
	}
	var lists boolClauses
	atLeast := -1
	for name, value := range object {
		var err error
		switch name {
		case "must", "filter":
			err = parseClauses(value, &lists.must)
		case "must_not":
			err = parseClauses(value, &lists.mustNot)
		case "should":
			err = parseClauses(value, &lists.should)
		case "minimum_should_match":
			atLeast, err = parseAtLeast(value)
		case "boost", "adjust_pure_negative":
		default:
			err = badRequest("x_content_parse_exception", "[bool] unknown field [%s]", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if atLeast < 0 {
		atLeast = 0
		if len(lists.must) == 0 && len(lists.should) > 0 {
			atLeast = 1
		}
	}
	return func(m *mapping) (query, error) { return lists.bind(m, atLeast) }, nil
}

func parseAtLeast(value any) (int, error) {
	n, err := wholeNumber(value)
	return max(n, 0), err
}

// parseClauses reads one query or a list of them.
func parseClauses(raw any, into *[]clause) error {
	list, isList := raw.([]any)
	if !isList {
		list = []any{raw}
	}
	for _, inner := range list {
		c, err := parseQuery(inner)
		if err != nil {
			return err
		}
		*into = append(*into, c)
	}
	return nil
}

func (l boolClauses) bind(m *mapping, atLeast int) (query, error) {
	b := boolean{atLeast: atLeast}
	for _, list := range []struct {
		from []clause
		to   *[]query
	}{{l.must, &b.must}, {l.mustNot, &b.mustNot}, {l.should, &b.should}} {
		for _, c := range list.from {
			q, err := c(m)
			if err != nil {
				return nil, err
			}
			*list.to = append(*list.to, q)
		}
	}
	if len(b.mustNot) > 0 || b.atLeast > 0 {
		return b, nil
	}
	switch len(b.must) {
	case 0:
		return all{}, nil
	case 1:
		return b.must[0], nil
	}
	return b, nil
}

// wholeBelow is the greatest whole number that is not above.
func wholeBelow(number float64) json.Number {
	return json.Number(strconv.FormatFloat(math.Floor(number), 'f', -1, 64))
}
