package broker

import (
	"io"
	"time"
)

const protocolHeader = "AMQP\x00\x00\x09\x01"

// handshake brings the connection up to connection.open-ok. It returns errDone if everything was said.
func (c *connection) handshake() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.timeouts.handshake)); err != nil {
		return err
	}
	for _, step := range []func() error{c.greet, c.authenticate, c.tune, c.openVhost} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// greet answers another protocol, or another version, with the one that the broker speaks.
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

// authenticate takes it that the client understands a refusal, and basic.cancel, as both Go libraries do.
func (c *connection) authenticate() error {
	c.send(0, connectionStart, fields{0, 9}.longstr(serverProperties()).longstr("PLAIN").longstr("en_US"))
	a, err := c.expect(connectionStartOK, "tsSs")
	if err != nil {
		return err
	}
	if mechanism, response := a.strings[0], a.strings[1]; mechanism != "PLAIN" || response != "\x00"+user+"\x00"+password {
		return protocolError(accessRefused, "Login was refused using authentication mechanism %s.", mechanism)
	}
	return nil
}

// serverProperties is a table of strings, encoded.
func serverProperties() string {
	properties := fields{}.shortstr("product").octet('S').longstr("go-store embedded broker")
	return string(properties.shortstr("version").octet('S').longstr("1.0"))
}

func (c *connection) tune() error {
	c.send(0, connectionTune, fields{}.short(c.channelMax).long(c.frameMax).short(uint16(c.heartbeat/time.Second)))
	a, err := c.expect(connectionTuneOK, "wlw")
	if err != nil {
		return err
	}
	channelMax, frameMax, heartbeat := uint16(a.numbers[0]), a.numbers[1], time.Duration(a.numbers[2])*time.Second
	if channelMax == 0 || channelMax > c.channelMax || frameMax < frameMin || frameMax > c.frameMax {
		return protocolError(notAllowed, "negotiated channel_max = %d, frame_max = %d", channelMax, frameMax)
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
