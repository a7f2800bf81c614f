package watch

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"path/filepath"
	"strings"
)

//go:embed assets
var assets embed.FS

// index serves the page in the language of ?lang= or else of the browser.
func (p *Page) index(w http.ResponseWriter, r *http.Request) {
	page, err := template.ParseFS(assets, "assets/index.html")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	language := languageOf(r)
	texts, err := textsIn(language)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{ // if it fails the page is closed
		"Language": language,
		"Chapter":  filepath.Base(p.cfg.Chapter),
		"T":        texts,
		"Has":      p.has,
		"Setup":    p.setup(),
	})
}

// setup is what the scripts know of the chapter.
func (p *Page) setup() map[string]any {
	var names []string
	urls := map[string]string{}
	for _, api := range p.cfg.Cluster.API {
		names = append(names, api.Name)
		urls[api.Name] = api.URL()
	}
	return map[string]any{"has": p.has, "ours": p.ours(), "api": names, "urls": urls, "logs": p.cfg.Logs}
}

func languageOf(r *http.Request) string {
	asked := r.FormValue("lang")
	if asked == "" {
		asked, _, _ = strings.Cut(r.Header.Get("Accept-Language"), ",")
	}
	if strings.HasPrefix(strings.ToLower(asked), "zh") {
		return "zh"
	}
	return "en"
}

// textsIn returns the texts of the page in one language. assets/text.json has both beside each
// other.
func textsIn(language string) (map[string]string, error) {
	file, err := assets.ReadFile("assets/text.json")
	if err != nil {
		return nil, err
	}
	var both map[string]struct{ EN, ZH string }
	if err := json.Unmarshal(file, &both); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for key, text := range both {
		texts[key] = text.EN
		if language == "zh" {
			texts[key] = text.ZH
		}
	}
	return texts, nil
}
