package broker

import (
	"io"
	"strings"
	"time"
)

const protocolHeader = "AMQP\x00\x00\x09\x01"

// handshake brings the connection up to connection.open-ok. It returns errDone if there is nothing to
// add to what was sent.
func (c *connection) handshake() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.patience.handshake)); err != nil {
		return err
	}
	for _, step := range []func() error{c.greet, c.authenticate, c.tune, c.openVhost} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// greet answers whoever speaks another protocol, or another version, with the one that we speak.
func (c *connection) greet() error {
	var header [len(protocolHeader)]byte
	if _, err := io.ReadFull(c.in.in, header[:]); err != nil {
		return err
	}
	if string(header[:]) != protocolHeader {
		c.out.add(func(out []byte) []byte { return append(out, protocolHeader...) })
		return errDone
	}
	return nil
}

func (c *connection) authenticate() error {
	c.send(0, connectionStart, fields{0, 9}.table(serverProperties()).longstr("PLAIN").longstr("en_US"))
	a, err := c.expect(connectionStartOK, "tsSs")
	if err != nil {
		return err
	}
	mechanism, response := a.strings[0], a.strings[1]
	capabilities, _ := a.table["capabilities"].(table) // without any, all are false
	c.wantsCancel = capabilities["consumer_cancel_notify"] == true
	c.wantsRefusal = capabilities["authentication_failure_close"] == true
	return c.checkPassword(mechanism, response)
}

func serverProperties() table {
	return table{
		"product": "go-store embedded broker", "version": "1.0", "platform": "Go",
		"capabilities": table{
			"publisher_confirms": true, "exchange_exchange_bindings": true, "basic.nack": true,
			"consumer_cancel_notify": true, "per_consumer_qos": true, "authentication_failure_close": true,
		},
	}
}

// checkPassword, as RabbitMQ, cuts the connection of a client that would not understand a refusal.
func (c *connection) checkPassword(mechanism, response string) error {
	if mechanism == "PLAIN" && response == strings.Join([]string{"", user, password}, "\x00") {
		return nil
	}
	if !c.wantsRefusal {
		return io.EOF
	}
	text := "ACCESS_REFUSED - Login was refused using authentication mechanism " + mechanism + "."
	return &replyError{code: accessRefused, text: text}
}

func (c *connection) tune() error {
	c.send(0, connectionTune, fields{}.short(c.channelMax).long(c.frameMax).short(uint16(c.heartbeat/time.Second)))
	a, err := c.expect(connectionTuneOK, "wlw")
	if err != nil {
		return err
	}
	channelMax, frameMax, heartbeat := uint16(a.numbers[0]), uint32(a.numbers[1]), time.Duration(a.numbers[2])*time.Second
	if channelMax == 0 || channelMax > c.channelMax {
		return protocolError(notAllowed, "negotiated channel_max = %d is not in 1..%d", channelMax, c.channelMax)
	}
	if frameMax < frameMin || frameMax > c.frameMax {
		return protocolError(notAllowed, "negotiated frame_max = %d is not in %d..%d", frameMax, frameMin, c.frameMax)
	}
	c.limits = limits{channelMax, frameMax, heartbeat}
	c.in.limit = frameMax - frameOverhead
	return nil
}

func (c *connection) openVhost() error {
	a, err := c.expect(connectionOpen, "ssf")
	if err != nil {
		return err
	}
	if name := a.strings[0]; name != vhost {
		return &replyError{notAllowed, "NOT_ALLOWED - vhost " + name + " not found", connectionOpen}
	}
	c.send(0, connectionOpenOK, fields{}.shortstr(""))
	return nil
}

// expect reads the next method, which must be that one, and its arguments.
func (c *connection) expect(want methodID, grammar string) (arguments, error) {
	f, err := c.in.read()
	for err == nil && f.kind == frameHeartbeat {
		f, err = c.in.read()
	}
	if err != nil {
		return arguments{}, err
	}
	switch f.controlMethod() {
	case want:
		return decodeArguments(grammar, f.payload[4:])
	case connectionClose:
		c.send(0, connectionCloseOK, nil)
		return arguments{}, errDone
	default:
		return arguments{}, protocolError(commandInvalid, "expected method %d.%d", want.class(), want.method())
	}
}
