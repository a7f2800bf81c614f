package rabbitmq

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy is between one client and a broker, and says to the client what the broker does not, frame
// by frame. Its methods may be called by several goroutines at once.
type proxy struct {
	url string // for the client

	mu       sync.Mutex
	toClient net.Conn
	tags     []string      // of the consumers on the current connection
	held     chan struct{} // nil, or closed when frames of the client pass again
}

// startProxy runs a proxy in front of the broker at url until the end of the test.
func startProxy(t *testing.T, url, address string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{url: strings.Replace(url, address, listener.Addr().String(), 1)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client, address) })
		}
	})
	t.Cleanup(func() {
		p.release()
		require.NoError(t, listener.Close())
		serving.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn, address string) {
	broker, err := net.Dial("tcp", address)
	if err != nil {
		_ = client.Close() // the client sees the same
		return
	}
	p.mu.Lock()
	p.toClient, p.tags = client, nil
	p.mu.Unlock()
	hangUp := func() { _, _ = client.Close(), broker.Close() } // one of them may be closed
	var copying sync.WaitGroup
	copying.Go(func() { defer hangUp(); p.fromClient(bufio.NewReader(client), broker) })
	copying.Go(func() { defer hangUp(); p.fromBroker(bufio.NewReader(broker)) })
	copying.Wait()
}

func (p *proxy) fromClient(client io.Reader, broker io.Writer) {
	if _, err := io.CopyN(broker, client, int64(len("AMQP\x00\x00\x09\x01"))); err != nil {
		return
	}
	for {
		frame, err := readFrame(client)
		if err != nil {
			return
		}
		p.mu.Lock()
		if tag, ok := consumerTag(frame); ok {
			p.tags = append(p.tags, tag)
		}
		held := p.held
		p.mu.Unlock()
		if isMethod(frame, 20, 41) {
			continue // the broker has not closed the channel
		}
		if held != nil {
			err = p.hold(held, broker)
		}
		if err == nil {
			_, err = broker.Write(frame)
		}
		if err != nil {
			return
		}
	}
}

// hold returns when held is closed. Until then it sends heartbeats in the client's place: a broker
// waits for none while it does not read.
func (p *proxy) hold(held <-chan struct{}, broker io.Writer) error {
	beat := time.NewTicker(500 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-held:
			return nil
		case <-beat.C:
			if _, err := broker.Write([]byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, frameEnd}); err != nil {
				return err
			}
		}
	}
}

func (p *proxy) fromBroker(broker io.Reader) {
	for {
		frame, err := readFrame(broker)
		if err != nil {
			return
		}
		if p.say(frame) != nil {
			return
		}
	}
}

// say sends a frame to the client.
func (p *proxy) say(frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.toClient.Write(frame)
	return err
}

// cancelConsumer ends the client's first consumer.
func (p *proxy) cancelConsumer(t *testing.T) {
	p.mu.Lock()
	tag := p.tags[0]
	p.mu.Unlock()
	noWait := byte(1)
	require.NoError(t, p.say(method(1, 60, 30, append(shortString(tag), noWait))))
}

// closeChannel closes the client's channel.
func (p *proxy) closeChannel(t *testing.T) {
	arguments := append(binary.BigEndian.AppendUint16(nil, 541), shortString("INTERNAL_ERROR")...)
	require.NoError(t, p.say(method(1, 20, 40, append(arguments, 0, 0, 0, 0))))
}

// block does what a broker does in an alarm: it says so, and reads nothing of what the client
// sends.
func (p *proxy) block(t *testing.T, reason string) {
	p.mu.Lock()
	p.held = make(chan struct{})
	p.mu.Unlock()
	require.NoError(t, p.say(method(0, 10, 60, shortString(reason))))
}

func (p *proxy) unblock(t *testing.T) {
	p.release()
	require.NoError(t, p.say(method(0, 10, 61, nil)))
}

func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// A frame is a type, a channel, a length, so many bytes, and an end mark (AMQP 0-9-1, section
// 2.3.5).
const (
	frameHeader    = 7 // bytes
	frameMethod    = 1
	frameHeartbeat = 8
	frameEnd       = 0xCE
)

func readFrame(r io.Reader) ([]byte, error) {
	frame := make([]byte, frameHeader)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.BigEndian.Uint32(frame[3:])+1)
	_, err := io.ReadFull(r, rest)
	return append(frame, rest...), err
}

func method(channel, class, number uint16, arguments []byte) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{frameMethod}, channel)
	frame = binary.BigEndian.AppendUint32(frame, uint32(4+len(arguments)))
	frame = binary.BigEndian.AppendUint16(frame, class)
	frame = binary.BigEndian.AppendUint16(frame, number)
	return append(append(frame, arguments...), frameEnd)
}

func isMethod(frame []byte, class, number uint32) bool {
	return frame[0] == frameMethod && binary.BigEndian.Uint32(frame[frameHeader:]) == class<<16|number
}

func shortString(s string) []byte { return append([]byte{byte(len(s))}, s...) }

// consumerTag returns the tag of a basic.consume.
func consumerTag(frame []byte) (string, bool) {
	if !isMethod(frame, 60, 20) {
		return "", false
	}
	arguments := frame[frameHeader+4+2:] // after a reserved short
	arguments = arguments[1+arguments[0]:]
	return string(arguments[1 : 1+arguments[0]]), true
}
