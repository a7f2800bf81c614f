package elastic

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// aggregation is a terms, min, max or value_count aggregation.
type aggregation struct {
	name, kind, field string
	size              int   // of terms: how many buckets to show
	minDocs           int64 // of terms: how many documents a bucket needs
	order             []bucketOrderBy
	subs              []aggregation // of terms: metrics of each bucket
}

type bucketOrderBy struct {
	key  bool // else by the number of documents
	desc bool
}

func parseAggs(raw any, outer bool) (list []aggregation, err error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest("parsing_exception", "Expected [START_OBJECT] under [aggs]")
	}
	for name, raw := range object {
		a, err := parseAgg(name, raw)
		if err != nil {
			return nil, err
		}
		if a.kind == "terms" && !outer {
			return nil, illegalArgument("[terms] below [terms] is not supported here")
		}
		list = append(list, a)
	}
	return list, nil
}

func parseAgg(name string, raw any) (aggregation, error) {
	a := aggregation{name: name, size: 10, minDocs: 1, order: []bucketOrderBy{{desc: true}}}
	object, ok := raw.(map[string]any)
	if !ok {
		return a, badRequest("parsing_exception", "Expected [START_OBJECT] under [%s]", name)
	}
	for kind, value := range object {
		options, isObject := value.(map[string]any)
		var err error
		switch kind {
		case "aggs", "aggregations":
			a.subs, err = parseAggs(value, false)
		case "terms", "min", "max", "value_count":
			if !isObject || a.kind != "" {
				return a, badRequest("parsing_exception", "Found two aggregation type definitions in [%s] or a malformed one", name)
			}
			a.kind = kind
			err = a.parseOptions(options)
		case "meta":
		default:
			err = badRequest("parsing_exception", "Unknown aggregation type [%s]", kind)
		}
		if err != nil {
			return a, err
		}
	}
	if a.kind == "" || a.field == "" {
		return a, badRequest("parsing_exception", "Missing definition for aggregation [%s]", name)
	}
	if a.kind != "terms" && len(a.subs) > 0 {
		return a, illegalArgument("Aggregator [%s] of type [%s] cannot accept sub-aggregations", name, a.kind)
	}
	return a, nil
}

