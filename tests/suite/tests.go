package suite

import (
	"slices"
	"testing"
)

// capability is something that chapters can do, from one chapter on, and mostly for good.
type capability struct {
	since int
	until int // the last chapter that it is true of; 0 for good
}

func (c capability) has(chapter int) bool {
	return c.since <= chapter && (c.until == 0 || chapter <= c.until)
}

// What the chapters can do, and, where there is an until, what a later one does away with.
func objects() capability       { return capability{since: 1} }           // PUT, GET and HEAD of a name
func naming() capability        { return capability{since: 1} }           // which names there can be
func badRequests() capability   { return capability{since: 1} }           // each its status and one clear line
func durability() capability    { return capability{since: 1} }           // kill −9 and restart lose nothing
func unknownLength() capability { return capability{since: 1, until: 2} } // from chapter 3 on 411
func noDelete() capability      { return capability{since: 1, until: 2} } // chapter 3 has DELETE
func namedFiles() capability    { return capability{since: 1, until: 2} } // from chapter 3 on files have names of their own
func locating() capability      { return capability{since: 2} }           // GET /locate
func spreading() capability     { return capability{since: 2} }           // many data services, many API services
func oneFileOfName() capability { return capability{since: 2, until: 2} } // from chapter 3 on one of each content
func wholeObjects() capability  { return capability{since: 2, until: 4} } // one data service has all of an object
func recovery() capability      { return capability{since: 2} }           // services and broker come and go
func versioning() capability    { return capability{since: 3} }           // every PUT is a version, none is lost
func digests() capability       { return capability{since: 3} }           // a PUT announces its SHA-256 and its length
func verifying() capability     { return capability{since: 4} }           // a body that has not its digest is not kept
func storedOnce() capability    { return capability{since: 4, until: 4} } // equal content is one file; from chapter 5 on six
func rotSetAside() capability   { return capability{since: 4, until: 4} } // what has rotted is not served; chapter 5 repairs it
func twoPhases() capability     { return capability{since: 4, until: 4} } // POST, PATCH, PUT /temp on data services
func redundancy() capability    { return capability{since: 5} }           // any two of six data services may be gone or rotten
func ownMetadata() capability   { return capability{since: 3} }           // X-Object-Meta-*

// test is one behaviour.
type test struct {
	name  string
	of    capability
	run   func(t *testing.T, s *Store)
	alone bool // it stops processes or counts what they hold: nothing else may run meanwhile
}

// tests lists all there are. One that stands in this package and not here fails its build.
func tests() []test {
	return slices.Concat(objectTests(), requestTests(), spreadTests(), versionTests(), contentTests(), redundancyTests(), faultTests())
}

func objectTests() []test {
	return []test{
		{"PutThenGet", objects(), putThenGet, false},
		{"Head", objects(), head, false},
		{"UnknownObject", objects(), unknownObject, false},
		{"Overwrite", objects(), overwrite, false},
		{"OverwriteWhileReading", objects(), overwriteWhileReading, false},
		{"ConcurrentOverwrites", objects(), concurrentOverwrites, false},
		{"PutOfUnknownLength", unknownLength(), putOfUnknownLength, false},
		{"FileOnDisk", namedFiles(), fileOnDisk, false},
		{"GoodNames", naming(), goodNames, false},
		{"BadNames", naming(), badNames, false},
		{"LongestName", naming(), longestName, false},
		{"NameTooLongForFile", namedFiles(), nameTooLongForFile, false},
		{"BodyOfBadChunks", unknownLength(), bodyOfBadChunks, false},
	}
}

func requestTests() []test {
	return []test{
		{"WrongMethods", badRequests(), wrongMethods, false},
		{"NoDeleteYet", noDelete(), noDeleteYet, false},
		{"WrongPaths", badRequests(), wrongPaths, false},
		{"BodyCutShort", badRequests(), bodyCutShort, false},
		{"BodyCutShortKeepsOld", badRequests(), bodyCutShortKeepsOld, false},
		{"ClientStalls", badRequests(), clientStalls, false},
		{"ClientLeavesInMidGet", badRequests(), clientLeavesInMidGet, false},
	}
}

