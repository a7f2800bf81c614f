package conformance

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CompareElasticsearch sends the same requests to two servers (http://host:port) and requires the
// same answers of both: the status, and the body but for what no client can rely on.
func CompareElasticsearch(t *testing.T, reference, other string) {
	for _, part := range strings.Split(strings.TrimSpace(script), "\n\n") {
		lines := strings.Split(part, "\n")
		t.Run(strings.TrimPrefix(lines[0], "# "), func(t *testing.T) {
			want, got := newScripted(t, reference), newScripted(t, other)
			for _, request := range lines[1:] {
				require.Equal(t, want.ask(t, request), got.ask(t, request), request)
			}
		})
	}
}

// script is what is sent: parts that begin with a name, and in them one request a line, "METHOD /path
// body". @ stands for a prefix of the run's own, $PIT for the last point in time, \n for a line break.
//
//go:embed elasticsearch_script.txt
var script string

// scripted is a client that fills in what a script leaves open.
type scripted struct {
	*elasticsearch
	pit string // the last point in time that was opened
}

func newScripted(t *testing.T, url string) *scripted {
	return &scripted{elasticsearch: newElasticsearch(t, url)}
}

// ask returns an answer in the form in which it is compared.
func (s *scripted) ask(t *testing.T, line string) string {
	t.Helper()
	line = strings.NewReplacer("@", s.prefix, "$PIT", s.pit, `\n`, "\n").Replace(line)
	method, rest, _ := strings.Cut(line, " ")
	path, body, _ := strings.Cut(rest, " ")
	status, text, err := s.send(method+" "+path, body)
	require.NoError(t, err)
	var answer any
	if text != "" {
		decoder := json.NewDecoder(strings.NewReader(strings.ReplaceAll(text, s.prefix, "@")))
		require.NoError(t, decoder.Decode(&answer), text)
	}
	if object, ok := answer.(map[string]any); ok && strings.Contains(path, "/_pit?") {
		s.pit, _ = object["id"].(string) // none: the status says why
		object["id"] = "a point in time"
	}
	shown, err := json.MarshalIndent(stable(answer), "", "  ")
	require.NoError(t, err)
	return fmt.Sprintf("%d %s", status, shown)
}

// stable leaves out of an answer what differs from run to run, and what is for people:
//   - took, and _shards (how many copies there are is the cluster's affair)
//   - names that the server makes up: uuid, index_uuid, node, pit_id, creation_date; routing is about nodes
//   - reason, caused_by, line, col, failed_shards of errors, and errors that are only a text: what is
//     compared is each error's type, status and root cause
//   - resource.type, which says how the server looked for an index
//   - scores: the embedded server has none, so all that is not null is 1
func stable(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, inner := range v {
			switch name {
			case "took", "_shards", "uuid", "index_uuid", "node", "pit_id", "creation_date", "routing",
				"reason", "caused_by", "line", "col", "failed_shards", "resource.type":
				continue
			case "_score", "max_score":
				if inner != nil {
					inner = 1
				}
			case "error":
				if _, isText := inner.(string); isText {
					inner = "a text"
				}
			}
			kept[name] = stable(inner)
		}
		return kept
	case []any:
		list := make([]any, len(v))
		for i, inner := range v {
			list[i] = stable(inner)
		}
		return list
	}
	return value
}
