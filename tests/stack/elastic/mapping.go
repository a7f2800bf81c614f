package elastic

import (
	"maps"
	"strconv"
	"strings"
)

// field is a node of a mapping: an object with properties, or a value of a type.
type field struct {
	Type        string            `json:"type,omitempty"` // empty for an object
	Dynamic     string            `json:"dynamic,omitempty"`
	Enabled     *bool             `json:"enabled,omitempty"` // false: kept in _source only
	IgnoreAbove int               `json:"ignore_above,omitempty"`
	Properties  map[string]*field `json:"properties,omitempty"`
	Fields      map[string]*field `json:"fields,omitempty"` // the same value, indexed in other ways
}

// mapping is the root of an index's fields. It is never changed: who needs another one makes a copy.
type mapping struct{ field }

func (f *field) isObject() bool { return f.Type == "" || f.Type == "object" }

func (f *field) disabled() bool { return f.Enabled != nil && !*f.Enabled }

// find returns the field of a path with dots, or nil.
func (f *field) find(path string) *field {
	at := f
	for _, name := range strings.Split(path, ".") {
		inner := at.Properties[name]
		if inner == nil {
			inner = at.Fields[name]
		}
		if inner == nil {
			return nil
		}
		at = inner
	}
	return at
}

// parseMapping reads what a client sends as "mappings".
func parseMapping(raw any) (*mapping, error) {
	m := &mapping{field{Properties: map[string]*field{}}}
	if raw == nil {
		return m, nil
	}
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("mapper_parsing_exception", "Failed to parse mapping: not an object")
	}
	for name, value := range object {
		if name != "properties" && name != "dynamic" {
			return nil, badRequest("mapper_parsing_exception", "Root mapping definition has unsupported parameters:  [%s : %v]", name, value)
		}
	}
	return m, m.parseObject("_doc", object)
}

func (f *field) parseObject(name string, raw map[string]any) error {
	for key, value := range raw {
		var err error
		switch key {
		case "type":
			f.Type, _ = value.(string) // known to be "object"
		case "dynamic":
			f.Dynamic, err = parseDynamic(value)
		case "enabled":
			enabled, isBool := value.(bool)
			if !isBool {
				return badRequest("mapper_parsing_exception", "enabled of [%s] must be a boolean", name)
			}
			f.Enabled = &enabled
		case "properties":
			f.Properties, err = parseFields(value)
		default:
			err = badRequest("mapper_parsing_exception", "unsupported parameter [%s] on object [%s]", key, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseDynamic(value any) (string, error) {
	switch value {
	case true, "true":
		return "true", nil
	case false, "false":
		return "false", nil
	case "strict":
		return "strict", nil
	}
	return "", badRequest("mapper_parsing_exception", "dynamic must be true, false or strict")
}

func parseFields(raw any) (map[string]*field, error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("mapper_parsing_exception", "Expected map for property [properties]")
	}
	fields := map[string]*field{}
	for name, value := range object {
		properties, ok := value.(map[string]any)
		if !ok {
			return nil, badRequest("mapper_parsing_exception", "Expected map for property [%s]", name)
		}
		f, err := parseField(name, properties)
		if err != nil {
			return nil, err
		}
		fields[name] = f
	}
	return fields, nil
}

func parseField(name string, raw map[string]any) (*field, error) {
	f := &field{}
	kind, named := raw["type"].(string)
	if !named || kind == "object" {
		return f, f.parseObject(name, raw)
	}
	f.Type = kind
	switch kind {
	case "keyword", "text", "long", "integer", "double", "float", "boolean":
	default:
		return nil, badRequest("mapper_parsing_exception", "No handler for type [%s] declared on field [%s]", kind, name)
	}
	for key, value := range raw {
		var err error
		switch {
		case key == "type":
		case key == "fields":
			f.Fields, err = parseFields(value)
		case key == "ignore_above" && kind == "keyword":
			f.IgnoreAbove, err = wholeNumber(value)
		default:
			err = badRequest("mapper_parsing_exception", "unknown parameter [%s] on mapper [%s] of type [%s]", key, name, kind)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func wholeNumber(value any) (int, error) {
	text, err := textOf(value)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, badRequest("number_format_exception", "For input string: \"%s\"", text)
	}
	return int(n), nil
}

// merge adds the fields of other, which may repeat those that are there but not change their type.
func (m *mapping) merge(other *mapping) (*mapping, error) {
	merged, err := mergeFields("", &m.field, &other.field)
	if err != nil {
		return nil, err
	}
	return &mapping{*merged}, nil
}

func mergeFields(path string, old, added *field) (*field, error) {
	if old.isObject() != added.isObject() || old.Type != added.Type && !old.isObject() {
		return nil, illegalArgument("mapper [%s] cannot be changed from type [%s] to [%s]", path, old.Type, added.Type)
	}
	merged := *old
	if added.Dynamic != "" {
		merged.Dynamic = added.Dynamic
	}
	merged.Properties = maps.Clone(old.Properties)
	for name, f := range added.Properties {
		if there := merged.Properties[name]; there != nil {
			inner, err := mergeFields(strings.TrimPrefix(path+"."+name, "."), there, f)
			if err != nil {
				return nil, err
			}
			f = inner
		}
		if merged.Properties == nil {
			merged.Properties = map[string]*field{}
		}
		merged.Properties[name] = f
	}
	return &merged, nil
}
