package store

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"gostore/common/httpd"
)

// ErrOtherEncoding is returned by Keep for a shard that cannot be decoded together with the one that is there.
var ErrOtherEncoding = errors.New("an intact shard of another encoding is there")

// Keep stores a whole shard under name, durably, and returns for how long the caller may rely on it: it is
// Commit and Claim in one. If the very same bytes are there already, it writes nothing. A file that is not
// intact is replaced and quarantined. The error is 400 if file is not a shard of that name.
func (s *Store) Keep(name string, file []byte) (time.Duration, error) {
	encoding, err := verifyFile(bytes.NewReader(file), int64(len(file)), name, io.Discard)
	if err != nil {
		return 0, httpd.Errorf(http.StatusBadRequest, "not what %.80q names: %v", name, err)
	}
	defer s.lock(name)()
	s.uses.note(name)
	there := s.indexed(name)
	if there {
		if s.equals(name, file) {
			return s.uses.age / 2, nil
		}
		if held, err := s.verify(name, io.Discard); err == nil && held != encoding {
			return 0, ErrOtherEncoding
		}
	}
	if err := s.write(name, file, there); err != nil {
		return 0, err
	}
	s.counts.Written.Inc()
	s.add(name)
	return s.uses.age / 2, nil
}

// equals reports whether the file under name can be read now and has those bytes.
func (s *Store) equals(name string, file []byte) bool {
	f, size, err := s.dir.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() // opened for reading
	if size != int64(len(file)) {
		return false
	}
	held, err := io.ReadAll(f)
	return err == nil && bytes.Equal(held, file)
}

// write makes a file durable and then visible. replaced says that there is another under that name.
func (s *Store) write(name string, file []byte, replaced bool) error {
	t, err := s.dir.Create(int64(len(file)))
	if err != nil {
		return err
	}
	if _, err := t.Append(bytes.NewReader(file)); err != nil {
		return errors.Join(err, t.Drop())
	}
	if replaced {
		return t.Replace(name)
	}
	return t.Commit(name)
}
