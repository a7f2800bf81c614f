package watch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxLog   = 1 << 20 // bytes of one log that are read at once; what is before them is skipped
	maxLines = 25      // that are sent at once
	history  = 4 << 10 // bytes of each log that are shown when the page is opened
)

// line is one line of a service's log: a request, or a note about anything else.
type line struct {
	Time    time.Time     `json:"time"`
	Service string        `json:"service"`
	Method  string        `json:"method,omitempty"` // empty for a note
	Path    string        `json:"path,omitempty"`
	Status  int           `json:"status,omitempty"`
	MS      float64       `json:"ms"`
	Note    string        `json:"note,omitempty"`
	ID      string        `json:"id,omitempty"` // of the request that caused it
	took    time.Duration // MS
}

// logFile is a service's log, which is read like tail -f does.
type logFile struct {
	service, path string
	offset        int64
}

func (p *Page) openLogs() (logs []*logFile) {
	for _, process := range p.cfg.Cluster.All() {
		log := &logFile{service: process.Name, path: filepath.Join(p.cfg.Logs, process.Name+".log")}
		if info, err := os.Stat(log.path); err == nil {
			log.offset = max(0, info.Size()-history)
		}
		logs = append(logs, log)
	}
	return logs
}

// readLogs returns the new lines of all logs by time, and how many it leaves out.
func (s *stream) readLogs() (lines []line, skipped int) {
	for _, log := range s.logs {
		for text := range strings.Lines(log.read()) {
			if l := parse(strings.TrimSuffix(text, "\n")); l.isShown() {
				l.Service = log.service
				lines = append(lines, l)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.Time.Compare(b.Time) })
	skipped = max(0, len(lines)-maxLines)
	return lines[skipped:], skipped
}

// read returns the complete lines that were added. A log that cannot be read has none.
func (l *logFile) read() string {
	file, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer file.Close() // it was only read
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size <= l.offset {
		return ""
	}
	from := max(l.offset, size-maxLog)
	added := make([]byte, size-from)
	n, err := file.ReadAt(added, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	added = added[:n]
	end := bytes.LastIndexByte(added, '\n') + 1
	l.offset = from + int64(end)
	return string(added[:end])
}

// isShown excludes broken lines, such as the first one that is not read from its start, and the
// page's own requests.
func (l line) isShown() bool { return !l.Time.IsZero() && l.ID != pageID }

// parse reads what slog's TextHandler has written.
func parse(text string) (l line) {
	attrs, rest := fields(text)
	l.Time, _ = time.Parse(time.RFC3339Nano, attrs["time"]) // zero if it is broken
	l.Method, l.Path, l.ID = attrs["method"], attrs["path"], attrs["request_id"]
	l.Status, _ = strconv.Atoi(attrs["status"])   // 0 for a note
	l.took, _ = time.ParseDuration(attrs["took"]) // 0 for a note
	l.MS = float64(l.took.Microseconds()) / 1000
	switch {
	case l.Method == "":
		l.Note = rest
	case attrs["error"] != "":
		l.Note = attrs["error"]
	case attrs["msg"] != "request":
		l.Note = attrs["msg"]
	}
	return l
}

// fields returns the attributes of a line, and the part of it from the message on.
func fields(text string) (attrs map[string]string, fromMessage string) {
	attrs = map[string]string{}
	for text != "" {
		key, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		if key == "msg" {
			fromMessage = rest
		}
		value, after, _ := strings.Cut(rest, " ")
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			value, _ = strconv.Unquote(quoted) // it is quoted
			after = strings.TrimPrefix(rest[len(quoted):], " ")
		}
		attrs[key], text = value, after
	}
	return attrs, fromMessage
}
