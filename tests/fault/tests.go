// Package fault tests what a store must survive from chapter 5 on: killed and frozen services,
// corrupt and missing shards, slow, cut and silent networks, restarts of the broker and
// Elasticsearch, all of that under load, and objects much larger than memory. A chapter runs it
// with the suite:
//
//	go test ./v5                       each test in its short form
//	go test ./v5 -long -timeout 2h     each in its long form; needs 20 GB of disk
//	go test ./v5 -run TestChapter/MixedLoad -long
//
// Faults are injected by package cluster (processes), package gate (networks), package stack (the
// broker and Elasticsearch), and this package (files). To add a test, write a function of
// (*testing.T, *suite.Store) and list it in this file.
package fault

import "gostore/tests/suite"

// Tests lists all tests of this package. TestEveryTestIsListed fails for one that is not listed.
func Tests() []suite.Test {
	return []suite.Test{
		{Name: "TwoShardsMissing", Run: twoShardsMissing},
		{Name: "ThreeShardsMissing", Run: threeShardsMissing},
		{Name: "ForeignShard", Run: foreignShard},
		{Name: "ForeignShardIsNotMultiplied", Run: foreignShardIsNotMultiplied},
		{Name: "ForeignShardIsFoundByPut", Run: foreignShardIsFoundByPut},
		{Name: "ParityIsCheckedByPut", Run: parityIsCheckedByPut},
		{Name: "ThreeShardsCorrupt", Run: threeShardsCorrupt},
		{Name: "EveryByteOfEveryTwoShards", Run: everyByteOfEveryTwoShards},
		{Name: "DamagedShards", Run: damagedShards},
		{Name: "CorruptionInDifferentStripes", Run: corruptionInDifferentStripes},
		{Name: "Network", Run: network},
		{Name: "HangingShards", Run: hangingShards},
		{Name: "SilentDataServices", Run: silentDataServices},
		{Name: "ThreeShardsReturn", Run: threeShardsReturn, Needs: suite.Exclusive},
		{Name: "TwoDataServicesDown", Run: twoDataServicesDown, Needs: suite.Exclusive},
		{Name: "ThreeDataServicesDown", Run: threeDataServicesDown, Needs: suite.Exclusive},
		{Name: "DataServicesKilledInMidPut", Run: dataServicesKilledInMidPut, Needs: suite.Exclusive},
		{Name: "DataServicesDownInMidGet", Run: dataServicesDownInMidGet, Needs: suite.Exclusive},
		{Name: "TenGiB", Run: tenGiB, Needs: suite.Exclusive},
		{Name: "RepairAvoidsFullDisk", Run: repairAvoidsFullDisk, Needs: suite.Exclusive},
		{Name: "MixedLoad", Run: mixedLoad, Needs: suite.OwnServers},
	}
}
