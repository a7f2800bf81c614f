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

	channelOpen    methodID = 20<<16 | 10
	channelOpenOK  methodID = 20<<16 | 11
	channelFlow    methodID = 20<<16 | 20
	channelFlowOK  methodID = 20<<16 | 21
	channelClose   methodID = 20<<16 | 40
	channelCloseOK methodID = 20<<16 | 41

	exchangeDeclare   methodID = 40<<16 | 10
	exchangeDeclareOK methodID = 40<<16 | 11
	exchangeDelete    methodID = 40<<16 | 20
	exchangeDeleteOK  methodID = 40<<16 | 21
	exchangeBind      methodID = 40<<16 | 30
	exchangeBindOK    methodID = 40<<16 | 31
	exchangeUnbind    methodID = 40<<16 | 40
	exchangeUnbindOK  methodID = 40<<16 | 51

	queueDeclare   methodID = 50<<16 | 10
	queueDeclareOK methodID = 50<<16 | 11
	queueBind      methodID = 50<<16 | 20
	queueBindOK    methodID = 50<<16 | 21
	queuePurge     methodID = 50<<16 | 30
	queuePurgeOK   methodID = 50<<16 | 31
	queueDelete    methodID = 50<<16 | 40
	queueDeleteOK  methodID = 50<<16 | 41
	queueUnbind    methodID = 50<<16 | 50
	queueUnbindOK  methodID = 50<<16 | 51

	basicQos          methodID = 60<<16 | 10
	basicQosOK        methodID = 60<<16 | 11
	basicConsume      methodID = 60<<16 | 20
	basicConsumeOK    methodID = 60<<16 | 21
	basicCancel       methodID = 60<<16 | 30
	basicCancelOK     methodID = 60<<16 | 31
	basicPublish      methodID = 60<<16 | 40
	basicReturn       methodID = 60<<16 | 50
	basicDeliver      methodID = 60<<16 | 60
	basicGet          methodID = 60<<16 | 70
	basicGetOK        methodID = 60<<16 | 71
	basicGetEmpty     methodID = 60<<16 | 72
	basicAck          methodID = 60<<16 | 80
	basicReject       methodID = 60<<16 | 90
	basicRecoverAsync methodID = 60<<16 | 100
	basicRecover      methodID = 60<<16 | 110
	basicRecoverOK    methodID = 60<<16 | 111
	basicNack         methodID = 60<<16 | 120

	confirmSelect   methodID = 85<<16 | 10
	confirmSelectOK methodID = 85<<16 | 11
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
		channelOpen:       {"s", (*channel).openTwice},
		channelFlow:       {"f", (*channel).flow},
		channelClose:      {"wsww", (*channel).close},
		exchangeDeclare:   {"wssft", (*channel).exchangeDeclare},
		exchangeDelete:    {"wsf", (*channel).exchangeDelete},
		exchangeBind:      {"wsssft", (*channel).exchangeBind},
		exchangeUnbind:    {"wsssft", (*channel).exchangeUnbind},
		queueDeclare:      {"wsft", (*channel).queueDeclare},
		queueBind:         {"wsssft", (*channel).queueBind},
		queueUnbind:       {"wssst", (*channel).queueUnbind},
		queuePurge:        {"wsf", (*channel).queuePurge},
		queueDelete:       {"wsf", (*channel).queueDelete},
		basicQos:          {"lwf", (*channel).qos},
		basicConsume:      {"wssft", (*channel).consume},
		basicCancel:       {"sf", (*channel).cancel},
		basicPublish:      {"wssf", (*channel).publish},
		basicGet:          {"wsf", (*channel).get},
		basicAck:          {"qf", (*channel).ack},
		basicReject:       {"qf", (*channel).reject},
		basicNack:         {"qf", (*channel).nack},
		basicRecover:      {"f", (*channel).recover},
		basicRecoverAsync: {"f", (*channel).recoverAsync},
		confirmSelect:     {"f", (*channel).confirmSelect},
	}
}

// arguments are the fields of a method, numbers and strings in their order.
type arguments struct {
	numbers [3]uint64 // of all sizes
	strings [4]string // short and long ones
	flags   bits
	table   table
}

// bits are up to eight flags that share an octet.
type bits uint8

func (b bits) has(n int) bool { return b>>n&1 == 1 }

// decodeArguments reads the fields that a grammar has a letter for: w is a short, l a long and q a
// long-long integer, s is a short and S a long string, f the octet with the flags, t a table.
func decodeArguments(grammar string, payload []byte) (a arguments, err error) {
	d := decoder{rest: payload}
	numbers, strings := a.numbers[:0], a.strings[:0]
	for _, field := range grammar {
		switch field {
		case 'w':
			numbers = append(numbers, uint64(d.short()))
		case 'l':
			numbers = append(numbers, uint64(d.long()))
		case 'q':
			numbers = append(numbers, d.longlong())
		case 's':
			strings = append(strings, d.shortstr())
		case 'S':
			strings = append(strings, d.longstr())
		case 'f':
			a.flags = bits(d.octet())
		case 't':
			a.table = d.table()
		}
	}
	return a, d.done()
}
