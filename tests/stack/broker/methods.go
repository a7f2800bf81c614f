package broker

// methodID is class index << 16 | method index.
type methodID uint32

const (
	connectionStart   methodID = 10<<16 | 10
	connectionStartOK methodID = 10<<16 | 11
	connectionTune    methodID = 10<<16 | 30
	connectionTuneOK  methodID = 10<<16 | 31
	connectionOpen    methodID = 10<<16 | 40
	connectionOpenOK  methodID = 10<<16 | 41
	connectionClose   methodID = 10<<16 | 50
	connectionCloseOK methodID = 10<<16 | 51

	connectionBlocked   methodID = 10<<16 | 60
	connectionUnblocked methodID = 10<<16 | 61

	channelOpen    methodID = 20<<16 | 10
	channelOpenOK  methodID = 20<<16 | 11
	channelClose   methodID = 20<<16 | 40
	channelCloseOK methodID = 20<<16 | 41

	exchangeDeclare   methodID = 40<<16 | 10
	exchangeDeclareOK methodID = 40<<16 | 11
	exchangeDelete    methodID = 40<<16 | 20
	exchangeDeleteOK  methodID = 40<<16 | 21

	queueDeclare   methodID = 50<<16 | 10
	queueDeclareOK methodID = 50<<16 | 11
	queueBind      methodID = 50<<16 | 20
	queueBindOK    methodID = 50<<16 | 21
	queueDelete    methodID = 50<<16 | 40
	queueDeleteOK  methodID = 50<<16 | 41

	basicConsume   methodID = 60<<16 | 20
	basicConsumeOK methodID = 60<<16 | 21
	basicCancel    methodID = 60<<16 | 30
	basicCancelOK  methodID = 60<<16 | 31
	basicPublish   methodID = 60<<16 | 40
	basicDeliver   methodID = 60<<16 | 60
)

func (id methodID) class() uint16  { return uint16(id >> 16) }
func (id methodID) method() uint16 { return uint16(id) }

// method is one that clients call on a channel.
type method struct {
	grammar string // of its arguments, see decodeArguments
	handle  func(*channel, arguments) error
}

func methods() map[methodID]method {
	return map[methodID]method{
		channelClose:    {"wsww", (*channel).close},
		exchangeDeclare: {"wssft", (*channel).exchangeDeclare},
		exchangeDelete:  {"wsf", (*channel).exchangeDelete},
		queueDeclare:    {"wsft", (*channel).queueDeclare},
		queueBind:       {"wsssft", (*channel).queueBind},
		queueDelete:     {"wsf", (*channel).queueDelete},
		basicConsume:    {"wssft", (*channel).consume},
		basicCancel:     {"sf", (*channel).cancel},
		basicPublish:    {"wssf", (*channel).publish},
	}
}

// arguments are the fields of a method, numbers and strings in their order.
type arguments struct {
	numbers [3]uint32 // of all sizes
	strings [4]string // short and long ones
	flags   flags
	table   string // encoded
}

// flags are up to eight that share an octet.
type flags uint8

func (f flags) has(n int) bool { return f>>n&1 == 1 }

// decodeArguments reads the fields that a grammar has a letter for: w is a short and l a long integer,
// s is a short and S a long string, f the octet with the flags, t a table.
func decodeArguments(grammar string, payload []byte) (a arguments, err error) {
	d := decoder{rest: payload}
	numbers, strings := a.numbers[:0], a.strings[:0]
	for _, field := range grammar {
		switch field {
		case 'w':
			numbers = append(numbers, uint32(d.short()))
		case 'l':
			numbers = append(numbers, d.long())
		case 's':
			strings = append(strings, d.shortstr())
		case 'S':
			strings = append(strings, d.longstr())
		case 'f':
			a.flags = flags(d.octet())
		case 't':
			a.table = d.longstr()
		}
	}
	return a, d.done()
}
