package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// The page itself is tested in a browser: see tests/browser.

func TestOnlyLoopback(t *testing.T) {
	p := &Page{token: "secret"}
	served := p.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost:12300": http.StatusOK, "127.0.0.1:12300": http.StatusOK, "[::1]:12300": http.StatusOK,
		"rebound.example:12300": http.StatusForbidden, "192.168.0.1:12300": http.StatusForbidden,
		"localhost.example:12300": http.StatusForbidden, "localhost": http.StatusForbidden, "": http.StatusForbidden,
	} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		served.ServeHTTP(answer, request)
		require.Equal(t, want, answer.Code, host)
	}
}

// TestActionsNeedTheToken sends every request that does something, and those for objects' bytes.
func TestActionsNeedTheToken(t *testing.T) {
	p := &Page{token: "secret"}
	served := p.guard(p.routes())
	for _, token := range []string{"", "wrong", "secre", "secrets"} {
		for _, target := range []string{
			"POST /services/dataservice-1/kill", "POST /servers/broker/stop", "POST /services/dataservice-1/files/a/corrupt",
			"GET /store/apiservice-1/objects/a", "PUT /store/apiservice-1/objects/a", "DELETE /store/apiservice-1/objects/a",
		} {
			method, path, _ := strings.Cut(target, " ")
			request := httptest.NewRequest(method, "http://localhost:12300"+path, nil)
			request.Header.Set("X-Token", token)
			answer := httptest.NewRecorder()
			served.ServeHTTP(answer, request)
			require.Equal(t, http.StatusForbidden, answer.Code, target)
		}
	}
}

func TestParse(t *testing.T) {
	request := parse(`time=2026-11-29T02:07:56.123+01:00 level=INFO msg=request method=GET path=/objects/a%2Fb status=200 bytes=5 took=1.25ms from=127.0.0.1:5`)
	require.Equal(t, line{Time: request.Time, Method: "GET", Path: "/objects/a%2Fb", Status: 200, MS: 1.25, took: 1250 * time.Microsecond}, request)
	require.True(t, request.isShown())
	failed := parse(`time=2026-11-29T02:07:56Z level=WARN msg=request method=PUT path="/a b" status=503 took=2s error="no \"data\" service"`)
	require.Equal(t, `no "data" service`, failed.Note)
	require.Equal(t, "/a b", failed.Path)
	note := parse(`time=2026-11-29T02:07:56Z level=INFO msg=repaired hash="a=" shards=2`)
	require.Equal(t, `repaired hash="a=" shards=2`, note.Note)
	require.False(t, parse(`ethod=GET path=/objects/a status=200`).isShown(), "the rest of a line")
	require.False(t, parse(`panic: something`).isShown())
}

// TestHeartbeat hears heartbeats with and without the number of bytes that are free.
func TestHeartbeat(t *testing.T) {
	m := &messages{opened: time.Now(), beats: map[string]time.Time{}}
	m.hear("apiServers", "localhost:12345 1099511627776")
	m.hear("apiServers", "localhost:12346")
	for _, address := range []string{"localhost:12345", "localhost:12346"} {
		require.False(t, m.age(address).Silent, address)
	}
	require.True(t, m.age("localhost:12347").Silent)
	require.Equal(t, message{"apiServers", "localhost:12345"}, m.take().Items[0], "the page finds the sender by it")
}

// shardFile returns a shard file of two stripes, as docs/format.md has it. From version 3 on the
// first is compressed.
func shardFile(version byte) (name string, file []byte) {
	const size = 4*blockSize + 10 // the blocks of the second stripe have 3 bytes, in version 4 all 10
	hash := sha256.Sum256([]byte("an object"))
	file = append([]byte("gors"), version, 5, dataShards, 2)
	file = binary.BigEndian.AppendUint32(file, blockSize)
	file = binary.BigEndian.AppendUint64(file, size)
	file = append(file, hash[:]...)
	table := crc32.MakeTable(crc32.Castagnoli)
	seed := crc32.Checksum(file, table)
	file = binary.BigEndian.AppendUint32(file, seed)
	blocks, entries := [][]byte{bytes.Repeat([]byte{7}, blockSize), {1, 2, 3}}, []byte(nil)
	switch version {
	case 3:
		blocks[0] = blocks[0][:100]
		entries = []byte{0, 0, 1, 0x8f, 9, 9, 9, 9, 0x80, 0, 0, 10, 9, 9, 9, 9}
	case 4:
		blocks = [][]byte{blocks[0][:399], {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
		entries = []byte{0, 0, 1, 0x8f, 9, 9, 9, 9, 9, 9, 9, 9, 0x80, 0, 0, 10, 9, 9, 9, 9, 9, 9, 9, 9}
	}
	for stripe, block := range blocks {
		file = binary.BigEndian.AppendUint32(append(file, block...), crc32.Update(seed+uint32(stripe), table, block))
	}
	if entries != nil {
		file = binary.BigEndian.AppendUint32(append(file, entries...), crc32.Update(seed+2, table, entries))
	}
	return hex.EncodeToString(hash[:]) + ".5", file
}

// TestCheckShard damages a shard file in every way that matters.
func TestCheckShard(t *testing.T) {
	for _, version := range []byte{2, 3, 4} {
		checkEveryDamage(t, version)
	}
	name, file := shardFile(5)
	require.Equal(t, unverified, checkShard(bytes.NewReader(file), name))
}

func checkEveryDamage(t *testing.T, version byte) {
	name, file := shardFile(version)
	require.Equal(t, intact, checkShard(bytes.NewReader(file), name))
	for at := range file {
		if at > 200 && at < len(file)-200 && at%1000 != 0 {
			continue
		}
		damaged := bytes.Clone(file)
		damaged[at] ^= 1
		require.Equal(t, corrupt, checkShard(bytes.NewReader(damaged), name), at)
	}
	require.Equal(t, corrupt, checkShard(bytes.NewReader(file[:len(file)-1]), name))
	require.Equal(t, corrupt, checkShard(bytes.NewReader(append(file, 0)), name))
	require.Equal(t, corrupt, checkShard(bytes.NewReader(file), strings.Replace(name, ".5", ".4", 1)), "another shard's name")
	require.Equal(t, corrupt, checkShard(bytes.NewReader(nil), name))
}

// TestCorruptByte types the command that corruptByte returns into a shell: it does the same.
func TestCorruptByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a reader's file")
	content := []byte("0123456789")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	command, err := corruptByte(path)
	require.NoError(t, err)
	damaged, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "01234", string(damaged[:5]))
	require.Equal(t, "6789", string(damaged[6:]))
	require.Equal(t, content[5]^0xff, damaged[5])
	require.Contains(t, command, `printf '\312' | dd of=`)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
	require.NoError(t, err, "%s", out)
	typed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, damaged, typed)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = corruptByte(empty)
	require.ErrorContains(t, err, "no byte to corrupt")
}

