package broker

import "fmt"

// Reply codes of the specification.
const (
	noRoute            = 312
	accessRefused      = 403
	notFound           = 404
	resourceLocked     = 405
	preconditionFailed = 406
	frameError         = 501
	syntaxError        = 502
	commandInvalid     = 503
	channelError       = 504
	unexpectedFrame    = 505
	notAllowed         = 530
	notImplemented     = 540
)

// replyError is an error that the client is told of. It ends a channel, or the connection if the
// code is one of 500 and above.
type replyError struct {
	code   uint16
	text   string
	method methodID // that was answered with it; 0 if none was
}

func (e *replyError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }
func (e *replyError) hard() bool    { return e.code >= 500 }

// fields are those of connection.close and channel.close.
func (e *replyError) fields() fields {
	return fields{}.short(e.code).shortstr(e.text).short(e.method.class()).short(e.method.method())
}

// protocolError returns a replyError with the text that RabbitMQ puts before the explanation.
func protocolError(code uint16, format string, args ...any) error {
	return &replyError{code: code, text: codeName(code) + " - " + fmt.Sprintf(format, args...)}
}

func codeName(code uint16) string {
	switch code {
	case accessRefused:
		return "ACCESS_REFUSED"
	case notFound:
		return "NOT_FOUND"
	case resourceLocked:
		return "RESOURCE_LOCKED"
	case preconditionFailed:
		return "PRECONDITION_FAILED"
	case frameError:
		return "FRAME_ERROR"
	case syntaxError:
		return "SYNTAX_ERROR"
	case commandInvalid:
		return "COMMAND_INVALID"
	case channelError:
		return "CHANNEL_ERROR"
	case unexpectedFrame:
		return "UNEXPECTED_FRAME"
	case notAllowed:
		return "NOT_ALLOWED"
	default:
		return "NOT_IMPLEMENTED"
	}
}
