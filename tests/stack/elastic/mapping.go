package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
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
	for _, field := range append(slices.Collect(maps.Values(m.Properties)), object{"dynamic": m.Dynamic}) {
		for option, value := range field {
			text := fmt.Sprint(option, "=", value) // "true" is as good as true
			if !slices.Contains(known, text) {
				return unknown("a mapping with %s", text)
			}
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

// read returns the key of a document that was accepted, and the values of its field hash.
func (m *mapping) read(source []byte) (k key, hashes []string) {
	var d struct{ Name, Version, Hash json.RawMessage }
	_ = json.Unmarshal(source, &d) // without a source all is missing
	k = key{missing, math.MaxInt64}
	if names, _ := texts(d.Name); m.has("name", "keyword") && len(names) > 0 {
		k.name = names[0]
	}
	if versions, _ := texts(d.Version); m.has("version", "long") && len(versions) > 0 {
		k.version, _ = strconv.ParseInt(versions[0], 10, 64) // it was accepted
	}
	hashes, _ = texts(d.Hash)
	return k, hashes
}

// texts returns a value as text: nothing for null, and each item of a list.
func texts(value json.RawMessage) (list []string, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var parsed any
	_ = decoder.Decode(&parsed) // no value is like null
	items, isList := parsed.([]any)
	if !isList && parsed != nil {
		items = []any{parsed}
	}
	for _, item := range items {
		switch item.(type) {
		case string, json.Number, bool:
			list = append(list, fmt.Sprint(item))
		default:
			return nil, false
		}
	}
	return list, true
}

// accept returns an error if a document does not fit the mapping.
func (m *mapping) accept(source []byte) error {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(source, &document); err != nil || document == nil {
		return badRequest("mapper_parsing_exception", "failed to parse")
	}
	for name, value := range document {
		kind := m.Properties[name]["type"]
		if kind == nil && m.Dynamic == "strict" {
			return badRequest("strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [%s] within [_doc] is not allowed", name)
		}
		list, ok := texts(value)
		for _, text := range list {
			_, err := strconv.ParseInt(text, 10, 64)
			ok = ok && (kind != "long" || err == nil)
		}
		if !ok && (kind == "keyword" || kind == "long") {
			return badRequest("mapper_parsing_exception", "failed to parse field [%s] of type [%v]: %.100s", name, kind, value)
		}
	}
	return nil
}
