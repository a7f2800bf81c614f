package elastic

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
)

// sortField is one part of an order.
type sortField struct {
	name         string
	kind         string // type of the field's values, once it is bound to an index
	desc         bool
	missingFirst bool   // where documents without a value come
	unmapped     string // the type to take it for in an index without that field; empty for an error
}

// absent stands for a missing value in a sort key: greater or less than all values.
const (
	absentHigh = "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	absentLow  = ""
)

func parseSort(raw any) (list []sortField, err error) {
	if raw == nil {
		return nil, nil
	}
	parts, isList := raw.([]any)
	if !isList {
		parts = []any{raw}
	}
	for _, part := range parts {
		f := sortField{}
		switch part := part.(type) {
		case string:
			f.name, f.desc = part, part == "_score"
		case map[string]any:
			if f, err = parseSortObject(part); err != nil {
				return nil, err
			}
		default:
			return nil, illegalArgument("malformed sort format, either start with array, object, or an actual string")
		}
		list = append(list, f)
	}
	if len(list) == 1 && list[0].name == "_score" && list[0].desc {
		return nil, nil // which is the default
	}
	if slices.ContainsFunc(list, func(f sortField) bool { return f.name == "_score" }) {
		return nil, illegalArgument("[_score] sorts alone here, and descending")
	}
	return list, nil
}

func parseSortObject(part map[string]any) (f sortField, err error) {
	var options any
	if f.name, options, err = only(part, "malformed sort format, empty object"); err != nil {
		return f, err
	}
	if order, isText := options.(string); isText {
		options = map[string]any{"order": order}
	}
	object, ok := options.(map[string]any)
	if !ok {
		return f, illegalArgument("malformed sort format of [%s]", f.name)
	}
	f.desc = f.name == "_score"
	for option, value := range object {
		text, _ := value.(string) // "" fits none
		switch {
		case option == "order" && (text == "asc" || text == "desc"):
			f.desc = text == "desc"
		case option == "missing" && (text == "_first" || text == "_last"):
			f.missingFirst = text == "_first"
		case option == "unmapped_type" && text != "":
			f.unmapped = text
		default:
			return f, badRequest("x_content_parse_exception", "[field_sort] does not take [%s] = [%v]", option, value)
		}
	}
	return f, nil
}

// bindSort returns the order with the kinds that the fields have in an index.
func bindSort(m *mapping, list []sortField) ([]sortField, error) {
	bound := slices.Clone(list)
	for i := range bound {
		f := &bound[i]
		switch f.name {
		case "_doc", "_shard_doc":
			f.kind = "long"
			continue
		}
		field := fieldOf(m, f.name)
		switch {
		case field == nil && f.unmapped == "":
			return nil, inSearch(badRequest("query_shard_exception", "No mapping found for [%s] in order to sort on", f.name))
		case field == nil:
			f.kind = f.unmapped
		case field.Type == "text":
			return nil, inSearch(textField(f.name))
		default:
			f.kind = field.Type
		}
	}
	return bound, nil
}

func textField(name string) *apiError {
	return illegalArgument("Text fields are not optimised for operations that require per-document field data like aggregations and sorting, "+
		"so these operations are disabled by default. Please use a keyword field instead. Field: [%s]", name)
}

func (f sortField) absent() string {
	if f.desc == f.missingFirst {
		return absentHigh
	}
	return absentLow
}

// keyOf is the value that a document is sorted by: of several, the first in the order.
func (f sortField) keyOf(d *doc) string {
	keys := d.keys(f.name)
	switch {
	case len(keys) == 0:
		return f.absent()
	case f.desc:
		return keys[len(keys)-1]
	}
	return keys[0]
}

// shown is a sort key as it stands in the answer.
func (f sortField) shown(key string) any {
	if key != absentHigh && key != absentLow {
		return valueOf(f.kind, key)
	}
	switch f.kind {
	case "long", "integer", "boolean":
		if key == absentHigh {
			return int64(math.MaxInt64)
		}
		return int64(math.MinInt64)
	case "double", "float":
		if key == absentHigh {
			return "Infinity"
		}
		return "-Infinity"
	}
	return nil
}

// parse is the inverse of shown, for search_after.
func (f sortField) parse(value any) (string, error) {
	text, err := textOf(value)
	switch {
	case value == nil:
		return f.absent(), nil
	case err != nil:
		return "", err
	case f.kind == "keyword":
		return keywordKey(text), nil
	case text == "9223372036854775807" || text == "Infinity":
		return absentHigh, nil
	case text == "-9223372036854775808" || text == "-Infinity":
		return absentLow, nil
	case f.kind == "boolean":
		return boolKey(text == "1" || text == "true"), nil
	}
	return scalarKey(f.kind, json.Number(text))
}

func parseAfter(order []sortField, values []any) ([]string, error) {
	if len(order) == 0 {
		return nil, inSearch(illegalArgument("Sort must contain at least one field."))
	}
	if len(values) != len(order) {
		return nil, inSearch(illegalArgument("search_after has %d value(s) but sort has %d.", len(values), len(order)))
	}
	keys := make([]string, len(order))
	for i, f := range order {
		key, err := f.parse(values[i])
		if err != nil {
			return nil, inSearch(illegalArgument("Failed to parse search_after value for field [%s].", f.name))
		}
		keys[i] = key
	}
	return keys, nil
}

// compareKeys compares two sort keys.
func compareKeys(order []sortField, a, b []string) int {
	for i, f := range order {
		if c := strings.Compare(a[i], b[i]); c != 0 {
			if f.desc {
				return -c
			}
			return c
		}
	}
	return 0
}
