package elastic

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTerm bounds a keyword's key. Lucene's bound is 32766 bytes; the position and bbolt's own bound
// on keys take a little of it here.
const maxTerm = 32700

// extraction is what a document's source says about its fields.
type extraction struct {
	id      string
	keys    map[string][]string // by path, each list sorted and without repetition
	root    *mapping            // with the fields that the document introduced
	lenient bool                // reading back what was accepted once: nothing is introduced or refused
}

// extract turns a document into keys. Fields that the mapping does not know are added to it, ignored
// or refused, as its "dynamic" says.
func extract(m *mapping, id string, source map[string]any) (*extraction, error) {
	x := &extraction{id: id, keys: map[string][]string{}, root: m}
	return x, x.object("", source)
}

// keysOf is extract for a document that is already in the index.
func keysOf(m *mapping, id string, source map[string]any) map[string][]string {
	x := &extraction{id: id, keys: map[string][]string{}, root: m, lenient: true}
	_ = x.object("", source) // what the mapping has no place for was not indexed
	return x.keys
}

func (x *extraction) object(prefix string, object map[string]any) error {
	for name, value := range object {
		if err := x.member(prefix+name, value); err != nil && !x.lenient {
			return err
		}
	}
	return nil
}

func (x *extraction) member(path string, value any) error {
	if value == nil {
		return nil
	}
	if err := checkPath(path); err != nil {
		return err
	}
	f := x.root.find(path)
	if f == nil {
		return x.unknown(path, value)
	}
	switch inner := value.(type) {
	case []any:
		for _, element := range inner {
			if err := x.member(path, element); err != nil && !x.lenient {
				return err
			}
		}
		return nil
	case map[string]any:
		if f.disabled() {
			return nil
		}
		if f.isObject() {
			return x.object(path+".", inner)
		}
	}
	if f.disabled() {
		return nil
	}
	return x.value(path, f, value)
}

// maxDepth and maxFields are the real server's bounds on mappings, maxPath keeps a name of a bucket.
const (
	maxDepth  = 20
	maxFields = 1000
	maxPath   = 1000
)

func checkPath(path string) error {
	names := strings.Split(path, ".")
	switch {
	case slices.Contains(names, ""):
		return badRequest("mapper_parsing_exception", "failed to parse: field name cannot be an empty string")
	case len(names) > maxDepth, len(path) > maxPath:
		return illegalArgument("Limit of mapping depth [%d] has been exceeded due to object field [%.100s]", maxDepth, path)
	}
	return nil
}

// size is how many fields there are in all.
func (f *field) size() int {
	n := 1
	for _, inner := range f.Properties {
		n += inner.size()
	}
	return n + len(f.Fields)
}

func (x *extraction) value(path string, f *field, value any) error {
	if f.isObject() {
		return badRequest("mapper_parsing_exception", "object mapping for [%s] tried to parse field [%s] as object, but found a concrete value", path, path)
	}
	keys, err := keysFor(f, value)
	if err != nil {
		return badRequest("mapper_parsing_exception", "failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%v'",
			path, f.Type, x.id, value)
	}
	for _, key := range keys {
		if len(key) > maxTerm {
			return illegalArgument("Document contains at least one immense term in field=\"%s\"", path)
		}
		at, found := slices.BinarySearch(x.keys[path], key)
		if !found {
			x.keys[path] = slices.Insert(x.keys[path], at, key)
		}
	}
	for name, sub := range f.Fields {
		if err := x.value(path+"."+name, sub, value); err != nil {
			return err
		}
	}
	return nil
}

