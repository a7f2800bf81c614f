package chapter9_test

import (
	"testing"

	"gostore/tests/suite"
)

// scanTests has what scans do with shard files that another encoder might have written.
func scanTests() []suite.Test {
	return []suite.Test{{Name: "ScanMakesOneEncoding", Run: scanMakesOneEncoding}}
}

// scanMakesOneEncoding has intact shards of another encoding than most: no GET reads them, a scan replaces them.
func scanMakesOneEncoding(t *testing.T, s *suite.Store) {
	s = s.Maintained(t, "SCAN_INTERVAL=1s", "SCAN_RATE=100000000")
	body := suite.NewText(2*suite.Stripe + 1000)
	raw := handmade(t, body, func(stripe []byte) ([]byte, uint32) { return stripe, 1<<31 | uint32(len(stripe)) })
	_, files, ours := s.PutShards(t, body)
	write(t, files, raw, 4, 5)
	s.RequireShards(t, body, ours)
	write(t, files, raw, 0, 1, 2, 3)
	s.RequireShards(t, body, raw)
}
