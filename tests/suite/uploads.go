package suite

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// tus returns the headers of a tus request, and more: pairs of a name and a value.
func tus(more ...string) http.Header {
	header := http.Header{"Tus-Resumable": {"1.0.0"}}
	for i := 0; i < len(more); i += 2 {
		header.Set(more[i], more[i+1])
	}
	return header
}

// Upload is one that has begun.
type Upload struct {
	ID   string // the path of it: /uploads/ID
	Name string
	Body []byte
}

// BeginUpload begins an upload of a body through one API service.
func (s *Store) BeginUpload(t *testing.T, body []byte, more ...string) Upload {
	t.Helper()
	name := NewName()
	header := tus(append([]string{"Upload-Length", strconv.Itoa(len(body)), "Digest", digest(body)}, more...)...)
	got, err := s.DoWith(t.Context(), http.MethodPost, ObjectURL(s.API[0], name), header, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, got.Status, "%s", got.Body)
	require.Equal(t, "1.0.0", got.Header.Get("Tus-Resumable"))
	require.Regexp(t, "^/uploads/[0-9a-f]{64}$", got.Header.Get("Location"))
	return Upload{got.Header.Get("Location"), name, body}
}

// Offset asks an API service from where to go on.
func (s *Store) Offset(t *testing.T, api string, u Upload) int {
	t.Helper()
	offset, err := u.offsetIn(t, s.head(t, api, u))
	require.NoError(t, err)
	return offset
}

// head sends a HEAD of an upload, and asks again while the answer is 423, as clients do: on a busy machine
// an API service may not reach enough parts in time.
func (s *Store) head(t *testing.T, api string, u Upload) (got Answer) {
	t.Helper()
	s.eventuallyFree(t, func() Answer {
		var err error
		got, err = s.DoWith(t.Context(), http.MethodHead, api+u.ID, tus(), nil)
		require.NoError(t, err)
		return got
	})
	return got
}

// eventuallyFree sends a request until the answer is another one than 423.
func (s *Store) eventuallyFree(t *testing.T, send func() Answer) {
	t.Helper()
	Eventually(t, 2*recoveryTimeout, func() error {
		if got := send(); got.Status == http.StatusLocked {
			return fmt.Errorf("status 423: %s", got.Body)
		}
		return nil
	})
}

// TryOffset is Offset that may fail while services are down.
func (s *Store) TryOffset(t *testing.T, api string, u Upload) (int, error) {
	t.Helper()
	got, err := s.DoWith(t.Context(), http.MethodHead, api+u.ID, tus(), nil)
	if err != nil {
		return 0, err
	}
	return u.offsetIn(t, got)
}

func (u Upload) offsetIn(t *testing.T, got Answer) (int, error) {
	t.Helper()
	if got.Status != http.StatusOK {
		require.Equal(t, http.StatusLocked, got.Status, "what tus clients take for: try again")
		return 0, fmt.Errorf("status %d", got.Status)
	}
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	require.Equal(t, strconv.Itoa(len(u.Body)), got.Header.Get("Upload-Length"))
	require.NotEmpty(t, got.Header.Get("Upload-Expires"))
	return strconv.Atoi(got.Header.Get("Upload-Offset"))
}

// Patch sends the bytes of an upload from one position up to another.
func (s *Store) Patch(t *testing.T, api string, u Upload, from, to int) Answer {
	t.Helper()
	got, err := s.DoWith(t.Context(), http.MethodPatch, api+u.ID, PatchHeader(from), u.Body[from:to])
	require.NoError(t, err)
	return got
}

// PatchHeader returns the header of a PATCH of bytes from a position on.
func PatchHeader(from int) http.Header {
	return tus("Upload-Offset", strconv.Itoa(from), "Content-Type", "application/offset+octet-stream")
}

// RequirePatch is Patch that must succeed.
func (s *Store) RequirePatch(t *testing.T, api string, u Upload, from, to int) {
	t.Helper()
	var got Answer
	s.eventuallyFree(t, func() Answer { got = s.Patch(t, api, u, from, to); return got })
	require.Equal(t, http.StatusNoContent, got.Status, "%s", got.Body)
	require.Equal(t, strconv.Itoa(to), got.Header.Get("Upload-Offset"))
}

// RequireUploaded checks that the object is there with one version, in the shards of a PUT.
func (s *Store) RequireUploaded(t *testing.T, u Upload) {
	t.Helper()
	s.RequireObject(t, u.Name, u.Body)
	require.Len(t, s.versionsOf(t, u.Name), 1)
	require.Equal(t, len(u.Body), s.Offset(t, s.API[0], u), "the last answer may be asked for again")
}