// unknown handles a field that the mapping does not have.
func (x *extraction) unknown(path string, value any) error {
	parent := &x.root.field
	dynamic := parent.Dynamic
	if at := strings.LastIndexByte(path, '.'); at >= 0 {
		if f := x.root.find(path[:at]); f != nil && f.Dynamic != "" {
			dynamic = f.Dynamic
		}
	}
	if x.lenient || dynamic == "false" {
		return nil
	}
	if dynamic == "strict" {
		return badRequest("strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [%s] within [_doc] is not allowed", path)
	}
	guessed := guess(value)
	if guessed == nil {
		return nil // nothing to guess from: null or an empty list
	}
	for names := strings.Split(path, "."); len(names) > 0; names = names[:len(names)-1] {
		guessed = &field{Properties: map[string]*field{names[len(names)-1]: guessed}}
	}
	grown, err := x.root.merge(&mapping{*guessed})
	if err != nil {
		return badRequest("mapper_parsing_exception", "%s", err.Error())
	}
	x.root = grown
	return x.member(path, value)
}

// guess is dynamic mapping. The real server would also take a string that looks like a date for one.
func guess(value any) *field {
	switch v := value.(type) {
	case []any:
		if len(v) > 0 {
			return guess(v[0])
		}
	case map[string]any:
		return &field{Properties: map[string]*field{}}
	case bool:
		return &field{Type: "boolean"}
	case string:
		return &field{Type: "text", Fields: map[string]*field{"keyword": {Type: "keyword", IgnoreAbove: 256}}}
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return &field{Type: "long"}
		}
		return &field{Type: "float"}
	}
	return nil
}

// keysFor returns the keys of one value in a field: none if it is not to be indexed, several for the
// words of a text.
func keysFor(f *field, value any) ([]string, error) {
	if f.Type == "text" || f.Type == "keyword" {
		text, err := textOf(value)
		if err != nil {
			return nil, err
		}
		if f.Type == "text" {
			return words(text), nil
		}
		if f.IgnoreAbove > 0 && utf8.RuneCountInString(text) > f.IgnoreAbove {
			return nil, nil
		}
		return []string{keywordKey(text)}, nil
	}
	if text, isText := value.(string); isText && text == "" {
		return nil, nil
	}
	key, err := scalarKey(f.Type, value)
	return []string{key}, err
}

func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", illegalArgument("Can't get text on [%v]", value)
}

// words is a rough standard analyzer: runs of letters and digits, in lower case.
func words(text string) (keys []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		keys = append(keys, keywordKey(strings.ToLower(word)))
	}
	return keys
}

// scalarKey reads a number or boolean as the real server does by default: strings too, and whole
// numbers from fractions by cutting them off.
func scalarKey(kind string, value any) (string, error) {
	if kind == "boolean" {
		switch value {
		case true, "true":
			return boolKey(true), nil
		case false, "false":
			return boolKey(false), nil
		}
		return "", illegalArgument("Failed to parse value [%v] as only [true] or [false] are allowed.", value)
	}
	text, err := textOf(value)
	if _, isBool := value.(bool); err != nil || isBool {
		return "", illegalArgument("[%v] is not a number", value)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && isWhole(kind) {
		return wholeKey(kind, n)
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return "", illegalArgument("For input string: \"%s\"", text)
	}
	switch {
	case isWhole(kind) && math.Abs(number) < 1<<63:
		return wholeKey(kind, int64(number))
	case isWhole(kind):
		return "", illegalArgument("Value [%s] is out of range for a long", text)
	case kind == "float":
		return doubleKey(float64(float32(number))), nil
	}
	return doubleKey(number), nil
}

func isWhole(kind string) bool { return kind == "long" || kind == "integer" }

func wholeKey(kind string, n int64) (string, error) {
	if kind == "integer" && (n < math.MinInt32 || n > math.MaxInt32) {
		return "", illegalArgument("Value [%d] is out of range for an integer", n)
	}
	return longKey(n), nil
}

// valueOf is a key as it stands in an answer: sort values and keys of buckets.
func valueOf(kind, key string) any {
	switch kind {
	case "long", "integer":
		return longOf(key)
	case "double", "float":
		return doubleOf(key)
	case "boolean":
		return int(key[0])
	}
	return keywordOf(key)
}
