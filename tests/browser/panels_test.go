package browser

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// uploads begins an upload, as a client of tus does, and then ends it.
func uploads(p *tab) {
	const first = 100_000
	content := bytes.Repeat([]byte("film "), 60_000)
	p.waits(`!document.getElementById("uploads-none").hidden`)
	location := p.begin("film", content)
	p.patch(location, 0, content[:first])
	p.waits(fmt.Sprintf(`document.querySelector('#upload-list tr[data-offset="%d"]') !== null`, first))
	require.Contains(p.t, p.text("#upload-list"), "film")
	require.Contains(p.t, p.text("#upload-list"), "33 %")
	require.Regexp(p.t, "[56] of 6 parts", p.text("#upload-list"), "one may be slow")
	p.patch(location, first, content[first:])
	p.waits(`document.getElementById("uploads").hidden && document.querySelector('[data-key="get film"]') !== null`)
}

// begin returns the address of an upload.
func (p *tab) begin(name string, content []byte) (location string) {
	p.t.Helper()
	api := get(p, chromedp.Evaluate[string](`JSON.parse(document.getElementById("setup").textContent).urls["apiservice-1"]`))
	sum := sha256.Sum256(content)
	answer := p.tus(http.MethodPost, api+"/objects/"+name, nil, map[string]string{
		"Upload-Length": strconv.Itoa(len(content)), "Digest": "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:]),
	})
	require.Equal(p.t, http.StatusCreated, answer.StatusCode)
	created, err := answer.Location()
	require.NoError(p.t, err)
	return created.String()
}

func (p *tab) patch(location string, offset int, content []byte) {
	p.t.Helper()
	answer := p.tus(http.MethodPatch, location, content, map[string]string{
		"Upload-Offset": strconv.Itoa(offset), "Content-Type": "application/offset+octet-stream",
	})
	require.Equal(p.t, http.StatusNoContent, answer.StatusCode)
}

func (p *tab) tus(method, url string, content []byte, header map[string]string) *http.Response {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, url, bytes.NewReader(content))
	require.NoError(p.t, err)
	request.Header.Set("Tus-Resumable", "1.0.0")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	said, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, answer.Body.Close())
	p.t.Logf("%s %s: %s %s", method, url, answer.Status, said)
	return answer
}

// saving puts a text, which takes a fraction of its size.
func saving(p *tab) {
	p.putText("poem", strings.Repeat("a rose is ", 2_000))
	p.sees("#chosen", "poem")
	share := func(row string) string { return fmt.Sprintf(`Number(document.getElementById(%q).dataset.share)`, row) }
	p.waits(share("saved-chosen") + " > 0.5")
	p.waits(fmt.Sprintf("%s > 0 && %[1]s < %s", share("saved-all"), share("saved-chosen")))
	require.Contains(p.t, p.text("#saved-chosen"), "29.") // KiB, 1.5 times the object
	p.click(`[data-key="choose photo"]`)
	p.waits(share("saved-chosen") + " <= 0") // random bytes
}

// maintenance sees the pass that the first API service makes.
func maintenance(p *tab) {
	value := func(term string) string {
		return fmt.Sprintf(`Number(document.querySelector('[data-term=%q] dd')?.textContent)`, term)
	}
	p.waits(value("passes") + " >= 1")
	p.waits(value("lost") + " === 0")
	p.sees("#upkeep-holder", "by the API service on localhost:")
}
