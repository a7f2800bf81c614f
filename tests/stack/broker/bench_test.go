package broker

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// A message of the size of a question or an answer, as frames, there and back.
func BenchmarkMessageFrames(b *testing.B) {
	m := &message{properties: fields{}.short(0), body: bytes.Repeat([]byte("a1"), 32)}
	var sent []byte
	in := bytes.NewReader(nil)
	r := newFrameReader(in)
	b.ReportAllocs()
	for b.Loop() {
		sent = appendMethod(sent[:0], 1, basicDeliver, fields{}.shortstr("consumer").longlong(1).bit(false).shortstr("dataServers").shortstr(""))
		sent = appendContent(sent, 1, frameMax, m)
		in.Reset(sent)
		for range 3 {
			_, err := r.read()
			require.NoError(b, err)
		}
	}
}
