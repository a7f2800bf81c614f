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
	needs company
}

// company says what else may go on in the store that a test is given.
type company int

const (
	together       company = iota // whatever others do to their own objects
	alone                         // nothing: it stops processes, or fills the store
	withOwnServers                // nothing, on a broker and an Elasticsearch of its own, which it stops, or counts what they hold
)

// tests lists all there are. One that stands in this package and not here fails its build.
func tests() []test {
	return slices.Concat(objectTests(), requestTests(), spreadTests(), versionTests(), contentTests(), redundancyTests(), faultTests())
}

func objectTests() []test {
	return []test{
		{"PutThenGet", objects(), putThenGet, together},
		{"Head", objects(), head, together},
		{"UnknownObject", objects(), unknownObject, together},
		{"Overwrite", objects(), overwrite, together},
		{"OverwriteWhileReading", objects(), overwriteWhileReading, together},
		{"ConcurrentOverwrites", objects(), concurrentOverwrites, together},
		{"PutOfUnknownLength", unknownLength(), putOfUnknownLength, together},
		{"FileOnDisk", namedFiles(), fileOnDisk, together},
		{"GoodNames", naming(), goodNames, together},
		{"BadNames", naming(), badNames, together},
		{"LongestName", naming(), longestName, together},
		{"NameTooLongForFile", namedFiles(), nameTooLongForFile, together},
		{"BodyOfBadChunks", unknownLength(), bodyOfBadChunks, together},
	}
}

func requestTests() []test {
	return []test{
		{"WrongMethods", badRequests(), wrongMethods, together},
		{"NoDeleteYet", noDelete(), noDeleteYet, together},
		{"WrongPaths", badRequests(), wrongPaths, together},
		{"BodyCutShort", badRequests(), bodyCutShort, together},
		{"BodyCutShortKeepsOld", badRequests(), bodyCutShortKeepsOld, together},
		{"ClientStalls", badRequests(), clientStalls, together},
		{"ClientLeavesInMidGet", badRequests(), clientLeavesInMidGet, together},
	}
}

func spreadTests() []test {
	return []test{
		{"Locate", wholeObjects(), locate, together},
		{"LocateUnknown", locating(), locateUnknown, together},
		{"AbsenceIsKnownAtOnce", locating(), absenceIsKnownAtOnce, together},
		{"EitherAPIService", spreading(), eitherAPIService, together},
		{"AllDataServicesAreUsed", wholeObjects(), allDataServicesAreUsed, together},
		{"OverwriteGoesToHolder", oneFileOfName(), overwriteGoesToHolder, together},
	}
}

func versionTests() []test {
	return []test{
		{"DigestIsNeeded", digests(), digestIsNeeded, together},
		{"DigestInEitherForm", digests(), digestInEitherForm, together},
		{"LengthIsNeeded", digests(), lengthIsNeeded, together},
		{"OwnMetadataIsKept", ownMetadata(), ownMetadataIsKept, together},
		{"OwnMetadataTooLarge", ownMetadata(), ownMetadataTooLarge, together},
		{"Versions", versioning(), versions, together},
		{"OldVersions", versioning(), oldVersions, together},
		{"BadVersions", versioning(), badVersions, together},
		{"DeleteObject", versioning(), deleteObject, together},
		{"ConcurrentVersions", versioning(), concurrentVersions, together},
		{"NamesAreNoPatterns", versioning(), namesAreNoPatterns, together},
		{"VersionsOverRollover", versioning(), versionsOverRollover, alone},
		{"ElasticsearchRestart", versioning(), elasticsearchRestart, withOwnServers},
		{"ElasticsearchSilent", versioning(), elasticsearchSilent, alone},
		{"LinearizableVersions", versioning(), linearizableVersions, together},
		{"ManyVersions", versioning(), manyVersions, alone},
	}
}

func contentTests() []test {
	return []test{
		{"WrongBody", verifying(), wrongBody, together},
		{"WrongBodyOfStoredContent", verifying(), wrongBodyOfStoredContent, together},
		{"StoredContentMustBeSentAgain", verifying(), storedContentMustBeSentAgain, together},
		{"EqualContentIsStoredOnce", storedOnce(), equalContentIsStoredOnce, together},
		{"EqualContentAtOnce", verifying(), equalContentAtOnce, together},
		{"RottenFile", rotSetAside(), rottenFile, together},
		{"UploadInTwoPhases", twoPhases(), uploadInTwoPhases, together},
	}
}

func redundancyTests() []test {
	return []test{
		{"SixShards", redundancy(), sixShards, together},
		{"SizesAroundStripes", redundancy(), sizesAroundStripes, together},
		{"TwoShardsGone", redundancy(), twoShardsGone, alone},
		{"ThreeShardsGone", redundancy(), threeShardsGone, together},
		{"RottenShards", redundancy(), rottenShards, alone},
		{"RotInDifferentStripes", redundancy(), rotInDifferentStripes, together},
		{"PutRepairs", redundancy(), putRepairs, together},
		{"TwoDataServicesGone", redundancy(), twoDataServicesGone, alone},
		{"DataServiceKilledInMidPut", redundancy(), dataServiceKilledInMidPut, alone},
		{"MixedLoadUnderFaults", redundancy(), mixedLoadUnderFaults, withOwnServers},
		{"DataServiceKilledInMidGet", redundancy(), dataServiceKilledInMidGet, alone},
	}
}

func faultTests() []test {
	return []test{
		{"Restart", durability(), restart, alone},
		{"StopFinishesRequests", durability(), stopFinishesRequests, alone},
		{"KillInMidPut", durability(), killInMidPut, alone},
		{"StoreRootInUse", durability(), storeRootInUse, alone},
		{"DataServiceKilled", wholeObjects(), dataServiceKilled, alone},
		{"DataServiceFrozen", wholeObjects(), dataServiceFrozen, alone},
		{"AllDataServicesGone", recovery(), allDataServicesGone, alone},
		{"APIServiceKilledInMidPut", recovery(), apiServiceKilledInMidPut, alone},
		{"BrokerRestart", recovery(), brokerRestart, withOwnServers},
		{"BrokerConnectionsDropped", recovery(), brokerConnectionsDropped, withOwnServers},
		{"NothingIsLeaked", recovery(), nothingIsLeaked, withOwnServers},
	}
}