// BreakOff sends the header of a PATCH of all the rest and a part of its body, and closes the connection.
func (s *Store) BreakOff(t *testing.T, api string, u Upload, from, to int) {
	t.Helper()
	conn := s.dial(t, api)
	_, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", u.ID, from, len(u.Body)-from, u.Body[from:to])
	require.NoError(t, err)
	closeWrite(t, conn)
	_, _ = io.Copy(io.Discard, conn) // an answer that it ended, or a reset
	require.NoError(t, conn.Close())
}

// UploadFiles lists what data services have of uploads.
func (s *Store) UploadFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		list, err := filepath.Glob(filepath.Join(p.Root, "uploads", "*"))
		require.NoError(t, err)
		files = append(files, list...)
	}
	return files
}

func (s *Store) filesOf(t *testing.T, u Upload) (files []string) {
	t.Helper()
	for _, file := range s.UploadFiles(t) {
		if strings.Contains(file, filepath.Base(u.ID)) {
			files = append(files, file)
		}
	}
	return files
}

func uploadInPieces(t *testing.T, s *Store) {
	for _, size := range []int{1, 999, Stripe, Stripe + 1, 3*Stripe + 12_345} {
		u := s.BeginUpload(t, s.NewBody(size))
		piece := max(1, size/3)
		for from := 0; from < size; from += piece {
			api := s.API[from/piece%len(s.API)]
			require.Equal(t, from, s.Offset(t, api, u))
			s.RequirePatch(t, api, u, from, min(from+piece, size))
		}
		s.RequireUploaded(t, u)
		s.RequireLocated(t, u.Body, Shards)
	}
}

// uploadInTinyPieces sends pieces much smaller than a stripe.
func uploadInTinyPieces(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(20_010))
	for from := 0; from < 20_000; from += 1000 {
		s.RequirePatch(t, s.API[0], u, from, from+1000)
	}
	for from := 20_000; from < 20_010; from++ {
		s.RequirePatch(t, s.API[1], u, from, from+1)
	}
	s.RequireUploaded(t, u)
}

// uploadBreaksOff keeps what came, to the byte.
func uploadBreaksOff(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(5_000_000))
	at := 0
	for _, to := range []int{1_300_000, 1_300_001, 3 * Stripe, 4_999_999} {
		s.BreakOff(t, s.API[0], u, at, to)
		require.Equal(t, to, s.Offset(t, s.API[1], u))
		at = to
	}
	s.RequirePatch(t, s.API[1], u, at, len(u.Body))
	s.RequireUploaded(t, u)
}

func uploadOfNothing(t *testing.T, s *Store) {
	s.RequireUploaded(t, s.BeginUpload(t, nil))
}

// uploadInOneRequest is the extension creation-with-upload.
func uploadInOneRequest(t *testing.T, s *Store) {
	name, body := NewName(), s.NewBody(1_000_000)
	for _, sent := range []int{1_000_000, 400_000} {
		header := tus("Upload-Length", strconv.Itoa(len(body)), "Digest", digest(body), "Content-Type", "application/offset+octet-stream")
		got, err := s.DoWith(t.Context(), http.MethodPost, ObjectURL(s.API[0], name), header, body[:sent])
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, got.Status, "%s", got.Body)
		require.Equal(t, strconv.Itoa(sent), got.Header.Get("Upload-Offset"))
	}
	s.RequireObject(t, name, body)
}

func uploadWithMetadata(t *testing.T, s *Store) {
	encode := func(value string) string { return base64.StdEncoding.EncodeToString([]byte(value)) }
	metadata := "filename " + encode("世界.txt") + ", filetype " + encode("text/plain; charset=utf-8") + ",empty"
	u := s.BeginUpload(t, s.NewBody(10), "Upload-Metadata", metadata)
	head := s.head(t, s.API[1], u)
	require.Equal(t, metadata, head.Header.Get("Upload-Metadata"))
	s.RequirePatch(t, s.API[0], u, 0, 10)
	got := s.Get(t, u.Name)
	require.Equal(t, "世界.txt", got.Header.Get("X-Object-Meta-Filename"))
	require.Equal(t, "text/plain; charset=utf-8", got.Header.Get("Content-Type"))
}

