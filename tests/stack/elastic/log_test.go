package elastic

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// volatile is a file that loses what was not synced, as one does when the power fails.
type volatile struct{ seen, synced []byte }

func (v *volatile) ReadAt(p []byte, at int64) (int, error) {
	return strings.NewReader(string(v.seen)).ReadAt(p, at)
}
func (v *volatile) Truncate(size int64) error { v.seen = v.seen[:size]; return nil }
func (v *volatile) Close() error              { return nil }

func (v *volatile) WriteAt(p []byte, at int64) (int, error) {
	v.seen = append(v.seen[:at:at], p...)
	return len(p), nil
}

func (v *volatile) Sync() error {
	time.Sleep(time.Millisecond) // an answer that does not wait comes first
	v.synced = append([]byte(nil), v.seen...)
	return nil
}

// TestAnswersAreOnDisk has the power fail after each answer.
func TestAnswersAreOnDisk(t *testing.T) {
	var disk []byte
	for _, step := range strings.Split(strings.TrimSpace(`
200 PUT /_index_template/m {"index_patterns":["m-*"],"template":{"mappings":{"dynamic":"strict","properties":{"name":{"type":"keyword"}}}}}
200 PUT /m-000001 {"aliases":{"m":{"is_write_index":true}}}
201 PUT /m/_doc/a?op_type=create {"name":"a"}
200 POST /m-000001/_bulk {"create":{"_id":"b"}}\n{"name":"b"}\n
409 PUT /m/_doc/b?op_type=create {"name":"b"}
200 GET /m/_doc/a
200 PUT /m-000001/_block/write
403 PUT /m/_doc/c {"name":"c"}
200 POST /m/_rollover/m-000002
201 PUT /m/_doc/c {"name":"c"}
200 PUT /m/_doc/c?if_seq_no=0&if_primary_term=1 {"name":"c"}
400 PUT /m/_doc/d {"other":"d"}
200 DELETE /m-000001
201 PUT /m/_doc/torn {"name":"torn"}
404 GET /m/_doc/torn`), "\n") {
		words := append(strings.SplitN(step, " ", 4), "")
		if strings.HasPrefix(step, "404 GET /m/_doc/torn") {
			disk[strings.LastIndex(string(disk), `"torn"`)]++
		}
		f := &volatile{seen: disk}
		server, err := listen("127.0.0.1:0", f)
		require.NoError(t, err)
		answer, body := httptest.NewRecorder(), strings.NewReader(strings.ReplaceAll(words[3], `\n`, "\n"))
		server.http.Handler.ServeHTTP(answer, httptest.NewRequest(words[1], words[2], body))
		disk = f.synced
		require.Equal(t, words[0], answer.Result().Status[:3], step)
		require.NoError(t, server.Close())
	}
}
