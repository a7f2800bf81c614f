// Package clients runs clients that nobody here wrote against the newest chapter with resumable
// uploads: tuspy, tus-js-client, curl, wget and aria2c, in their usual configuration. Its tests
// install the first two from their registries into temporary directories.
//
// Where a client cannot be had a test is skipped; with CI=true it fails.
package clients
