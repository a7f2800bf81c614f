package watch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// follow answers GET /requests/ID with the lines that services have logged for a request, by time: what
// grep and sort would find, but of long logs only the end.
func (p *Page) follow(w http.ResponseWriter, r *http.Request) {
	var found []string
	for _, log := range p.openLogs() {
		log.offset = 0
		for text := range strings.Lines(log.read()) {
			if attrs, _ := fields(strings.TrimSuffix(text, "\n")); attrs["request_id"] == r.PathValue("id") {
				found = append(found, text)
			}
		}
	}
	slices.Sort(found) // a line begins with its time
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, strings.Join(found, "")) //nolint:errcheck // if it fails the page is closed
}