func (a *aggregation) parseOptions(options map[string]any) (err error) {
	for option, value := range options {
		number := 0
		switch {
		case option == "field":
			a.field, _ = value.(string) // "" is refused
		case a.kind == "terms" && option == "order":
			err = a.parseOrder(value)
		case a.kind == "terms" && (option == "size" || option == "min_doc_count" || option == "shard_size"):
			if number, err = wholeNumber(value); err == nil && number < 1 && option != "min_doc_count" || number < 0 {
				err = badRequest("x_content_parse_exception", "[terms] failed to parse field [%s]", option)
			}
			switch option {
			case "size":
				a.size = number
			case "min_doc_count":
				a.minDocs = int64(max(number, 1)) // buckets without documents are not shown here
			}
		default:
			err = badRequest("x_content_parse_exception", "[%s] unknown field [%s]", a.kind, option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *aggregation) parseOrder(raw any) error {
	parts, isList := raw.([]any)
	if !isList {
		parts = []any{raw}
	}
	a.order = nil
	for _, part := range parts {
		object, _ := part.(map[string]any) // nil is empty
		by, direction, err := only(object, "Must specify at least one field for [order]")
		if err != nil {
			return err
		}
		if by != "_count" && by != "_key" || direction != "asc" && direction != "desc" {
			return illegalArgument("order by [%s] [%v] is not supported here", by, direction)
		}
		a.order = append(a.order, bucketOrderBy{by == "_key", direction == "desc"})
	}
	return nil
}

// bucket is what terms collects of one value, or all that a metric collects.
type bucket struct {
	key     string
	docs    int64
	metrics []metric // of terms' sub-aggregations
}

// metric is min, max and value_count of one field in one bucket.
type metric struct {
	n        int64
	min, max float64
}

func (m *metric) add(kind, key string) {
	m.n++
	var number float64
	switch kind {
	case "long", "integer":
		number = float64(longOf(key))
	case "double", "float":
		number = doubleOf(key)
	case "boolean":
		number = float64(key[0])
	}
	if m.n == 1 {
		m.min, m.max = number, number
	}
	m.min, m.max = math.Min(m.min, number), math.Max(m.max, number)
}

// body is the metric's answer, of a field of fieldKind.
func (m *metric) body(kind, fieldKind string) map[string]any {
	value := m.max
	switch {
	case kind == "value_count":
		return map[string]any{"value": m.n}
	case m.n == 0:
		return map[string]any{"value": nil}
	case kind == "min":
		value = m.min
	}
	body := map[string]any{"value": value}
	if fieldKind == "boolean" {
		body["value_as_string"] = strconv.FormatBool(value != 0)
	}
	return body
}

// kindIn returns the type of the aggregation's field in an index, "" if it is not there.
func (a aggregation) kindIn(m *mapping) (string, error) {
	f := fieldOf(m, a.field)
	switch {
	case f == nil:
		return "", nil
	case f.Type == "text":
		return "", inSearch(textField(a.field))
	case f.Type == "keyword" && (a.kind == "min" || a.kind == "max"):
		return "", inSearch(illegalArgument("Field [%s] of type [keyword] is not supported for aggregation [%s]", a.field, a.kind))
	}
	return f.Type, nil
}

func (r *searchRequest) aggregate(ctx context.Context, views []*view) (map[string]any, error) {
	bodies := map[string]any{}
	for _, a := range r.aggs {
		c := &collection{agg: a, kinds: make([]string, len(a.subs)), buckets: map[string]*bucket{}, streams: len(views) == 1}
		for _, v := range views {
			q, err := v.bind(r.query)
			if err == nil {
				err = c.collect(ctx, v, q)
			}
			if err != nil {
				return nil, err
			}
		}
		bodies[a.name] = c.body()
	}
	return bodies, nil
}

// collection is an aggregation at work.
type collection struct {
	agg     aggregation
	kind    string   // of the field's values
	kinds   []string // of those of the sub-aggregations' fields
	buckets map[string]*bucket
	streams bool // there is one index: a value that is past comes no more
	others  int64
	all     metric
}

func (c *collection) collect(ctx context.Context, v *view, q query) error {
	kind, err := c.agg.kindIn(v.idx.Mapping)
	if err != nil {
		return err
	}
	for i, sub := range c.agg.subs {
		kind, err := sub.kindIn(v.idx.Mapping)
		if err != nil {
			return err
		}
		c.kinds[i] = cmp.Or(kind, c.kinds[i])
	}
	if kind == "" {
		return nil
	}
	c.kind = kind
	d := driverFor(q, c.agg.field, false)
	isOwn := d.field == c.agg.field && d.isWhole()
	last := ""
	for m := range v.matches(ctx, q, d, isOwn) {
		if !isOwn {
			for _, key := range m.keys(c.agg.field) {
				c.add(key, m)
			}
			continue
		}
		if c.streams && m.key != last {
			c.prune()
			last = m.key
		}
		c.add(m.key, m)
	}
	return nil
}

func (c *collection) add(key string, m *doc) {
	if c.agg.kind != "terms" {
		c.all.add(c.kind, key)
		return
	}
	b := c.buckets[key]
	if b == nil {
		b = &bucket{key: key, metrics: make([]metric, len(c.kinds))}
		c.buckets[key] = b
	}
	b.docs++
	for i, sub := range c.agg.subs {
		for _, value := range m.keys(sub.field) {
			b.metrics[i].add(c.kinds[i], value)
		}
	}
}

// prune bounds the memory to twice the buckets that are shown, where no more documents come for
// those that are there.
func (c *collection) prune() {
	if len(c.buckets) > 2*c.agg.size+64 {
		c.first()
	}
}

// first drops the buckets that will not be shown and returns the others in order.
func (c *collection) first() []*bucket {
	maps.DeleteFunc(c.buckets, func(_ string, b *bucket) bool { return b.docs < c.agg.minDocs })
	list := slices.SortedFunc(maps.Values(c.buckets), c.compare)
	for _, b := range list[min(len(list), c.agg.size):] {
		c.others += b.docs
		delete(c.buckets, b.key)
	}
	return list[:min(len(list), c.agg.size)]
}

func (c *collection) compare(a, b *bucket) int {
	for _, by := range append(slices.Clone(c.agg.order), bucketOrderBy{key: true}) {
		order := cmp.Compare(a.docs, b.docs)
		if by.key {
			order = strings.Compare(a.key, b.key)
		}
		if by.desc {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func (c *collection) body() map[string]any {
	if c.agg.kind != "terms" {
		return c.all.body(c.agg.kind, c.kind)
	}
	shown := []any{}
	for _, b := range c.first() {
		body := map[string]any{"key": valueOf(c.kind, b.key), "doc_count": b.docs}
		if c.kind == "boolean" {
			body["key_as_string"] = strconv.FormatBool(b.key == boolKey(true))
		}
		for i, sub := range c.agg.subs {
			body[sub.name] = b.metrics[i].body(sub.kind, c.kinds[i])
		}
		shown = append(shown, body)
	}
	return map[string]any{"doc_count_error_upper_bound": 0, "sum_other_doc_count": c.others, "buckets": shown}
}
