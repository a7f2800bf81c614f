package broker

import (
	"bufio"
	"encoding/binary"
	"io"
)

const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE

	frameOverhead = 8      // type, channel, size and end
	frameMax      = 131072 // bytes, overhead included; what RabbitMQ proposes
	frameMin      = 4096   // no client may negotiate less
)

type frame struct {
	kind    uint8
	channel uint16
	payload []byte // valid until the next frame is read
}

// controlMethod returns the method that a frame has for the connection as a whole, or 0.
func (f frame) controlMethod() methodID {
	if f.kind != frameMethod || f.channel != 0 {
		return 0
	}
	d := decoder{rest: f.payload}
	return methodID(d.long())
}

// frameReader reads frames from a client. It holds at most one.
type frameReader struct {
	in     *bufio.Reader
	limit  uint32 // bytes of a payload
	buffer []byte
}

func newFrameReader(in io.Reader) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(in, 16<<10), limit: frameMax - frameOverhead}
}

func (r *frameReader) read() (frame, error) {
	var head [7]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[3:])
	if size > r.limit {
		return frame{}, protocolError(frameError, "frame of %d bytes is larger than negotiated", size)
	}
	if cap(r.buffer) < int(size)+1 {
		r.buffer = make([]byte, size+1)
	}
	payload := r.buffer[:size+1]
	if _, err := io.ReadFull(r.in, payload); err != nil {
		return frame{}, err
	}
	if payload[size] != frameEnd {
		return frame{}, protocolError(frameError, "no frame end where there should be one")
	}
	return frame{head[0], binary.BigEndian.Uint16(head[1:]), payload[:size]}, nil
}

func appendFrame(out []byte, kind uint8, channel uint16, payload ...[]byte) []byte {
	size := 0
	for _, p := range payload {
		size += len(p)
	}
	out = append(out, kind)
	out = binary.BigEndian.AppendUint16(out, channel)
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	for _, p := range payload {
		out = append(out, p...)
	}
	return append(out, frameEnd)
}

func appendMethod(out []byte, channel uint16, id methodID, arguments fields) []byte {
	return appendFrame(out, frameMethod, channel, fields{}.long(uint32(id)), arguments)
}

// message is one that was published. It does not change any more: all queues it is in share it.
type message struct {
	exchange, key string
	properties    []byte // property flags and list, as they came
	body          []byte
}

// appendContent appends the header and as many body frames as it takes; an empty body takes none.
func appendContent(out []byte, channel uint16, frameLimit uint32, m *message) []byte {
	header := fields{}.short(60).short(0).longlong(uint64(len(m.body)))
	out = appendFrame(out, frameHeader, channel, header, m.properties)
	room := int(frameLimit - frameOverhead)
	for rest := m.body; len(rest) > 0; {
		n := min(len(rest), room)
		out = appendFrame(out, frameBody, channel, rest[:n])
		rest = rest[n:]
	}
	return out
}
