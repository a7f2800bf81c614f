package locate

import (
	"encoding/json"
	"net/http"

	"gostore/common/httpd"
	"gostore/common/names"
)

// Handler answers GET /locate/NAME with the address of the data service that holds the object, as
// JSON, or 404, or 503 if the answer is not sure.
func Handler(l *Locator) http.Handler {
	return httpd.Methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		name, err := names.FromPath(r.URL.EscapedPath())
		if err != nil {
			return err
		}
		address, sure, err := l.Locate(r.Context(), name)
		switch {
		case err != nil:
			return err
		case address == "" && !sure:
			return httpd.Unavailable("not all data services answer: try again")
		case address == "":
			return httpd.Errorf(http.StatusNotFound, "no data service holds this object")
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(address)
	}}
}
