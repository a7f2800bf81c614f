package watch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	recordSuffix = ".record"
	maxUploads   = 50 // that are shown
)

// upload is one that is under way, as a HEAD would tell it. It is read from the records, because a HEAD
// claims the upload: the client's next PATCH could meet 423.
type upload struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	Parts  int    `json:"parts"` // that have come to the offset
}

// record is that of one part, see docs/format.md.
type record struct {
	claim int64 // the number of the last one
	state struct {
		Name         string
		Size, Offset int64
		Complete     bool
	}
	size int64 // of the file, and its time
	time time.Time
}

// uploads are the records by file, as they were when they were written last.
type uploads struct {
	records map[string]record
	sent    []upload
}

// changed returns the uploads if they are not what was sent.
func (u *uploads) changed(roots []string) []upload {
	u.read(roots)
	now := underWay(u.records)
	if reflect.DeepEqual(now, u.sent) {
		return nil
	}
	u.sent = now
	return now
}

func (u *uploads) read(roots []string) {
	before := u.records
	u.records = map[string]record{}
	for _, root := range roots {
		dir := filepath.Join(root, "uploads")
		entries, _ := list(dir)
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil || !strings.HasSuffix(entry.Name(), recordSuffix) {
				continue
			}
			path := filepath.Join(dir, entry.Name())
			last := before[path]
			if last.size != info.Size() || !last.time.Equal(info.ModTime()) {
				last = readRecord(path)
				last.size, last.time = info.Size(), info.ModTime()
			}
			u.records[path] = last
		}
	}
}

// readRecord returns one without a claim if it cannot be read.
func readRecord(path string) (r record) {
	content, err := os.ReadFile(path)
	line, state, _ := bytes.Cut(content, []byte("\n"))
	if err != nil || json.Unmarshal(state, &r.state) != nil {
		return record{}
	}
	if _, err := fmt.Sscan(string(line), &r.claim); err != nil {
		return record{}
	}
	return r
}

// underWay returns the uploads that are not complete, by their IDs.
func underWay(records map[string]record) []upload {
	parts := map[string][]record{}
	for path, r := range records {
		id, _, _ := strings.Cut(filepath.Base(path), ".")
		if r.claim > 0 {
			parts[id] = append(parts[id], r)
		}
	}
	found := []upload{}
	for id, records := range parts {
		if u, complete := uploadOf(id, records); !complete {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b upload) int { return cmp.Compare(a.ID, b.ID) })
	return found[:min(len(found), maxUploads)]
}

// uploadOf chooses the offset as an API service does: the highest that four parts of the last claim have
// reached.
func uploadOf(id string, parts []record) (u upload, complete bool) {
	newest := slices.MaxFunc(parts, func(a, b record) int { return cmp.Compare(a.claim, b.claim) }).claim
	parts = slices.DeleteFunc(parts, func(r record) bool { return r.claim < newest })
	slices.SortFunc(parts, func(a, b record) int { return cmp.Compare(b.state.Offset, a.state.Offset) })
	at := parts[min(dataShards, len(parts))-1].state
	u = upload{ID: id, Name: at.Name, Size: at.Size, Offset: at.Offset}
	for _, r := range parts {
		if r.state.Offset >= at.Offset {
			u.Parts++
		}
	}
	return u, at.Complete
}
