package broker

import "math"

// table is a field table. Integers of all sizes are int64, floats are float64, long strings string,
// arrays []any, nested tables table, decimals and byte arrays []byte, void nil.
type table map[string]any

// maxDepth is how deep tables and arrays may nest, so that no client makes us recurse without end.
const maxDepth = 64

func (d *decoder) table() table { return d.tableAt(0) }

func (d *decoder) tableAt(depth int) table {
	inner := decoder{rest: d.take(uint64(d.long()), "table")}
	fields := table{}
	for len(inner.rest) > 0 {
		name := inner.shortstr()
		fields[name] = inner.value(depth + 1)
	}
	d.inherit(inner)
	return fields
}

func (d *decoder) array(depth int) []any {
	inner := decoder{rest: d.take(uint64(d.long()), "array")}
	var values []any
	for len(inner.rest) > 0 {
		values = append(values, inner.value(depth+1))
	}
	d.inherit(inner)
	return values
}

func (d *decoder) inherit(inner decoder) {
	if inner.err != nil && d.err == nil {
		d.err, d.rest = inner.err, nil
	}
}

func (d *decoder) value(depth int) any {
	if depth > maxDepth {
		d.fail("table, nested too deep")
		return nil
	}
	switch kind := d.octet(); kind {
	case 't':
		return d.octet() != 0
	case 'S':
		return d.longstr()
	case 'F':
		return d.tableAt(depth)
	case 'A':
		return d.array(depth)
	case 'V':
		return nil
	case 'x':
		return append([]byte{}, d.take(uint64(d.long()), "byte array")...)
	case 'D': // scale and value
		return append([]byte{}, d.take(5, "decimal")...)
	case 'f':
		return float64(math.Float32frombits(d.long()))
	case 'd':
		return math.Float64frombits(d.longlong())
	default:
		return d.integer(kind)
	}
}

func (d *decoder) integer(kind uint8) int64 {
	switch kind {
	case 'b':
		return int64(int8(d.octet()))
	case 'B':
		return int64(d.octet())
	case 's', 'U':
		return int64(int16(d.short()))
	case 'u':
		return int64(d.short())
	case 'I':
		return int64(int32(d.long()))
	case 'i':
		return int64(d.long())
	case 'l', 'L', 'T':
		return int64(d.longlong())
	default:
		d.fail("table field of unknown type")
		return 0
	}
}

// table encodes what the broker itself sends: strings, booleans and tables of these.
func (f fields) table(t table) fields {
	var inner fields
	for name, value := range t {
		inner = inner.shortstr(name)
		switch v := value.(type) {
		case string:
			inner = inner.octet('S').longstr(v)
		case bool:
			inner = inner.octet('t').bit(v)
		case table:
			inner = inner.octet('F').table(v)
		}
	}
	return f.longstr(string(inner))
}

// checkProperties reads the properties of a content header, which are passed on as they came: what
// is malformed must not reach those who consume it.
func checkProperties(properties []byte) error {
	d := decoder{rest: properties}
	flags := d.short()
	for bit := 15; bit > 1; bit-- {
		if flags>>bit&1 == 1 {
			d.property(bit)
		}
	}
	if flags&3 != 0 { // bit 0 would announce more flags; the class basic has none, nor a bit 1
		d.fail("property flags")
	}
	return d.done()
}

// property reads the one that has that bit in the property flags.
func (d *decoder) property(bit int) {
	switch bit {
	case 13: // headers
		d.table()
	case 12, 11: // delivery-mode, priority
		d.octet()
	case 6: // timestamp
		d.longlong()
	default:
		d.shortstr()
	}
}
