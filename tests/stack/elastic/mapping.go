package elastic

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// mapping says which fields documents have. Of the type keyword or long they are checked; all others
// are only stored: text, integer, and objects that are not enabled.
type mapping struct {
	Dynamic    any               `json:"dynamic,omitempty"`
	Properties map[string]object `json:"properties,omitempty"`
}

// check refuses a mapping that is not known.
func (m *mapping) check() error {
	known := strings.Fields("dynamic=<nil> dynamic=strict dynamic=true dynamic=false type=keyword type=long type=integer type=text type=object " +
		"index=true index=false fielddata=true fielddata=false enabled=false")
	options := []string{fmt.Sprint("dynamic=", m.Dynamic)}
	for _, field := range m.Properties {
		for option, value := range field {
			options = append(options, fmt.Sprint(option, "=", value)) // "true" is as good as true
		}
	}
	for _, option := range options {
		if !slices.Contains(known, option) {
			return unknown("a mapping with %s", option)
		}
	}
	return nil
}

// has tells whether a field can be searched for and sorted by.
func (m *mapping) has(name, kind string) bool {
	field := m.Properties[name]
	return field["type"] == kind && fmt.Sprint(field["index"]) != "false"
}

// key is what a document is sorted by, in this order.
type key struct {
	name    string // missing if there is none
	version int64  // math.MaxInt64 if there is none
}

const missing = "\xff" // after all texts, which are UTF-8

// key returns the key of a document that was accepted.
func (m *mapping) key(source []byte) key {
	var d struct{ Name, Version json.RawMessage }
	_ = json.Unmarshal(source, &d) // without a source all is missing
	k := key{missing, math.MaxInt64}
	if m.has("name", "keyword") {
		_ = json.Unmarshal(d.Name, &k.name) // it was accepted, or is missing
	}
	if m.has("version", "long") {
		_ = json.Unmarshal(d.Version, &k.version) // likewise
	}
	return k
}

// accept returns an error if a document does not fit the mapping.
func (m *mapping) accept(source []byte) error {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(source, &document); err != nil || document == nil {
		return badRequest("mapper_parsing_exception", "failed to parse")
	}
	for name, value := range document {
		var into any = new(any)
		switch kind := m.Properties[name]["type"]; {
		case kind == nil && m.Dynamic == "strict":
			return badRequest("strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [%s] within [_doc] is not allowed", name)
		case kind == "keyword":
			into = new(string)
		case kind == "long":
			into = new(int64)
		}
		if json.Unmarshal(value, into) != nil { // the real server takes more, such as numbers as texts
			return unknown("%.100s as the %v [%s]", value, m.Properties[name]["type"], name)
		}
	}
	return nil
}
