package suite

import (
	"slices"
	"testing"
)

// capability is something that a range of chapters can do.
type capability struct {
	since int
	until int // the last chapter that has it; 0: all later ones
}

func (c capability) has(chapter int) bool {
	return c.since <= chapter && (c.until == 0 || chapter <= c.until)
}

// Capabilities of the chapters. One with an until is replaced by a later chapter.
func objects() capability       { return capability{since: 1} }           // PUT, GET and HEAD of a name
func naming() capability        { return capability{since: 1} }           // which object names are valid
func badRequests() capability   { return capability{since: 1} }           // a status and one clear line for each
func durability() capability    { return capability{since: 1} }           // kill -9, power cut and restart lose no object
func unknownLength() capability { return capability{since: 1, until: 2} } // chapter 3 answers 411
func noDelete() capability      { return capability{since: 1, until: 2} } // chapter 3 has DELETE
func namedFiles() capability    { return capability{since: 1, until: 2} } // chapter 3 names files by hash
func locating() capability      { return capability{since: 2} }           // GET /locate
func spreading() capability     { return capability{since: 2} }           // several data services and API services
func oneFileOfName() capability { return capability{since: 2, until: 2} } // chapter 3 has one file per content
func wholeObjects() capability  { return capability{since: 2, until: 4} } // one data service holds the whole object
func fullness() capability      { return capability{since: 2} }           // a full data service is left out
func recovery() capability      { return capability{since: 2} }           // services and broker may stop and return
func versioning() capability    { return capability{since: 3} }           // every PUT is a version, none is lost
func digests() capability       { return capability{since: 3} }           // a PUT needs its SHA-256 and its length
func verifying() capability     { return capability{since: 4} }           // a body with another digest is refused
func storedOnce() capability    { return capability{since: 4, until: 4} } // equal content is one file; chapter 5 has six shards
func quarantine() capability    { return capability{since: 4, until: 4} } // a corrupt file is quarantined; chapter 5 repairs it
func twoPhases() capability     { return capability{since: 4, until: 4} } // POST, PATCH, PUT /temp on data services
func encryption() capability    { return capability{since: 2} }           // TLS, mutual between services
func redundancy() capability    { return capability{since: 5} }           // any two of six data services may be down or corrupt
func ownMetadata() capability   { return capability{since: 3} }           // X-Object-Meta-*, Content-Type and the like

func resuming() capability    { return capability{since: 6} } // ranges and resumable uploads
func maintaining() capability { return capability{since: 8} } // what nobody needs goes, damage is found unread

func compressing() capability { return capability{since: 7} } // text takes less room

// Test is one test of the suite.
type Test struct {
	Name     string
	chapters capability
	Run      func(t *testing.T, s *Store)
	Needs    Isolation
}

// Isolation says what else may use the store during a test.
type Isolation int

// Isolation levels.
const (
	// Shared: other tests use the same store concurrently.
	Shared Isolation = iota
	// Exclusive: no other test uses the store. The test stops processes or fills the disk.
	Exclusive
	// OwnServers: as Exclusive, with a RabbitMQ and an Elasticsearch for this store only. The test
	// stops them or counts their contents.
	OwnServers
)

// tests lists all tests of the suite. TestEveryTestIsListed fails for one that is not listed.
func tests() []Test {
	return slices.Concat(objectTests(), requestTests(), spreadTests(), versionTests(), contentTests(), redundancyTests(), resumeTests(), maintenanceTests(), operationTests(), faultTests())
}

func objectTests() []Test {
	return []Test{
		{"PutThenGet", objects(), putThenGet, Shared},
		{"Head", objects(), head, Shared},
		{"UnknownObject", objects(), unknownObject, Shared},
		{"Overwrite", objects(), overwrite, Shared},
		{"OverwriteWhileReading", objects(), overwriteWhileReading, Shared},
		{"ConcurrentOverwrites", objects(), concurrentOverwrites, Shared},
		{"PutOfUnknownLength", unknownLength(), putOfUnknownLength, Shared},
		{"FileOnDisk", namedFiles(), fileOnDisk, Shared},
		{"GoodNames", naming(), goodNames, Shared},
		{"BadNames", naming(), badNames, Shared},
		{"LongestName", naming(), longestName, Shared},
		{"NameTooLongForFile", namedFiles(), nameTooLongForFile, Shared},
		{"BodyOfBadChunks", unknownLength(), bodyOfBadChunks, Shared},
	}
}

