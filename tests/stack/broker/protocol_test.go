package broker

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rawClient sends what no client library would.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	in   *frameReader
}

func dialRaw(t *testing.T, b *Broker) *rawClient {
	conn, err := net.Dial("tcp", b.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the broker may have closed it
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	return &rawClient{t, conn, newFrameReader(conn)}
}

func (r *rawClient) write(data []byte) {
	_, err := r.conn.Write(data)
	require.NoError(r.t, err)
}

func (r *rawClient) send(channel uint16, id methodID, arguments fields) {
	r.write(appendMethod(nil, channel, id, arguments))
}

// expect reads the next frame and returns the arguments of its method.
func (r *rawClient) expect(channel uint16, id methodID) *decoder {
	r.t.Helper()
	f, err := r.in.read()
	require.NoError(r.t, err)
	d := &decoder{rest: f.payload}
	require.Equal(r.t, id, methodID(d.long()))
	require.Equal(r.t, channel, f.channel)
	return d
}

// open brings the client up to an open channel 1.
func (r *rawClient) open(heartbeat uint16) {
	r.write([]byte(protocolHeader))
	r.expect(0, connectionStart)
	r.send(0, connectionStartOK, fields{}.longstr("").shortstr("PLAIN").longstr("\x00guest\x00guest").shortstr("en_US"))
	r.expect(0, connectionTune)
	r.send(0, connectionTuneOK, fields{}.short(2047).long(frameMax).short(heartbeat))
	r.send(0, connectionOpen, fields{}.shortstr("/").shortstr("").octet(0))
	r.expect(0, connectionOpenOK)
	r.send(1, channelOpen, fields{}.shortstr(""))
	r.expect(1, channelOpenOK)
}

func (r *rawClient) expectClose(channel uint16, id methodID, code uint16) {
	r.t.Helper()
	d := r.expect(channel, id)
	require.Equal(r.t, code, d.short(), "%s", d.shortstr())
}

func TestOtherProtocol(t *testing.T) {
	r := dialRaw(t, start(t))
	r.write([]byte("GET / HT"))
	answer := make([]byte, 8)
	_, err := io.ReadFull(r.conn, answer)
	require.NoError(t, err)
	require.Equal(t, protocolHeader, string(answer))
}

// TestSilentClients are cut off: one in the handshake, and one that misses two heartbeats, but was sent
// some.
func TestSilentClients(t *testing.T) {
	_, err := dialRaw(t, startWith(t, 50*time.Millisecond)).in.read()
	require.ErrorIs(t, err, io.EOF)
	r := dialRaw(t, start(t))
	r.open(1)
	heartbeats := 0
	for err = nil; err == nil; heartbeats++ {
		_, err = r.in.read()
	}
	require.ErrorIs(t, err, io.EOF)
	require.Greater(t, heartbeats, 1)
}

// publishFrames are a publish and a header that announces a body of that size.
func publishFrames(size uint64) []byte {
	out := appendMethod(nil, 1, basicPublish, fields{}.short(0).shortstr("").shortstr("no such").octet(0))
	return appendFrame(out, frameHeader, 1, fields{}.short(60).short(0).longlong(size).short(0))
}

func TestBrokenRules(t *testing.T) {
	b := start(t)
	for name, rule := range map[string]struct {
		code uint16
		data []byte
	}{
		"oversize frame":         {frameError, []byte{frameMethod, 0, 1, 0, 2, 0, 0}},
		"no frame end":           {frameError, []byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, 0}},
		"unknown frame type":     {frameError, appendFrame(nil, 7, 1)},
		"truncated arguments":    {syntaxError, appendMethod(nil, 1, queueDeclare, fields{0, 0, 9, 'x'})},
		"unknown method":         {notImplemented, appendMethod(nil, 1, 60<<16|10, nil)},
		"channel not open":       {channelError, appendMethod(nil, 2, basicCancel, nil)},
		"body without a header":  {unexpectedFrame, appendFrame(nil, frameBody, 1)},
		"method instead of body": {unexpectedFrame, appendMethod(publishFrames(5), 1, basicCancel, nil)},
		"body too long":          {frameError, appendFrame(publishFrames(5), frameBody, 1, make([]byte, 6))},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, b)
			r.open(0)
			r.write(rule.data)
			r.expectClose(0, connectionClose, rule.code)
		})
	}
}

// TestClosesThatCross has the client close a channel before it sees that the broker has.
func TestClosesThatCross(t *testing.T) {
	r := dialRaw(t, start(t))
	r.open(0)
	r.send(1, queueBind, fields{}.short(0).shortstr("no such").shortstr("").shortstr("").octet(0).longstr(""))
	r.send(1, channelClose, fields{}.short(200).shortstr("bye").short(0).short(0))
	r.expectClose(1, channelClose, notFound)
	r.expect(1, channelCloseOK)
	r.send(1, channelCloseOK, nil)
	r.send(1, channelOpen, fields{}.shortstr(""))
	r.expect(1, channelOpenOK)
}
