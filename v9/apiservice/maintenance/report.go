package maintenance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"gostore/common/httpd"
)

// Report is what GET /maintenance answers. It is in the document of the lease, so every API service has it,
// and the next holder goes on with it. Counts are of all passes and scans so far.
type Report struct {
	Summary string    `json:"summary"`
	Holder  string    `json:"holder"` // "" if no API service works
	Until   time.Time `json:"until"`

	Passes          int64     `json:"passes"`
	LastPass        time.Time `json:"lastPass"`
	Stopped         string    `json:"stopped"` // why the last pass did not come to its end
	KnownVersions   int64     `json:"knownVersions"`
	Contents        int64     `json:"contents"`
	VersionsRemoved int64     `json:"versionsRemoved"`
	OrphansRemoved  int64     `json:"orphansRemoved"`
	BytesFreed      int64     `json:"bytesFreed"`

	Scans     int64     `json:"scans"`
	ScanBegan time.Time `json:"scanBegan"`
	ScanEnded time.Time `json:"scanEnded"` // of the scan before, while one is in progress
	Cursor    string    `json:"cursor"`    // how far that has come
	Shards    int64     `json:"shards"`
	Bytes     int64     `json:"bytes"`
	Missing   int64     `json:"missing"` // shards, as all that follow
	Corrupt   int64     `json:"corrupt"`
	Repaired  int64     `json:"repaired"`
	Surplus   int64     `json:"surplus"`
	Moved     int64     `json:"moved"`
	Lost      []Lost    `json:"lost"` // as of the last scan
}

// Lost is content that cannot be read any more, with the versions that name it; not all of them, if they are
// many.
type Lost struct {
	Hash     string        `json:"hash"`
	Versions []LostVersion `json:"versions"`
	Found    time.Time     `json:"found"`
}

// LostVersion is a version of lost content.
type LostVersion struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

func (r *Report) summary() string {
	if r.Passes+r.Scans == 0 {
		return "there was no maintenance yet: set KEEP_VERSIONS, ORPHAN_AGE or SCAN_INTERVAL"
	}
	line := fmt.Sprintf("pass %d at %s: %d contents; %d versions and %d orphans removed so far, %d bytes freed; "+
		"%d scans, %d shards read, %d missing, %d corrupt, %d repaired; %d contents are lost",
		r.Passes, r.LastPass.UTC().Format(time.RFC3339), r.Contents, r.VersionsRemoved, r.OrphansRemoved, r.BytesFreed,
		r.Scans, r.Shards, r.Missing, r.Corrupt, r.Repaired, len(r.Lost))
	if r.Stopped != "" {
		line += "; it stopped: " + r.Stopped
	}
	return line
}

// Handler answers GET /maintenance with a Report.
func Handler(m *Maintainer) http.Handler {
	return httpd.Methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		_, report, err := m.read(r.Context())
		if err != nil {
			return err
		}
		report.Summary = report.summary()
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}}
}