// badUploadRequests are refused and change nothing.
func badUploadRequests(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(100_000))
	s.RequirePatch(t, s.API[0], u, 0, 50_000)
	object, unknown := "/objects/"+NewName(), "/uploads/"+strings.Repeat("0", 64)
	sum := digest(u.Body)
	for _, c := range []struct {
		method, path string
		header       http.Header
		size         int
		status       int
	}{
		{"POST", object, tus("Upload-Length", "10"), 0, 400},
		{"POST", object, tus("Digest", sum), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "-1"), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "0"), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Defer-Length", "1"), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "10", "Upload-Concat", "partial"), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "10", "Upload-Metadata", "filename x"), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "10", "Upload-Metadata", "a YQo="), 0, 400},
		{"POST", object, tus("Digest", sum, "Upload-Length", "10", "Upload-Metadata", "a:b YQ=="), 0, 400},
		{"POST", object, http.Header{"Digest": {sum}, "Upload-Length": {"10"}}, 0, 412},
		{"POST", object, tus("Digest", sum, "Upload-Length", "10", "Tus-Resumable", "0.2"), 0, 412},
		{"POST", "/objects/", tus("Digest", sum, "Upload-Length", "10"), 0, 400},
		{"PATCH", u.ID, PatchHeader(49_999), 1, 409},
		{"PATCH", u.ID, PatchHeader(50_001), 1, 409},
		{"PATCH", u.ID, PatchHeader(50_000), 50_001, 400},
		{"PATCH", u.ID, tus("Upload-Offset", "50000"), 1, 415},
		{"PATCH", u.ID, tus("Upload-Offset", "-1", "Content-Type", "application/offset+octet-stream"), 1, 400},
		{"PATCH", u.ID, tus("Content-Type", "application/offset+octet-stream"), 1, 400},
		{"PATCH", u.ID, http.Header{"Upload-Offset": {"50000"}}, 1, 412},
		{"PATCH", unknown, PatchHeader(0), 1, 404},
		{"DELETE", unknown, tus(), 0, 404},
		{"DELETE", "/uploads/..%2F..%2Fobjects%2Fx", tus(), 0, 404},
		{"DELETE", "/uploads/" + strings.Repeat("0", 63), tus(), 0, 404},
		{"DELETE", "/uploads/" + strings.Repeat("G", 64), tus(), 0, 404},
		{"DELETE", "/uploads/localhost:1", tus(), 0, 404},
		{"PUT", u.ID, tus(), 1, 405},
		{"GET", u.ID, tus(), 0, 405},
	} {
		got, err := s.DoWith(t.Context(), c.method, s.API[0]+c.path, c.header, s.NewBody(c.size))
		require.NoError(t, err)
		RequireError(t, c.status, got)
		if c.status == http.StatusConflict {
			require.Equal(t, "50000", got.Header.Get("Upload-Offset"))
		}
		if c.status == http.StatusPreconditionFailed {
			require.Equal(t, "1.0.0", got.Header.Get("Tus-Version"))
		}
		require.Equal(t, 50_000, s.Offset(t, s.API[1], u))
	}
	head, err := s.DoWith(t.Context(), http.MethodHead, s.API[0]+unknown, tus(), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, head.Status)
	s.RequirePatch(t, s.API[0], u, 50_000, 100_000)
	s.RequireUploaded(t, u)
}

func uploadOptions(t *testing.T, s *Store) {
	for _, path := range []string{"/objects/x", "/uploads/x", "/uploads"} {
		got, err := s.DoWith(t.Context(), http.MethodOptions, s.API[0]+path, http.Header{}, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, got.Status)
		require.Equal(t, "1.0.0", got.Header.Get("Tus-Version"))
		require.Equal(t, "creation,creation-with-upload,expiration,termination", got.Header.Get("Tus-Extension"))
	}
}

// uploadWithoutAnswer closes the connection before the last answer comes.
func uploadWithoutAnswer(t *testing.T, s *Store) {
	for _, size := range []int{1000, 2_000_000} {
		u := s.BeginUpload(t, s.NewBody(size), "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "gopher")
		s.BreakOff(t, s.API[0], u, 0, size)
		require.Equal(t, size, s.Offset(t, s.API[1], u))
		s.RequirePatch(t, s.API[1], u, size, size) // a client that sends its last request again
		s.RequireUploaded(t, u)
	}
}

// uploadWithMore sends more bytes than announced, without a length.
func uploadWithMore(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(1000))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.API[0]+u.ID, io.MultiReader(bytes.NewReader(u.Body), strings.NewReader("x")))
	require.NoError(t, err)
	request.Header = PatchHeader(0)
	response, err := s.HTTP.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	s.RequireUploaded(t, u)
}

// uploadOfWrongContent ends with the last byte, and leaves nothing.
func uploadOfWrongContent(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(700_000))
	s.RequirePatch(t, s.API[0], u, 0, 600_000)
	u.Body[650_000] ^= 1
	got := s.Patch(t, s.API[0], u, 600_000, 700_000)
	RequireError(t, http.StatusBadRequest, got)
	require.Equal(t, http.StatusNotFound, s.Get(t, u.Name).Status)
	s.requireGone(t, u)
}

func (s *Store) requireGone(t *testing.T, u Upload) {
	t.Helper()
	head := s.head(t, s.API[1], u)
	require.Equal(t, http.StatusNotFound, head.Status)
	if s.Cluster != nil {
		require.Empty(t, s.filesOf(t, u))
	}
}