func spreadTests() []test {
	return []test{
		{"Locate", wholeObjects(), locate, false},
		{"LocateUnknown", locating(), locateUnknown, false},
		{"AbsenceIsKnownAtOnce", locating(), absenceIsKnownAtOnce, false},
		{"EitherAPIService", spreading(), eitherAPIService, false},
		{"AllDataServicesAreUsed", wholeObjects(), allDataServicesAreUsed, false},
		{"OverwriteGoesToHolder", oneFileOfName(), overwriteGoesToHolder, false},
	}
}

func versionTests() []test {
	return []test{
		{"DigestIsNeeded", digests(), digestIsNeeded, false},
		{"DigestInEitherForm", digests(), digestInEitherForm, false},
		{"LengthIsNeeded", digests(), lengthIsNeeded, false},
		{"OwnMetadataIsKept", ownMetadata(), ownMetadataIsKept, false},
		{"OwnMetadataTooLarge", ownMetadata(), ownMetadataTooLarge, false},
		{"Versions", versioning(), versions, false},
		{"OldVersions", versioning(), oldVersions, false},
		{"BadVersions", versioning(), badVersions, false},
		{"DeleteObject", versioning(), deleteObject, false},
		{"ConcurrentVersions", versioning(), concurrentVersions, false},
		{"NamesAreNoPatterns", versioning(), namesAreNoPatterns, false},
		{"VersionsOverRollover", versioning(), versionsOverRollover, true},
		{"ElasticsearchRestart", versioning(), elasticsearchRestart, true},
		{"ElasticsearchSilent", versioning(), elasticsearchSilent, true},
		{"LinearizableVersions", versioning(), linearizableVersions, true},
		{"ManyVersions", versioning(), manyVersions, true},
	}
}

func contentTests() []test {
	return []test{
		{"WrongBody", verifying(), wrongBody, false},
		{"WrongBodyOfStoredContent", verifying(), wrongBodyOfStoredContent, false},
		{"StoredContentMustBeSentAgain", verifying(), storedContentMustBeSentAgain, false},
		{"EqualContentIsStoredOnce", storedOnce(), equalContentIsStoredOnce, false},
		{"EqualContentAtOnce", verifying(), equalContentAtOnce, false},
		{"RottenFile", rotSetAside(), rottenFile, false},
		{"UploadInTwoPhases", twoPhases(), uploadInTwoPhases, false},
	}
}

func redundancyTests() []test {
	return []test{
		{"SixShards", redundancy(), sixShards, false},
		{"SizesAroundStripes", redundancy(), sizesAroundStripes, false},
		{"TwoShardsGone", redundancy(), twoShardsGone, true},
		{"ThreeShardsGone", redundancy(), threeShardsGone, false},
		{"RottenShards", redundancy(), rottenShards, true},
		{"RotInDifferentStripes", redundancy(), rotInDifferentStripes, false},
		{"PutRepairs", redundancy(), putRepairs, false},
		{"TwoDataServicesGone", redundancy(), twoDataServicesGone, true},
		{"DataServiceKilledInMidPut", redundancy(), dataServiceKilledInMidPut, true},
		{"MixedLoadUnderFaults", redundancy(), mixedLoadUnderFaults, true},
		{"DataServiceKilledInMidGet", redundancy(), dataServiceKilledInMidGet, true},
	}
}

func faultTests() []test {
	return []test{
		{"Restart", durability(), restart, true},
		{"StopFinishesRequests", durability(), stopFinishesRequests, true},
		{"KillInMidPut", durability(), killInMidPut, true},
		{"StoreRootInUse", durability(), storeRootInUse, true},
		{"DataServiceKilled", wholeObjects(), dataServiceKilled, true},
		{"DataServiceFrozen", wholeObjects(), dataServiceFrozen, true},
		{"AllDataServicesGone", recovery(), allDataServicesGone, true},
		{"APIServiceKilledInMidPut", recovery(), apiServiceKilledInMidPut, true},
		{"BrokerRestart", recovery(), brokerRestart, true},
		{"BrokerConnectionsDropped", recovery(), brokerConnectionsDropped, true},
		{"NothingIsLeaked", recovery(), nothingIsLeaked, true},
	}
}