func requestTests() []Test {
	return []Test{
		{"WrongMethods", badRequests(), wrongMethods, Shared},
		{"NoDeleteYet", noDelete(), noDeleteYet, Shared},
		{"WrongPaths", badRequests(), wrongPaths, Shared},
		{"BodyCutShort", badRequests(), bodyCutShort, Shared},
		{"BodyCutShortKeepsOld", badRequests(), bodyCutShortKeepsOld, Shared},
		{"PartialPut", badRequests(), partialPut, Shared},
		{"HalfClosedConnection", objects(), halfClosedConnection, Shared},
		{"ClientStalls", badRequests(), clientStalls, Shared},
		{"ClientSendsSlowly", objects(), clientSendsSlowly, Shared},
		{"ClientTakesSlowly", objects(), clientTakesSlowly, Shared},
		{"ClientLeavesInMidGet", badRequests(), clientLeavesInMidGet, Shared},
	}
}

func spreadTests() []Test {
	return []Test{
		{"Locate", wholeObjects(), locate, Shared},
		{"LocateUnknown", locating(), locateUnknown, Shared},
		{"AbsenceIsKnownAtOnce", locating(), absenceIsKnownAtOnce, Shared},
		{"EitherAPIService", spreading(), eitherAPIService, Shared},
		{"AllDataServicesAreUsed", wholeObjects(), allDataServicesAreUsed, Shared},
		{"OverwriteGoesToHolder", oneFileOfName(), overwriteGoesToHolder, Shared},
		{"StrangersAreRefused", encryption(), strangersAreRefused, Shared},
		{"WrongCertificates", encryption(), wrongCertificates, Shared},
	}
}

func versionTests() []Test {
	return []Test{
		{"DigestIsNeeded", digests(), digestIsNeeded, Shared},
		{"DigestInEitherForm", digests(), digestInEitherForm, Shared},
		{"LengthIsNeeded", digests(), lengthIsNeeded, Shared},
		{"OwnMetadataIsKept", ownMetadata(), ownMetadataIsKept, Shared},
		{"OwnMetadataTooLarge", ownMetadata(), ownMetadataTooLarge, Shared},
		{"HeadersAreKept", ownMetadata(), headersAreKept, Shared},
		{"CompressedContent", ownMetadata(), compressedContent, Shared},
		{"BadHeaders", ownMetadata(), badHeaders, Shared},
		{"Versions", versioning(), versions, Shared},
		{"OldVersions", versioning(), oldVersions, Shared},
		{"BadVersions", versioning(), badVersions, Shared},
		{"BadQueries", versioning(), badQueries, Shared},
		{"DeleteObject", versioning(), deleteObject, Shared},
		{"ImpossibleSize", versioning(), impossibleSize, Shared},
		{"DocumentsThatLie", versioning(), documentsThatLie, Shared},
		{"ConcurrentVersions", versioning(), concurrentVersions, Shared},
		{"NamesAreNoPatterns", versioning(), namesAreNoPatterns, Shared},
		{"VersionsOverRollover", versioning(), versionsOverRollover, Exclusive},
		{"ElasticsearchRestart", versioning(), elasticsearchRestart, OwnServers},
		{"ElasticsearchSilent", versioning(), elasticsearchSilent, Shared},
		{"LinearizableVersions", versioning(), linearizableVersions, Shared},
		{"ManyVersions", versioning(), manyVersions, OwnServers},
	}
}

func contentTests() []Test {
	return []Test{
		{"WrongBody", verifying(), wrongBody, Shared},
		{"WrongBodyOfStoredContent", verifying(), wrongBodyOfStoredContent, Shared},
		{"StoredContentMustBeSentAgain", verifying(), storedContentMustBeSentAgain, Shared},
		{"EqualContentIsStoredOnce", storedOnce(), equalContentIsStoredOnce, Shared},
		{"EqualContentMeets", storedOnce(), equalContentMeets, Shared},
		{"EqualContentAtOnce", verifying(), equalContentAtOnce, Shared},
		{"UnreadableFiles", verifying(), unreadableFiles, Shared},
		{"PutRepairsCorruptFile", storedOnce(), putRepairsCorruptFile, Shared},
		{"CorruptFile", quarantine(), corruptFile, Shared},
		{"UploadInTwoPhases", twoPhases(), uploadInTwoPhases, Shared},
	}
}

func redundancyTests() []Test {
	return []Test{
		{"SixShards", redundancy(), sixShards, Shared},
		{"EqualContentMeetsAsShards", redundancy(), equalContentMeetsAsShards, Shared},
		{"SizesAroundStripes", redundancy(), sizesAroundStripes, Shared},
		{"PutRepairs", redundancy(), putRepairs, Shared},
		{"PutRepairsCorruptShards", redundancy(), putRepairsCorruptShards, Shared},
	}
}

