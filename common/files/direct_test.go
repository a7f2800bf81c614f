package files

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// long returns random bytes: so many and a bit more than go through the page cache.
func long(t *testing.T, more int) []byte {
	b := make([]byte, Cached+more)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func TestLongFiles(t *testing.T) {
	d := open(t, t.TempDir())
	for _, more := range []int{-1, 0, 1, alignment, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 1000} {
		content := long(t, more)
		require.NoError(t, d.Save("name", bytes.NewReader(content)))
		requireContent(t, d, "name", string(content))
		for _, from := range []int64{0, 1, alignment, alignment + 1, pieceSize - 1, pieceSize, Cached - 2, int64(len(content))} {
			requireDirect(t, d, "name", content, from)
		}
	}
}

// requireDirect wants the bytes from an offset on, by Read and by WriteTo.
func requireDirect(t *testing.T, d *Dir, name string, content []byte, from int64) {
	t.Helper()
	f, _, err := d.Open(name)
	require.NoError(t, err)
	defer f.Close() // opened for reading
	direct := d.ReadDirect(f, from)
	defer direct.Close()
	var got bytes.Buffer
	_, err = io.CopyN(&got, iotest.OneByteReader(direct), 100)
	if !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
	_, err = io.Copy(&got, direct)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content[from:], got.Bytes()), "%d bytes from %d on: got %d", len(content), from, got.Len())
}

func TestReadDirectWhatFails(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.Save("name", bytes.NewReader(long(t, pieceSize))))
	f, _, err := d.Open("name")
	require.NoError(t, err)
	direct := d.ReadDirect(f, 0)
	defer direct.Close()
	left := errors.New("the client left")
	_, err = direct.WriteTo(failing{left})
	require.ErrorIs(t, err, left)
	require.NoError(t, f.Close())
	_, err = io.Copy(io.Discard, direct)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = direct.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrClosed, "again")
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Appends of any length leave the file at any offset; what is aligned again goes past the page cache again.
func TestLongFileInPieces(t *testing.T) {
	d := open(t, t.TempDir())
	temp, err := d.Create()
	require.NoError(t, err)
	var want bytes.Buffer
	for _, n := range []int{Cached - 100, 100, pieceSize, 3, alignment - 3, 2 * pieceSize, 7} {
		piece := make([]byte, n)
		_, err := rand.Read(piece)
		require.NoError(t, err)
		want.Write(piece)
		sum, err := temp.Append(bytes.NewReader(piece))
		require.NoError(t, err)
		require.EqualValues(t, n, sum)
	}
	require.NoError(t, temp.Commit("name"))
	requireContent(t, d, "name", want.String())
	requireDirect(t, d, "name", want.Bytes(), 0)
}

func TestLongFilesGoPastThePageCache(t *testing.T) {
	d := open(t, t.TempDir())
	temp, err := d.Create()
	require.NoError(t, err)
	defer func() { require.NoError(t, temp.Drop()) }()
	direct := func(n int) bool {
		_, err := temp.Append(bytes.NewReader(make([]byte, n)))
		require.NoError(t, err)
		return temp.mode.direct
	}
	require.False(t, direct(Cached), "so much goes through it")
	if !direct(pieceSize) {
		require.True(t, temp.mode.refused)
		t.Skip("the file system of the temporary directory has no O_DIRECT")
	}
	require.False(t, direct(1), "too short for O_DIRECT")
	require.False(t, direct(pieceSize), "not aligned")
	require.False(t, temp.mode.refused, "not asked for either")
}

func TestPiecesAreAligned(t *testing.T) {
	for range 10 {
		piece := *newPiece().(*[]byte)
		require.Len(t, piece, pieceSize)
		require.Zero(t, uintptr(unsafe.Pointer(&piece[0]))%alignment)
	}
}

// Bodies that break off in ways that look like an end, the first to io.ReadFull, the second to errors.Is.
func TestBodyThatEndsTooEarly(t *testing.T) {
	d := open(t, t.TempDir())
	for _, broken := range []error{io.ErrUnexpectedEOF, fmt.Errorf("read: %w", io.EOF)} {
		body := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		require.ErrorIs(t, d.Save("name", body), broken)
		requireHas(t, d, "name", false)
	}
}

func TestFileSystemThatRefusesLate(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close() // nothing was written to it
	var m mode
	transfer := func([]byte, int64) (int, error) {
		if m.direct {
			return 0, fmt.Errorf("write: %w", syscall.EINVAL)
		}
		return 5, nil
	}
	for range 2 {
		n, err := m.do(f, transfer, make([]byte, pieceSize), 0)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		require.True(t, m.refused)
	}
}
