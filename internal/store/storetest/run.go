package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"rekey/internal/auth"
)

// Store is everything that rekey needs from a database.
type Store interface {
	auth.Store
	auth.Replicas
	auth.APIKeyStore
	auth.ChangeStore
	auth.SealedKeys
	auth.Outbox
	// Clean deletes at most limit blacklisted tokens, limit sessions, limit
	// one-time tokens and limit mails that expired some time ago, and returns how
	// many rows it deleted.
	Clean(ctx context.Context, limit int) (int, error)
	// CleanJournal deletes at most limit events older than keep.
	CleanJournal(ctx context.Context, keep time.Duration, limit int) (int, error)
}

// Clock sets the database's clock, which then stands still.
type Clock interface {
	Set(tb testing.TB, now time.Time)
}

// suite is a store under test. Tests create their own users and sessions, and do
// not delete them.
type suite struct {
	Store
	clock Clock
}

// Run runs the contract on the store that open returns. The store is migrated and
// empty, and its database reads the returned clock.
func Run(t *testing.T, open func(t *testing.T) (Store, Clock)) {
	store, clock := open(t)
	s := suite{Store: store, clock: clock}
	s.clock.Set(t, noon())
	for _, test := range slices.Concat(contract(), accountContract()) {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// contractTest is one test of the contract.
type contractTest struct {
	name string
	run  func(t *testing.T, s suite)
}

func contract() []contractTest {
	return []contractTest{
		{"CreateUser", testCreateUser},
		{"User", testUser},
		{"EnableUser", testEnableUser},
		{"UpdateProfile", testUpdateProfile},
		{"AddUser", testAddUser},
		{"Users", testUsers},
		{"CreateSession", testCreateSession},
		{"SessionState", testSessionState},
		{"Sessions", testSessions},
		{"RevokeSurplus", testRevokeSurplus},
		{"RevokeSurplusRefused", testRevokeSurplusRefused},
		{"Reauthenticate", testReauthenticate},
		{"Rotate", testRotate},
		{"RotateConditions", testRotateConditions},
		{"RotateRetryHash", testRotateRetryHash},
		{"RotateRuns", testRotateRuns},
		{"RotateTogether", testRotateTogether},
		{"RevokeSession", testRevokeSession},
		{"EndSessions", testEndSessions},
		{"EndSessionsUser", testEndSessionsUser},
		{"EndSessionsBeforeCommit", testBeforeCommit},
		{"EndOtherSessions", testEndOtherSessions},
		{"EndOtherSessionsRefused", testEndOtherSessionsRefused},
		{"RevokeSessions", testRevokeSessions},
		{"SessionsBegunBefore", testSessionsBegunBefore},
		{"BlacklistAccess", testBlacklistAccess},
		{"BlacklistRefresh", testBlacklistRefresh},
		{"Now", testNow},
		{"Replicas", testReplicas},
		{"APIKeys", testAPIKeys},
		{"APIKeyChanges", testAPIKeyChanges},
		{"Feed", testFeed},
		{"FeedPages", testFeedPages},
		{"SealedKeys", testSealedKeys},
		{"SealedKeyChanges", testSealedKeyChanges},
		{"RaceAddKey", testRaceAddKey},
		{"Clean", testClean},
		{"Record", testRecord},
		{"Recorded", testRecorded},
		{"RecordedChanges", testRecordedChanges},
		{"RecordedRevocations", testRecordedRevocations},
		{"RecordedForEach", testRecordedForEach},
		{"RecordedKeys", testRecordedKeys},
		{"CleanJournal", testCleanJournal},
		{"Outbox", testOutbox},
		{"BadText", testBadText},
		{"InvalidIDs", testInvalidIDs},
		{"Cancelled", testCancelled},
		{"InProgress", testInProgress},
		{"RaceRotate", testRaceRotate},
		{"RaceRotateEnd", testRaceRotateEnd},
		{"RaceRotateBlacklist", testRaceRotateBlacklist},
		{"RaceLoginEnd", testRaceLoginEnd},
		{"RaceSignUp", testRaceSignUp},
		{"RaceSurplus", testRaceSurplus},
		{"RaceRotateEndOthers", testRaceRotateEndOthers},
	}
}

// accountContract returns the tests of one-time tokens and of what they change.
func accountContract() []contractTest {
	return []contractTest{
		{"IssueToken", testIssueToken},
		{"RedeemToken", testRedeemToken},
		{"VoidTokens", testVoidTokens},
		{"TryCode", testTryCode},
		{"CleanTokens", testCleanTokens},
		{"ChangeEmail", testChangeEmail},
		{"ReservedEmail", testReservedEmail},
		{"RaceChangeEmail", testRaceChangeEmail},
		{"VerifyEmail", testVerifyEmail},
		{"TakeOver", testTakeOver},
		{"SignUpByToken", testSignUpByToken},
		{"RaceSignUpByToken", testRaceSignUpByToken},
		{"RaceVerify", testRaceVerify},
		{"CancelDeletion", testCancelDeletion},
		{"EraseUser", testEraseUser},
		{"DropErased", testDropErased},
		{"RaceDeletion", testRaceDeletion},
		{"RaceRedeem", testRaceRedeem},
		{"RaceRedeemEpoch", testRaceRedeemEpoch},
		{"RaceReset", testRaceReset},
		{"RaceIssueEpoch", testRaceIssueEpoch},
		{"RaceTryCode", testRaceTryCode},
	}
}
