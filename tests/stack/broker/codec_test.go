package broker

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTopicMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"", "", true}, {"", "a", false}, {"#", "", true}, {"*", "", false}, {"*", "a", true}, {"*", "a.b", false},
		{"a.#.b", "a.b", true}, {"a.#.b", "a.x.b.y.b", true}, {"a.#.b", "a.x.b.y", false}, {"#.#", "", true},
		{"#.*", "", false}, {"#.*", "a.b", true}, {"*.#.*", "a", false}, {"*.#.*", "a.b", true}, {"a..b", "a..b", true},
		{strings.Repeat("#.", 60) + "x", strings.Repeat("a.", 60) + "y", false}, // in no time
	} {
		require.Equal(t, c.want, topicMatches(words(c.pattern), words(c.key)), "%q %q", c.pattern, c.key)
	}
}

func TestTableRoundTrip(t *testing.T) {
	sent := table{"s": "text", "yes": true, "no": false, "inner": table{"a": "b"}}
	d := decoder{rest: fields{}.table(sent)}
	require.Equal(t, sent, d.table())
	require.NoError(t, d.done())
}

// tableOf is one with a single field, as bytes.
func tableOf(field string) []byte { return fields{}.longstr("\x01k" + field) }

func TestTableFields(t *testing.T) {
	for field, want := range map[string]any{
		"t\x01": true, "b\xff": int64(-1), "B\xff": int64(255), "s\xff\xfe": int64(-2), "U\xff\xfe": int64(-2), "u\xff\xfe": int64(65534),
		"I\xff\xff\xff\xff": int64(-1), "i\xff\xff\xff\xff": int64(math.MaxUint32), "l\x00\x00\x00\x00\x00\x00\x01\x00": int64(256),
		"T\x00\x00\x00\x00\x00\x00\x00\x09": int64(9), "f\x3f\x80\x00\x00": 1.0, "d\x3f\xf0\x00\x00\x00\x00\x00\x00": 1.0,
		"D\x02\x00\x00\x00\x05": []byte{2, 0, 0, 0, 5}, "S\x00\x00\x00\x01x": "x", "x\x00\x00\x00\x01x": []byte("x"), "V": nil,
		"A\x00\x00\x00\x03t\x01V": []any{true, nil}, "F\x00\x00\x00\x00": table{},
	} {
		d := decoder{rest: tableOf(field)}
		require.Equal(t, table{"k": want}, d.table(), "%q", field)
		require.NoError(t, d.done(), "%q", field)
	}
	for _, field := range []string{"", "?", "S\x00\x00\x00\x05x", "S\xff\xff\xff\xff", "A\x00\x00\x00\x01", "I\x00", "A\x00\x00\x00\x01I"} {
		d := decoder{rest: tableOf(field)}
		d.table()
		require.Error(t, d.done(), "%q", field)
	}
}

func TestTableNestedTooDeep(t *testing.T) {
	nested := []byte("V")
	for range maxDepth + 2 {
		nested = append([]byte("A"), fields{}.longstr(string(nested))...)
	}
	d := decoder{rest: tableOf(string(nested))}
	d.table()
	require.ErrorContains(t, d.done(), "too deep")
}

func TestCheckProperties(t *testing.T) {
	all := fields{}.short(0xfffc).shortstr("ct").shortstr("ce").table(table{"k": "v"}).octet(2).octet(9)
	all = all.shortstr("corr").shortstr("reply").shortstr("exp").shortstr("id").longlong(1).shortstr("type").shortstr("user").shortstr("app").shortstr("")
	require.NoError(t, checkProperties(all))
	require.NoError(t, checkProperties([]byte{0, 0}))
	for cut := range len(all) {
		require.Error(t, checkProperties(all[:cut]), cut)
	}
	require.Error(t, checkProperties([]byte{0, 1}), "more flags")
	require.Error(t, checkProperties([]byte{0, 0, 0}), "more than announced")
}

func FuzzFrames(f *testing.F) {
	f.Add(appendMethod(nil, 1, basicQos, fields{0, 0, 0, 0, 0, 1, 0}))
	f.Add([]byte{1, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newFrameReader(bytes.NewReader(data))
		var again []byte
		for {
			frame, err := r.read()
			if err != nil {
				break
			}
			again = appendFrame(again, frame.kind, frame.channel, frame.payload)
		}
		require.True(t, bytes.HasPrefix(data, again))
		require.LessOrEqual(t, cap(r.buffer), frameMax)
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(fields{}.table(serverProperties())))
	f.Add(tableOf("A\x00\x00\x00\x03t\x01V"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := decoder{rest: data}
		d.table()
		_ = checkProperties(data)
	})
}

// FuzzFramesOfClient has an open connection take frames: whatever they are, it must not panic, and
// must answer what is wrong with an error of the protocol. Afterwards nothing is left of it.
func FuzzFramesOfClient(f *testing.F) {
	declare := appendMethod(nil, 1, queueDeclare, fields{}.short(0).shortstr("q").octet(0).table(nil))
	consume := appendMethod(nil, 1, basicConsume, fields{}.short(0).shortstr("q").shortstr("").octet(0).table(nil))
	publish := appendMethod(nil, 1, basicPublish, fields{}.short(0).shortstr("").shortstr("q").octet(1))
	publish = appendContent(publish, 1, frameMin, &message{properties: []byte{0, 0}, body: []byte("body")})
	giveBack := appendMethod(nil, 1, basicRecover, fields{1})
	f.Add(bytes.Join([][]byte{declare, publish, consume, publish, giveBack}, nil))
	for id, m := range methods() {
		f.Add(appendMethod(declare, 1, id, make(fields, 2*len(m.grammar))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &Broker{methods: methods(), connections: map[*connection]bool{}, queues: map[string]*queue{}, exchanges: map[string]*exchange{}}
		c := newConnection(b, nil)
		c.channels[1] = newChannel(c, 1)
		r := newFrameReader(bytes.NewReader(data))
		var err error
		for err == nil {
			var frame frame
			if frame, err = r.read(); err != nil {
				break
			}
			err = c.handle(frame)
			var reply *replyError
			require.True(t, err == nil || errors.Is(err, errDone) || errors.As(err, &reply), err)
		}
		c.release()
		require.Empty(t, c.exclusive)
		for _, q := range b.queues {
			require.Empty(t, q.consumers)
		}
	})
}
