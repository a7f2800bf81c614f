package hash

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// hello is SHA-256 of "hello, world" with a newline, from: openssl dgst -sha256 -binary | base64.
const hello = "hT/5N2Kgbdv3IsTr6d3WbY9j3a6pf1IcPswg2nyXYCA="

func parsed(t *testing.T, s string) Hash {
	h, err := Parse(s)
	require.NoError(t, err)
	return h
}

func TestForms(t *testing.T) {
	h := Of(nil)
	require.Equal(t, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", h.String())
	require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", h.Hex())
	require.Equal(t, h, parsed(t, h.String()))
	back, err := ParseHex(h.Hex())
	require.NoError(t, err)
	require.Equal(t, h, back)
}

func TestParseRefuses(t *testing.T) {
	h := Of(nil).String()
	for _, s := range []string{
		"", "=", h[:43], h + "=", " " + h, h + " ", h[:20] + "\n" + h[20:], strings.ReplaceAll(h, "+", "-"), "!" + h[1:], h[:42] + "V=",
		Of(nil).Hex(), strings.Repeat("A", 44), strings.Repeat("A", 10_000),
	} {
		_, err := Parse(s)
		require.ErrorIs(t, err, ErrInvalid, "%q", s)
		require.Less(t, len(err.Error()), 300)
	}
	for _, s := range []string{"", Of(nil).Hex()[1:], Of(nil).Hex() + "0", strings.ToUpper(Of(nil).Hex()), strings.Repeat("g", 64), h} {
		_, err := ParseHex(s)
		require.ErrorIs(t, err, ErrInvalid, "%q", s)
	}
}

func TestFromHeader(t *testing.T) {
	for _, header := range []http.Header{
		{"Digest": {"SHA-256=" + hello}},
		{"Digest": {"sha-256=" + hello}},
		{"Digest": {"MD5=HUXZLQLMuI/KZ5KDcJPcOA==, SHA-256=" + hello}},
		{"Digest": {"MD5=HUXZLQLMuI/KZ5KDcJPcOA==", "SHA-256=" + hello}},
		{"Repr-Digest": {"sha-256=:" + hello + ":"}},
		{"Repr-Digest": {"sha-512=:AA==:,sha-256=:" + hello + ":"}},
		{"Digest": {"SHA-256=" + hello}, "Repr-Digest": {"sha-256=:" + hello + ":"}},
	} {
		h, err := FromHeader(header)
		require.NoError(t, err, "%v", header)
		require.Equal(t, parsed(t, hello), h)
	}
}

func TestFromBadHeader(t *testing.T) {
	for _, header := range []http.Header{
		{},
		{"Digest": {""}},
		{"Digest": {"MD5=HUXZLQLMuI/KZ5KDcJPcOA=="}},
		{"Digest": {hello}},
		{"Digest": {"SHA-256"}},
		{"Digest": {"SHA-256=" + hello[1:]}},
		{"Digest": {"SHA-256=:" + hello + ":"}},
		{"Repr-Digest": {"sha-256=" + hello}},
		{"Repr-Digest": {"sha-256=:" + hello}},
		{"Repr-Digest": {"sha-256=:"}},
		{"Digest": {"SHA-256=" + hello}, "Repr-Digest": {"sha-256=:" + Of(nil).String() + ":"}},
		{"Digest": {"SHA-256=" + hello, "SHA-256=" + Of(nil).String()}},
	} {
		_, err := FromHeader(header)
		require.ErrorIs(t, err, ErrInvalid, "%v", header)
	}
}

func TestSetHeader(t *testing.T) {
	header := http.Header{}
	SetHeader(header, parsed(t, hello))
	h, err := FromHeader(header)
	require.NoError(t, err)
	require.Equal(t, hello, h.String())
	require.Equal(t, "SHA-256="+hello, header.Get("Digest"))
}

func read(content []byte, want Hash, size int64) ([]byte, error) {
	return io.ReadAll(NewReader(iotest.OneByteReader(bytes.NewReader(content)), want, size))
}

func TestReader(t *testing.T) {
	for _, content := range [][]byte{nil, {1}, bytes.Repeat([]byte("abc"), 100_000)} {
		got, err := io.ReadAll(NewReader(bytes.NewReader(content), Of(content), int64(len(content))))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	}
}

// Wrong content falls short of its size.
func TestReaderHoldsBackTheLastBytesOfWrongContent(t *testing.T) {
	content := []byte("0123456789")
	got, err := read(content, Of(nil), 10)
	require.ErrorIs(t, err, ErrMismatch)
	require.Less(t, len(got), 10)
	_, err = read(nil, Of(content), 0)
	require.ErrorIs(t, err, ErrMismatch)
}

func TestReaderOfWrongLength(t *testing.T) {
	content := []byte("0123456789")
	_, err := read(content, Of(content), 11)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = read(content, Of(content), 9)
	require.ErrorIs(t, err, ErrMismatch)
}

func TestReaderErr(t *testing.T) {
	r := NewReader(iotest.ErrReader(io.ErrClosedPipe), Of(nil), 1)
	require.NoError(t, r.Err())
	_, err := io.ReadAll(r)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorIs(t, r.Err(), io.ErrClosedPipe)
	r = NewReader(strings.NewReader(""), Of(nil), 0)
	_, err = io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Err())
}

func FuzzParse(f *testing.F) {
	f.Add(hello)
	f.Add(Of(nil).Hex())
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := Parse(s); err == nil {
			require.Equal(t, s, h.String())
		}
		if h, err := ParseHex(s); err == nil {
			require.Equal(t, s, h.Hex())
		}
	})
}
