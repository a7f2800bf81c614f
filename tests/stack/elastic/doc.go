// Package elastic is a small search server that speaks as much of Elasticsearch 7.17's HTTP as
// go-store needs through github.com/olivere/elastic/v7, and stands in for Elasticsearch where there is
// none. Package conformance says what that is, and compares the answers with the real server's.
//
// What it promises: a write that was acknowledged is on disk, also after kill -9. Reads by id see it
// at once; a search sees it after a refresh: when that is asked for, or an index.refresh_interval (1 s)
// after the write. Writes happen one after the other, in one order for all indices, so op_type=create
// and if_seq_no have one winner, and a write block is complete when it is answered.
//
// What it costs, for an index of n documents: a write or a read by id is a few B+tree descents; a
// query for values or prefixes of a field, or a range, goes through its matches only; a page of a sort
// by an indexed field, with search_after or a point in time, goes through that page and the documents
// with the same value as its ends, if the query matches all or bounds that field and the total is not
// asked for (track_total_hits false) or is that of all documents. Another sort or query may go through
// all n. Memory is that of one answer: a search keeps twice from+size hits at most, a terms aggregation
// on one index twice its size in buckets, on several all distinct values. The data is in the file (and
// the kernel's cache): about 1 kB for a document of 100 bytes with four fields. A point in time keeps old
// pages from being reused, and so does an index with refresh_interval -1 that nobody refreshes: the file
// grows with what is written meanwhile, and never shrinks. It is bounded at 64 GB.
//
// What is simplified: one node and one shard, whatever number_of_shards says. There are no scores: every
// score is 1. Fields are keyword, text (cut into words roughly), long, integer, double, float, boolean
// and object; dynamic mapping does not take strings for dates. There are no scroll, scripts, updates,
// routing and no _delete_by_query (a module that the real server can lack too). An index is refreshed by
// itself whether anybody searches it or not; the versions of deleted documents are forgotten with the
// process; the primary term is always 1. What is not there is refused, never ignored.
//
// Reading order: server.go, routes.go and docs.go for a write's way in, store.go for commits and
// snapshots, translog.go and write.go for what is on disk; then search.go, query.go and view.go for a search, sort.go and
// aggs.go for its parts. mapping.go, fields.go and value.go turn documents into keys.
package elastic
