package locate

import (
	"encoding/json"
	"net/http"

	"gostore/chapter9/apiservice/placement"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Handler answers GET /locate/HASH with a map of shard to the address of the data service that holds
// it, as JSON, or 404, or 503 if the answer is not sure. The hash is base64, percent-encoded.
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
		places, sure, err := l.Locate(r.Context(), content.Hex())
		switch {
		case err != nil:
			return err
		case places.Known() == 0 && !sure:
			return httpd.Unavailable("not all data services answer: try again")
		case places.Known() == 0:
			return httpd.Errorf(http.StatusNotFound, "no data service holds a shard of this content")
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(byShard(places))
	}}
}

// byShard leaves out the shards that no data service is known to hold.
func byShard(places placement.Places) map[int]string {
	held := map[int]string{}
	for shard, address := range places {
		if address != "" {
			held[shard] = address
		}
	}
	return held
}
