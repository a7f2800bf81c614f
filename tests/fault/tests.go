// Package fault is what a store must stand from chapter 5 on: services killed and frozen, shards that
// rot or are lost, networks that are slow, cut or silent, the broker and Elasticsearch restarted, all
// that together under load, and objects far larger than memory. A chapter runs it with the suite:
//
//	go test ./v5                       each in its short form
//	go test ./v5 -long -timeout 2h     each in its long form; it needs 20 GB of disk
//	go test ./v5 -run TestChapter/MixedLoad -long
//
// What breaks things is in package cluster (processes), package gate (networks), package stack (the
// broker and Elasticsearch), and here (files). To add a test, write it as a function of (*testing.T,
// *suite.Store) and name it in this file.
package fault

import "gostore/tests/suite"

// Tests lists all there are. One that stands in this package and not here fails its build.
func Tests() []suite.Test {
	return []suite.Test{
		{Name: "TwoShardsGone", Run: twoShardsGone},
		{Name: "ThreeShardsGone", Run: threeShardsGone},
		{Name: "SmallObjectNeedsOneShard", Run: smallObjectNeedsOneShard},
		{Name: "ThreeShardsRotten", Run: threeShardsRotten},
		{Name: "EveryByteOfEveryTwoShards", Run: everyByteOfEveryTwoShards},
		{Name: "DamagedShards", Run: damagedShards},
		{Name: "RotInDifferentStripes", Run: rotInDifferentStripes},
		{Name: "Network", Run: network},
		{Name: "ThreeShardsReturn", Run: threeShardsReturn, Needs: suite.Alone},
		{Name: "TwoDataServicesGone", Run: twoDataServicesGone, Needs: suite.Alone},
		{Name: "ThreeDataServicesGone", Run: threeDataServicesGone, Needs: suite.Alone},
		{Name: "DataServicesKilledInMidPut", Run: dataServicesKilledInMidPut, Needs: suite.Alone},
		{Name: "DataServicesGoneInMidGet", Run: dataServicesGoneInMidGet, Needs: suite.Alone},
		{Name: "TenGiB", Run: tenGiB, Needs: suite.Alone},
		{Name: "MixedLoad", Run: mixedLoad, Needs: suite.WithOwnServers},
	}
}
