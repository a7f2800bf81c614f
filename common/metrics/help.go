package metrics

import "strings"

// withHelp fills in the lines HELP, which the library leaves empty.
func withHelp(text string) string {
	var pairs []string
	for name, help := range helps() {
		line := "# HELP gostore_" + name
		pairs = append(pairs, line+"\n", line+" "+help+"\n")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func helps() map[string]string {
	return map[string]string{
		"http_requests_total":          "Requests that were answered.",
		"http_request_seconds":         "From when the header was read to the end of the answer.",
		"http_received_bytes_total":    "Bytes of bodies that clients sent.",
		"http_sent_bytes_total":        "Bytes of bodies of answers.",
		"http_in_flight":               "Requests that are being answered, or wait for their turn.",
		"broker_reconnects_total":      "Connections to RabbitMQ after the first.",
		"locate_seconds":               "From the question where an object is to the last answer that was needed.",
		"locate_answers_missing_total": "Answers of live data services that did not come in time.",
		"elasticsearch_requests_total": "Requests to Elasticsearch by the status of the answer, 0 for none.",
		"elasticsearch_errors_total":   "Requests to Elasticsearch that failed; not 404 and 409.",
		"shards_repaired_total":        "Shards that were made anew.",
		"disk_free_bytes":              "Bytes that are free for new files; NaN if the disk does not answer.",
		"objects_known":                "Shards, or in chapter 4 contents, that are held.",
		"shards_written_total":         "Shards that became durable.",
		"shards_read_total":            "Reads of a shard, or of a part of it, for API services.",
		"shards_corrupt_total":         "Checks that found a shard corrupt or unreadable.",
	}
}
