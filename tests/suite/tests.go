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

// Test is one behaviour.
type Test struct {
	Name  string
	of    capability
	Run   func(t *testing.T, s *Store)
	Needs Company
}

// Company says what else may go on in the store that a test is given.
type Company int

// What a test may need.
const (
	Together       Company = iota // whatever others do to their own objects
	Alone                         // nothing: it stops processes, or fills the store
	WithOwnServers                // nothing, on a broker and an Elasticsearch of its own, which it stops, or counts what they hold
)

// tests lists all there are. One that stands in this package and not here fails its build.
func tests() []Test {
	return slices.Concat(objectTests(), requestTests(), spreadTests(), versionTests(), contentTests(), redundancyTests(), faultTests())
}

func objectTests() []Test {
	return []Test{
		{"PutThenGet", objects(), putThenGet, Together},
		{"Head", objects(), head, Together},
		{"UnknownObject", objects(), unknownObject, Together},
		{"Overwrite", objects(), overwrite, Together},
		{"OverwriteWhileReading", objects(), overwriteWhileReading, Together},
		{"ConcurrentOverwrites", objects(), concurrentOverwrites, Together},
		{"PutOfUnknownLength", unknownLength(), putOfUnknownLength, Together},
		{"FileOnDisk", namedFiles(), fileOnDisk, Together},
		{"GoodNames", naming(), goodNames, Together},
		{"BadNames", naming(), badNames, Together},
		{"LongestName", naming(), longestName, Together},
		{"NameTooLongForFile", namedFiles(), nameTooLongForFile, Together},
		{"BodyOfBadChunks", unknownLength(), bodyOfBadChunks, Together},
	}
}

func requestTests() []Test {
	return []Test{
		{"WrongMethods", badRequests(), wrongMethods, Together},
		{"NoDeleteYet", noDelete(), noDeleteYet, Together},
		{"WrongPaths", badRequests(), wrongPaths, Together},
		{"BodyCutShort", badRequests(), bodyCutShort, Together},
		{"BodyCutShortKeepsOld", badRequests(), bodyCutShortKeepsOld, Together},
		{"ClientStalls", badRequests(), clientStalls, Together},
		{"ClientSendsSlowly", objects(), clientSendsSlowly, Together},
		{"ClientTakesSlowly", objects(), clientTakesSlowly, Together},
		{"ClientLeavesInMidGet", badRequests(), clientLeavesInMidGet, Together},
	}
}

func spreadTests() []Test {
	return []Test{
		{"Locate", wholeObjects(), locate, Together},
		{"LocateUnknown", locating(), locateUnknown, Together},
		{"AbsenceIsKnownAtOnce", locating(), absenceIsKnownAtOnce, Together},
		{"EitherAPIService", spreading(), eitherAPIService, Together},
		{"AllDataServicesAreUsed", wholeObjects(), allDataServicesAreUsed, Together},
		{"OverwriteGoesToHolder", oneFileOfName(), overwriteGoesToHolder, Together},
	}
}

func versionTests() []Test {
	return []Test{
		{"DigestIsNeeded", digests(), digestIsNeeded, Together},
		{"DigestInEitherForm", digests(), digestInEitherForm, Together},
		{"LengthIsNeeded", digests(), lengthIsNeeded, Together},
		{"OwnMetadataIsKept", ownMetadata(), ownMetadataIsKept, Together},
		{"OwnMetadataTooLarge", ownMetadata(), ownMetadataTooLarge, Together},
		{"Versions", versioning(), versions, Together},
		{"OldVersions", versioning(), oldVersions, Together},
		{"BadVersions", versioning(), badVersions, Together},
		{"DeleteObject", versioning(), deleteObject, Together},
		{"ConcurrentVersions", versioning(), concurrentVersions, Together},
		{"NamesAreNoPatterns", versioning(), namesAreNoPatterns, Together},
		{"VersionsOverRollover", versioning(), versionsOverRollover, Alone},
		{"ElasticsearchRestart", versioning(), elasticsearchRestart, WithOwnServers},
		{"ElasticsearchSilent", versioning(), elasticsearchSilent, Together},
		{"LinearizableVersions", versioning(), linearizableVersions, Together},
		{"ManyVersions", versioning(), manyVersions, WithOwnServers},
	}
}

func contentTests() []Test {
	return []Test{
		{"WrongBody", verifying(), wrongBody, Together},
		{"WrongBodyOfStoredContent", verifying(), wrongBodyOfStoredContent, Together},
		{"StoredContentMustBeSentAgain", verifying(), storedContentMustBeSentAgain, Together},
		{"EqualContentIsStoredOnce", storedOnce(), equalContentIsStoredOnce, Together},
		{"EqualContentAtOnce", verifying(), equalContentAtOnce, Together},
		{"RottenFile", rotSetAside(), rottenFile, Together},
		{"UploadInTwoPhases", twoPhases(), uploadInTwoPhases, Together},
	}
}

func redundancyTests() []Test {
	return []Test{
		{"SixShards", redundancy(), sixShards, Together},
		{"SizesAroundStripes", redundancy(), sizesAroundStripes, Together},
		{"PutRepairs", redundancy(), putRepairs, Together},
		{"PutHealsRottenShards", redundancy(), putHealsRottenShards, Together},
	}
}

func faultTests() []Test {
	return []Test{
		{"Restart", durability(), restart, Alone},
		{"StopFinishesRequests", durability(), stopFinishesRequests, Alone},
		{"KillInMidPut", durability(), killInMidPut, Alone},
		{"StoreRootInUse", durability(), storeRootInUse, Alone},
		{"DataServiceKilled", wholeObjects(), dataServiceKilled, Alone},
		{"DataServiceFrozen", wholeObjects(), dataServiceFrozen, Alone},
		{"DataServiceLate", wholeObjects(), dataServiceLate, Alone},
		{"AllDataServicesGone", recovery(), allDataServicesGone, Alone},
		{"APIServiceKilledInMidPut", recovery(), apiServiceKilledInMidPut, Alone},
		{"BrokerRestart", recovery(), brokerRestart, WithOwnServers},
		{"BrokerConnectionsDropped", recovery(), brokerConnectionsDropped, WithOwnServers},
		{"NothingIsLeaked", recovery(), nothingIsLeaked, WithOwnServers},
	}
}
