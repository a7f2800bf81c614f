package broker

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rawClient says what no client library would.
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

func (r *rawClient) call(channel uint16, id methodID, arguments fields) {
	r.send(channel, id, arguments)
	r.expect(channel, id+1)
}

// expect reads the next frame and returns the arguments of its method.
func (r *rawClient) expect(channel uint16, id methodID) *decoder {
	r.t.Helper()
	f, err := r.in.read()
	require.NoError(r.t, err)
	d := &decoder{rest: f.payload}
	got := methodID(d.long())
	require.Equal(r.t, id, got, "%d.%d", got.class(), got.method())
	require.Equal(r.t, channel, f.channel)
	return d
}

func (r *rawClient) expectEOF() {
	r.t.Helper()
	_, err := r.in.read()
	require.ErrorIs(r.t, err, io.EOF)
}

func (r *rawClient) login(response string, capabilities table) {
	r.write([]byte(protocolHeader))
	r.expect(0, connectionStart)
	client := table{"capabilities": capabilities}
	r.send(0, connectionStartOK, fields{}.table(client).shortstr("PLAIN").longstr(response).shortstr("en_US"))
}

// tune returns what is to be answered to connection.tune.
func (r *rawClient) tune(channelMax uint16, frameMax uint32, heartbeat uint16) {
	r.login("\x00guest\x00guest", nil)
	d := r.expect(0, connectionTune)
	require.Equal(r.t, []any{uint16(2047), uint32(131072), uint16(60)}, []any{d.short(), d.long(), d.short()})
	r.send(0, connectionTuneOK, fields{}.short(channelMax).long(frameMax).short(heartbeat))
}

// open brings the client up to an open channel 1, with a heartbeat of so many seconds.
func (r *rawClient) open(heartbeat uint16) {
	r.tune(2047, frameMax, heartbeat)
	r.call(0, connectionOpen, fields{}.shortstr("/").shortstr("").octet(0))
	r.call(1, channelOpen, fields{}.shortstr(""))
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

func TestBadPassword(t *testing.T) {
	r := dialRaw(t, start(t))
	r.login("\x00guest\x00wrong", nil)
	r.expectEOF()

	r = dialRaw(t, start(t))
	r.login("\x00guest\x00wrong", table{"authentication_failure_close": true})
	r.expectClose(0, connectionClose, accessRefused)
}

func TestBadTune(t *testing.T) {
	b := start(t)
	for _, bad := range []limits{{channelMax: 0, frameMax: 4096}, {channelMax: 2048, frameMax: 4096}, {channelMax: 1, frameMax: 4095}, {channelMax: 1, frameMax: 131073}} {
		r := dialRaw(t, b)
		r.tune(bad.channelMax, bad.frameMax, 0)
		r.expectClose(0, connectionClose, notAllowed)
	}
}

func TestHandshakeTakesTooLong(t *testing.T) {
	b := startPatient(t, 50*time.Millisecond)
	r := dialRaw(t, b)
	r.write([]byte(protocolHeader))
	r.expect(0, connectionStart)
	r.expectEOF()
}

// TestSilentClient is cut off after two intervals without a heartbeat, but was sent ours.
func TestSilentClient(t *testing.T) {
	r := dialRaw(t, start(t))
	r.open(1)
	f, err := r.in.read()
	require.NoError(t, err)
	require.EqualValues(t, frameHeartbeat, f.kind)
	for err == nil {
		_, err = r.in.read()
	}
	require.ErrorIs(t, err, io.EOF)
}

// publishFrames are a publish and a header that announces a body of that size.
func publishFrames(size uint64) []byte {
	out := appendMethod(nil, 1, basicPublish, fields{}.short(0).shortstr("").shortstr("nobody").octet(0))
	return appendFrame(out, frameHeader, 1, fields{}.short(60).short(0).longlong(size).short(0))
}

// badProperties announce a content type that does not come.
func badProperties() []byte {
	out := appendMethod(nil, 1, basicPublish, fields{}.short(0).shortstr("").shortstr("nobody").octet(0))
	return appendFrame(out, frameHeader, 1, fields{}.short(60).short(0).longlong(0).short(1<<15).octet(9))
}

func TestBrokenRules(t *testing.T) {
	rules := map[string]struct {
		code uint16
		data []byte
	}{
		"oversize frame":           {frameError, []byte{frameMethod, 0, 1, 0, 2, 0, 0}},
		"no frame end":             {frameError, []byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, 0}},
		"unknown frame type":       {frameError, appendFrame(nil, 7, 1)},
		"truncated arguments":      {syntaxError, appendMethod(nil, 1, queueDeclare, fields{0, 0, 9, 'x'})},
		"arguments too long":       {syntaxError, appendMethod(nil, 1, basicAck, fields{}.longlong(1).octet(0).octet(0))},
		"unknown method":           {notImplemented, appendMethod(nil, 1, 60<<16|200, nil)},
		"transactions":             {notImplemented, appendMethod(nil, 1, 90<<16|10, nil)},
		"method on channel 0":      {commandInvalid, appendMethod(nil, 0, basicQos, nil)},
		"content on channel 0":     {commandInvalid, appendFrame(nil, frameBody, 0)},
		"channel not open":         {channelError, appendMethod(nil, 2, basicQos, nil)},
		"channel opened twice":     {channelError, appendMethod(nil, 1, channelOpen, fields{}.shortstr(""))},
		"channel above the limit":  {notAllowed, appendMethod(nil, 2048, channelOpen, fields{}.shortstr(""))},
		"header without a publish": {unexpectedFrame, appendFrame(nil, frameHeader, 1)},
		"body without a header":    {unexpectedFrame, appendFrame(nil, frameBody, 1)},
		"method instead of body":   {unexpectedFrame, appendMethod(publishFrames(5), 1, basicQos, nil)},
		"malformed properties":     {syntaxError, badProperties()},
		"body too long":            {frameError, appendFrame(publishFrames(5), frameBody, 1, make([]byte, 6))},
	}
	b := start(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, b)
			r.open(0)
			r.write(rule.data)
			r.expectClose(0, connectionClose, rule.code)
			r.send(0, connectionCloseOK, nil)
			require.NoError(t, r.conn.Close())
		})
	}
	require.Eventually(t, func() bool { return b.Counts().Connections == 0 }, soon, time.Millisecond)
}

func TestHugeMessage(t *testing.T) {
	r := dialRaw(t, start(t))
	r.open(0)
	r.write(publishFrames(1 << 60))
	r.expectClose(1, channelClose, preconditionFailed)
	r.write(appendFrame(nil, frameBody, 1, []byte("ignored")))
	r.send(1, channelCloseOK, nil)
	r.call(1, channelOpen, fields{}.shortstr(""))
}

// TestCrossingCloses: the client closes the channel before it sees that the broker has.
func TestCrossingCloses(t *testing.T) {
	r := dialRaw(t, start(t))
	r.open(0)
	r.send(1, basicAck, fields{}.longlong(7).octet(0))
	r.send(1, channelClose, fields{}.short(200).shortstr("bye").short(0).short(0))
	r.expectClose(1, channelClose, preconditionFailed)
	r.expect(1, channelCloseOK)
	r.send(1, channelCloseOK, nil)
	r.call(1, channelOpen, fields{}.shortstr(""))
}