func resumeTests() []Test {
	return []Test{
		{"TextTakesAQuarter", compressing(), textTakesAQuarter, Shared},
		{"CompressionIsInvisible", compressing(), compressionIsInvisible, Shared},
		{"LastStripeOfAByte", compressing(), lastStripeOfAByte, Shared},
		{"Ranges", resuming(), ranges, Shared},
		{"RangeOfNothing", resuming(), rangeOfNothing, Shared},
		{"Conditions", resuming(), conditions, Shared},
		{"RangesAroundStripes", resuming(), rangesAroundStripes, Shared},
		{"UploadInPieces", resuming(), uploadInPieces, Shared},
		{"UploadInTinyPieces", resuming(), uploadInTinyPieces, Shared},
		{"UploadBreaksOff", resuming(), uploadBreaksOff, Shared},
		{"UploadOfNothing", resuming(), uploadOfNothing, Shared},
		{"UploadInOneRequest", resuming(), uploadInOneRequest, Shared},
		{"UploadWithMetadata", resuming(), uploadWithMetadata, Shared},
		{"BadUploadRequests", resuming(), badUploadRequests, Shared},
		{"UploadOptions", resuming(), uploadOptions, Shared},
		{"UploadWithoutAnswer", resuming(), uploadWithoutAnswer, Shared},
		{"UploadWithMore", resuming(), uploadWithMore, Shared},
		{"UploadOfWrongContent", resuming(), uploadOfWrongContent, Shared},
		{"UploadTerminated", resuming(), uploadTerminated, Shared},
		{"UploadOfStoredContent", resuming(), uploadOfStoredContent, Shared},
		{"TwoPatchesAtOnce", resuming(), twoPatchesAtOnce, Shared},
		{"UploadsExpire", resuming(), uploadsExpire, Exclusive},
		{"UploadsOverRestarts", resuming(), uploadsOverRestarts, Exclusive},
	}
}

func maintenanceTests() []Test {
	return []Test{
		{"MaintenanceIsOff", maintaining(), maintenanceIsOff, Shared},
		{"BadMaintenanceSettings", maintaining(), badMaintenanceSettings, Exclusive},
		{"KeepVersions", maintaining(), keepVersions, Exclusive},
		{"KeepMoreVersions", maintaining(), keepMoreVersions, Exclusive},
		{"VersionsWhileTheyGo", maintaining(), versionsWhileTheyGo, Exclusive},
		{"OrphansGo", maintaining(), orphansGo, Exclusive},
		{"ScanRepairs", maintaining(), scanRepairs, Exclusive},
		{"ScanReportsLost", maintaining(), scanReportsLost, Exclusive},
		{"ScanRate", maintaining(), scanRate, Exclusive},
		{"SurplusGoes", maintaining(), surplusGoes, Exclusive},
	}
}

func operationTests() []Test {
	return []Test{
		{"MetricsOfPutAndGet", objects(), metricsOfPutAndGet, Exclusive},
		{"MetricsOfShards", verifying(), metricsOfShards, Exclusive},
		{"MetricsOfCorruption", verifying(), metricsOfCorruption, Exclusive},
		{"MetricsOfMissingAnswers", locating(), metricsOfMissingAnswers, Exclusive},
		{"MetricsOfDisks", objects(), metricsOfDisks, Shared},
		{"RequestIDInLogs", objects(), requestIDInLogs, Shared},
		{"RequestIDInMessages", locating(), requestIDInMessages, Shared},
		{"BadRequestID", badRequests(), badRequestID, Shared},
	}
}

func faultTests() []Test {
	return []Test{
		{"Restart", durability(), restart, Exclusive},
		{"StopFinishesRequests", durability(), stopFinishesRequests, Exclusive},
		{"ManyClients", objects(), manyClients, Exclusive},
		{"FsyncBeforeAnswer", durability(), fsyncBeforeAnswer, Exclusive},
		{"KillInMidPut", durability(), killInMidPut, Exclusive},
		{"StoreRootInUse", durability(), storeRootInUse, Exclusive},
		{"FullDisks", fullness(), fullDisks, Exclusive},
		{"HungDisks", recovery(), hungDisks, Exclusive},
		{"StoreRootMustExist", durability(), storeRootMustExist, Exclusive},
		{"ReadOnlyDisk", durability(), readOnlyDisk, Exclusive},
		{"FileComesBack", wholeObjects(), fileComesBack, Shared},
		{"StoreRootGone", spreading(), storeRootGone, Exclusive},
		{"DataServiceKilled", wholeObjects(), dataServiceKilled, Exclusive},
		{"DataServiceFrozen", wholeObjects(), dataServiceFrozen, Exclusive},
		{"DataServiceLate", wholeObjects(), dataServiceLate, Exclusive},
		{"AllDataServicesDown", recovery(), allDataServicesDown, Exclusive},
		{"APIServiceKilledInMidPut", recovery(), apiServiceKilledInMidPut, Exclusive},
		{"BrokerRestart", recovery(), brokerRestart, OwnServers},
		{"BrokerAlarm", recovery(), brokerAlarm, OwnServers},
		{"BrokerConnectionsDropped", recovery(), brokerConnectionsDropped, OwnServers},
		{"NothingIsLeaked", recovery(), nothingIsLeaked, OwnServers},
	}
}
