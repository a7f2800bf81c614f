package broker

import "encoding/binary"

// decoder reads the fields of a method or content header. After the first field that is malformed
// it returns zero values; done says whether all was well.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = protocolError(syntaxError, "malformed %s", what)
	}
	d.rest = nil
}

// take returns the next n bytes, which belong to the frame, or nil if there are not so many.
func (d *decoder) take(n uint64, what string) []byte {
	if n > uint64(len(d.rest)) {
		d.fail(what)
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) octet() uint8 {
	if b := d.take(1, "octet"); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) short() uint16 {
	if b := d.take(2, "short"); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) long() uint32 {
	if b := d.take(4, "long"); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) longlong() uint64 {
	if b := d.take(8, "longlong"); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) shortstr() string { return string(d.take(uint64(d.octet()), "short string")) }
func (d *decoder) longstr() string  { return string(d.take(uint64(d.long()), "long string")) }

// done returns the first error; fields that were not read are one too.
func (d *decoder) done() error {
	if d.err == nil && len(d.rest) > 0 {
		return protocolError(syntaxError, "%d bytes too many", len(d.rest))
	}
	return d.err
}

// fields are the encoded fields of a method.
type fields []byte

func (f fields) octet(v uint8) fields     { return append(f, v) }
func (f fields) short(v uint16) fields    { return binary.BigEndian.AppendUint16(f, v) }
func (f fields) long(v uint32) fields     { return binary.BigEndian.AppendUint32(f, v) }
func (f fields) longlong(v uint64) fields { return binary.BigEndian.AppendUint64(f, v) }
func (f fields) longstr(v string) fields  { return append(f.long(uint32(len(v))), v...) }

// shortstr cuts what is longer than the format allows.
func (f fields) shortstr(v string) fields {
	v = v[:min(len(v), 255)]
	return append(f.octet(uint8(len(v))), v...)
}

func (f fields) bit(v bool) fields {
	if v {
		return f.octet(1)
	}
	return f.octet(0)
}
