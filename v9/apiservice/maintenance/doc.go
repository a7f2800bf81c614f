// Package maintenance keeps a store in order that runs for years: old versions and content that no version
// names go, and every shard is read before a client finds that it is damaged.
//
// One API service at a time works, under a lease in Elasticsearch, so that the work is done once. Nothing
// depends on the lease for being right: two that work at the same time, one of them frozen for a day, remove
// nothing that is needed either.
//
// # Versions
//
// The document of a version is never removed, since es.Client depends on versions without gaps. A name has a
// floor, which only rises: versions below it are neither found nor listed, and are no reference to content.
//
// # Orphans
//
// An orphan is content that no version at or above its floor names. What must not happen: a client
// got 200 for a PUT, and its content is removed. A PUT stores content, or finds it stored, and adds a version
// later; in between, nothing names the content. So before it adds the version it claims the content: each data
// service that holds a shard notes when that was (its own clock), and answers for how long the claim is good,
// which is half of ORPHAN_AGE. Storing a shard is as good as a claim of it, and a start is one of all shards.
//
//  1. The collector asks each data service for its time, h.
//  2. Then it refreshes Elasticsearch and searches. Any doubt about the answer ends the pass.
//  3. For what no version names it asks for removal, "as of h". A data service refuses that, under the lock of
//     the shard's name, if the last claim was later than h − ORPHAN_AGE.
//
// Let L be the time of a shard's last claim when it is removed: L ≤ h − ORPHAN_AGE. Its PUT adds the version
// before L + ORPHAN_AGE/2 or not at all: the deadline is checked when the request for that is written to the
// connection (es.Client), so a PUT that was frozen adds nothing afterwards. So the version
// exists before h, unless Elasticsearch needs the other half of ORPHAN_AGE for the request, and the search,
// which comes after the refresh after h, finds it. A claim that comes after the removal finds no shard: that PUT
// is answered with 503, and so is one that was frozen in the very write and finds its claim gone afterwards.
// A request to remove that arrives late makes no difference, since h is part of it.
//
// A PUT of a small object claims nothing in addition: it sends each shard with one request, also where the shard
// is there already, and the data service notes the time under the lock of the name before it answers for how long
// that is good (store.Keep). The time from which the PUT counts is that before the first of these requests
// (erasure.WriteSmall), so it is not later than any L, as with claims. It counts the shards that a claim counts.
//
// The clocks of different machines are never compared. All API services must be of this chapter before
// maintenance is on: those of earlier ones claim nothing.
package maintenance