func uploadTerminated(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(700_000))
	s.RequirePatch(t, s.API[0], u, 0, 600_000)
	got, err := s.DoWith(t.Context(), http.MethodDelete, s.API[1]+u.ID, tus(), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, got.Status, "%s", got.Body)
	s.requireGone(t, u)
	require.Equal(t, http.StatusNotFound, s.Patch(t, s.API[0], u, 600_000, 700_000).Status)
}

// uploadOfStoredContent still needs the body, and stores nothing twice.
func uploadOfStoredContent(t *testing.T, s *Store) {
	body := s.NewBody(100_000)
	_, files, contents := s.PutShards(t, body)
	u := s.BeginUpload(t, body)
	require.Zero(t, s.Offset(t, s.API[0], u))
	s.RequirePatch(t, s.API[0], u, 0, len(body))
	s.RequireUploaded(t, u)
	require.Equal(t, files, s.ShardFiles(body))
	require.NoError(t, s.checkShardFiles(body, contents))
}

// twoPatchesAtOnce go through both services: one wins, the other is told that the upload is in use.
func twoPatchesAtOnce(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(3_000_000))
	first, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.API[0]+u.ID, nil)
	require.NoError(t, err)
	reader, writer := io.Pipe()
	first.Body, first.ContentLength, first.Header = reader, int64(len(u.Body)), PatchHeader(0)
	answered := make(chan error, 1)
	go func() {
		response, err := s.HTTP.Do(first)
		if err == nil {
			_ = response.Body.Close() // its status is of interest
			if response.StatusCode != http.StatusNoContent {
				err = fmt.Errorf("status %d", response.StatusCode)
			}
		}
		answered <- err
	}()
	_, err = writer.Write(u.Body[:2*Stripe+1])
	require.NoError(t, err)
	s.AwaitBlocks(t, u)
	RequireError(t, http.StatusLocked, s.Patch(t, s.API[1], u, 0, 10))
	_, err = writer.Write(u.Body[2*Stripe+1:])
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, <-answered)
	s.RequireUploaded(t, u)
}

// AwaitBlocks waits until a data service has a block of an upload.
func (s *Store) AwaitBlocks(t *testing.T, u Upload) {
	t.Helper()
	const header = 56
	Eventually(t, recoveryTimeout, func() error {
		for _, file := range s.filesOf(t, u) {
			if info, err := os.Stat(file); err == nil && !strings.HasSuffix(file, ".record") && info.Size() > header {
				return nil
			}
		}
		return errors.New("no block yet")
	})
}

// uploadsExpire begins uploads and leaves them.
func uploadsExpire(t *testing.T, s *Store) {
	const uploads = 50
	s = s.Another(t, func(cfg *cluster.Config) { cfg.Env = []string{"UPLOAD_AGE=3s"} })
	for range uploads {
		u := s.BeginUpload(t, s.NewBody(1000))
		s.RequirePatch(t, s.API[0], u, 0, 500)
	}
	require.NotEmpty(t, s.UploadFiles(t))
	Eventually(t, time.Minute, func() error {
		if left := s.UploadFiles(t); len(left) > 0 {
			return fmt.Errorf("%d files are left", len(left))
		}
		return nil
	})
}

// uploadsOverRestarts kills API and data services: an offset that was told stays.
func uploadsOverRestarts(t *testing.T, s *Store) {
	u := s.BeginUpload(t, s.NewBody(5_000_000))
	s.RequirePatch(t, s.API[0], u, 0, 1_300_000)
	for _, p := range s.Cluster.Data {
		p.Kill()
	}
	// One record is lost, and one part had only begun.
	broken := filepath.Join(s.Cluster.Data[0].Root, "uploads", filepath.Base(u.ID))
	records, err := filepath.Glob(broken + ".*.record")
	require.NoError(t, err)
	require.NotEmpty(t, records)
	require.NoError(t, os.Truncate(records[0], 0))
	orphan := filepath.Join(s.Cluster.Data[1].Root, "uploads", strings.Repeat("0", 64)+".0")
	require.NoError(t, os.WriteFile(orphan, nil, 0o600))
	for _, p := range s.Cluster.Data {
		require.NoError(t, p.Resume())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	require.NoFileExists(t, orphan)
	Eventually(t, recoveryTimeout, func() error {
		at, err := s.TryOffset(t, s.API[1], u)
		if err == nil && at != 1_300_000 {
			err = fmt.Errorf("offset %d", at)
		}
		return err
	})
	s.RequirePatch(t, s.API[1], u, 1_300_000, 2_000_000)
	s.Cluster.API[1].Kill()
	require.Equal(t, 2_000_000, s.Offset(t, s.API[0], u))
	s.RequirePatch(t, s.API[0], u, 2_000_000, len(u.Body))
	s.RequireUploaded(t, u)
}