// TestTexts checks that each text is there in both languages, with the same values in it, and used.
func TestTexts(t *testing.T) {
	file, err := assets.ReadFile("assets/text.json")
	require.NoError(t, err)
	var texts map[string]struct{ EN, ZH string }
	require.NoError(t, json.Unmarshal(file, &texts))
	source := sources(t)
	values := regexp.MustCompile(`\{\d\}`)
	for key, text := range texts {
		require.NotEmpty(t, text.EN, key)
		require.NotEmpty(t, text.ZH, key)
		require.ElementsMatch(t, values.FindAllString(text.EN, -1), values.FindAllString(text.ZH, -1), key)
		require.Regexp(t, `\.T\.`+key+`\}|"`+key+`"|\b`+key+`: "`, source, "no script and no element uses the text")
	}
	for _, found := range regexp.MustCompile(`\.T\.(\w+)\}|\bt\("(\w+)"`).FindAllStringSubmatch(source, -1) {
		require.Contains(t, texts, found[1]+found[2], "there is no such text")
	}
}

// sources returns the scripts and the page.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files, err := fs.Glob(assets, "assets/*.[jh]*")
	require.NoError(t, err)
	for _, file := range files {
		if filepath.Ext(file) == ".json" {
			continue
		}
		source, err := assets.ReadFile(file)
		require.NoError(t, err)
		all.Write(source)
	}
	return all.String()
}

func TestLanguage(t *testing.T) {
	for _, test := range []struct{ query, accept, want string }{
		{"", "", "en"}, {"", "zh-CN,zh;q=0.9,en;q=0.8", "zh"}, {"", "en-US,zh;q=0.5", "en"}, {"", "fr", "en"},
		{"?lang=zh", "en", "zh"}, {"?lang=en", "zh-TW", "en"},
	} {
		request := httptest.NewRequest(http.MethodGet, "/"+test.query, nil)
		request.Header.Set("Accept-Language", test.accept)
		require.Equal(t, test.want, languageOf(request), test)
	}
}

func TestListing(t *testing.T) {
	var l listing
	for n := range int64(maxVersions + 5) {
		l.add("many", version{Version: n + 1})
	}
	l.add("one", version{Version: 1})
	require.Len(t, l.Objects, 2)
	require.Len(t, l.Objects[0].Versions, maxVersions)
	require.EqualValues(t, maxVersions+5, l.Objects[0].Versions[maxVersions-1].Version, "the newest are shown")
	require.False(t, l.More)
	for n := range maxNames {
		l.add(fmt.Sprint(n), version{})
	}
	require.True(t, l.More)
	require.Len(t, l.Objects, maxNames)
}

// TestFollow finds the lines of a request in two logs.
func TestFollow(t *testing.T) {
	p := &Page{cfg: Config{Logs: t.TempDir(), Cluster: &cluster.Cluster{API: []*cluster.Process{{Name: "a"}}, Data: []*cluster.Process{{Name: "d"}}}}}
	first, second := "time=2026-11-29T02:07:56.1Z msg=request request_id=one\n", "time=2026-11-29T02:07:56.2Z msg=request request_id=one\n"
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(p.cfg.Logs, name), []byte(text), 0o600))
	}
	write("a.log", "time=2026-11-29T02:07:55Z msg=request request_id=other\n"+second+second[:20])
	write("d.log", first+"time=2026-11-29T02:07:57Z msg=\"request_id=one\"\n")
	answer := httptest.NewRecorder()
	p.routes().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/requests/one", nil))
	require.Equal(t, first+second, answer.Body.String())
}
