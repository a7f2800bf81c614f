package fault

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/suite"
)

// repairAvoidsFullDisk fills one of six disks, so that objects are on the other five, and removes a
// data shard from a data service that holds no other one: it is repaired there, not on the full
// disk.
func repairAvoidsFullDisk(t *testing.T, s *suite.Store) {
	s = s.OnSmallDisks(t)
	s.AwaitSix(t)
	suite.Fill(t, s.Cluster.Data[5])
	for _, p := range s.Cluster.API {
		restart(t, p) // it hears only now that the disk is full
	}
	for range 5 {
		name, body := suite.NewName(), suite.NewBody(100_000)
		s.Put(t, name, body)
		files := s.ShardFiles(body)
		onDisk := map[string]int{}
		for _, file := range files {
			require.NotEqual(t, s.Cluster.Data[5], s.OwnerOf(t, file))
			onDisk[s.OwnerOf(t, file).Root]++
		}
		for _, file := range files[:suite.DataShards] {
			if onDisk[s.OwnerOf(t, file).Root] > 1 {
				continue
			}
			remove(t, file)
			s.RequireObject(t, name, body)
			suite.Eventually(t, suite.RepairTimeout, func() error { _, err := os.Stat(file); return err })
		}
	}
}
