package broker

import "fmt"

// Reply codes of the specification.
const (
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

// replyError is an error that is sent to the client. It ends a channel, or the connection if its code
// is 500 or above.
type replyError struct {
	code   uint16
	text   string
	method methodID // that it answers; 0 if none
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

// answering returns an error that says which method it answers.
func answering(id methodID, err error) error {
	if reply, ok := err.(*replyError); ok {
		reply.method = id
	}
	return err
}

// unknown is the answer to what RabbitMQ knows.
func unknown(format string, args ...any) error {
	return protocolError(notImplemented, "the embedded broker does not know "+format+", see STACK=docker", args...)
}

func codeName(code uint16) string {
	return map[uint16]string{
		accessRefused: "ACCESS_REFUSED", notFound: "NOT_FOUND", resourceLocked: "RESOURCE_LOCKED", preconditionFailed: "PRECONDITION_FAILED",
		frameError: "FRAME_ERROR", syntaxError: "SYNTAX_ERROR", commandInvalid: "COMMAND_INVALID", channelError: "CHANNEL_ERROR",
		unexpectedFrame: "UNEXPECTED_FRAME", notAllowed: "NOT_ALLOWED", notImplemented: "NOT_IMPLEMENTED",
	}[code]
}
