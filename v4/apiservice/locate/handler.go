package locate

import (
	"encoding/json"
	"net/http"

	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Handler answers GET /locate/HASH with the address of the data service that holds that content, as
// JSON, or 404, or 503 if the answer is not sure. The hash is base64, percent-encoded.
func Handler(l *Locator) http.Handler {
	return httpd.Methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		name, err := names.FromPath(r.URL.EscapedPath())
		if err != nil {
			return err
		}
		content, err := hash.Parse(name)
		if err != nil {
			return err
		}
		address, sure, err := l.Locate(r.Context(), content.Hex())
		switch {
		case err != nil:
			return err
		case address == "" && !sure:
			return httpd.Unavailable("not all data services answer: try again")
		case address == "":
			return httpd.Errorf(http.StatusNotFound, "no data service holds this content")
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(address)
	}}
}
