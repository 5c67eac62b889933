package auth

import (
	"testing"
	"time"
)

func settings() Settings {
	return Settings{
		AccessTTL: 15 * time.Minute, RefreshTTL: 30 * 24 * time.Hour, SessionTTL: 90 * 24 * time.Hour,
		ReuseWindow: 10 * time.Second, RetryTTL: 24 * time.Hour, AccessOverlap: 10 * time.Second,
		ClockLeeway: 30 * time.Second, ReuseAction: ReuseRevoke,
	}
}

const (
	testUser    = "0196f0a4-7d3e-7a51-8b1f-3f0f6c1f2a01"
	testSession = "0196f0a4-7d3e-7a51-8b1f-3f0f6c1f2a02"
)

// rotatedSession is a session rotated twice, a second before st.Now.
func rotatedSession(now time.Time) SessionState {
	rotated := now.Add(-time.Second)
	parent, key := HashSecret("parent"), HashSecret("key")
	return SessionState{
		Session: Session{
			ID: testSession, UserID: testUser, Generation: 3,
			SecretHash: HashSecret("current"), PreviousHash: &parent, RotatedAt: &rotated, RetryHash: &key,
			IssuedAt: rotated, AccessExpiresAt: rotated.Add(15 * time.Minute),
			RefreshExpiresAt: rotated.Add(30 * 24 * time.Hour), ExpiresAt: now.Add(60 * 24 * time.Hour),
		},
		User: User{ID: testUser},
		Now:  now,
	}
}

func TestService_judgeRefresh(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) func(*SessionState) {
		return func(st *SessionState) { at := st.Now.Add(-d); st.Session.RotatedAt = &at }
	}
	at := func(st *SessionState) *time.Time { n := st.Now; return &n }
	byGraphQL := Client{Transport: TransportGraphQL, UserAgent: "browser"}
	byREST := Client{Transport: TransportREST, UserAgent: "browser"}
	rotatedBy := func(by Transport, agent string) func(*SessionState) {
		return func(st *SessionState) { st.Session.RotatedBy, st.Session.UserAgent = by, agent }
	}
	// runs sets how long ago the runs began. Each began with a token issued a
	// minute earlier.
	runs := func(run, previous time.Duration) func(*SessionState) {
		began := func(d time.Duration) *Run {
			return &Run{BeganAt: now.Add(-d), IssuedAt: now.Add(-d - time.Minute).Truncate(time.Second)}
		}
		return func(st *SessionState) { st.Session.Run, st.Session.PreviousRun = began(run), began(previous) }
	}
	issued := func(ago time.Duration) func(*Claims) {
		return func(c *Claims) { c.IssuedAt = now.Add(-ago) }
	}
	tests := map[string]struct {
		secret string
		key    string
		grace  time.Duration
		rest   time.Duration // REFRESH_GRACE_REST
		client Client
		change func(*SessionState)
		claims func(*Claims)
		want   verdict
	}{
		"current":                                        {secret: "current", want: isCurrent},
		"current, whatever key":                          {secret: "current", key: "other", want: isCurrent},
		"current, blacklisted singly":                    {secret: "current", change: func(st *SessionState) { st.Session.RefreshBlacklistedAt = at(st) }, want: isBlacklisted},
		"parent with its key":                            {secret: "parent", key: "key", want: isRepeat},
		"parent with its key after hours":                {secret: "parent", key: "key", change: ago(23 * time.Hour), want: isRepeat},
		"parent with its key at the end of RETRY_TTL":    {secret: "parent", key: "key", change: ago(24 * time.Hour), want: isRepeat},
		"parent with its key after RETRY_TTL":            {secret: "parent", key: "key", change: ago(24*time.Hour + 1), want: isReuse},
		"parent with its key, child blacklisted":         {secret: "parent", key: "key", change: func(st *SessionState) { st.Session.RefreshBlacklistedAt = at(st) }, want: isRace},
		"parent with its key, revoked":                   {secret: "parent", key: "key", change: func(st *SessionState) { st.Session.RevokedAt = at(st) }, want: isRevoked},
		"parent without key":                             {secret: "parent", want: isRace},
		"parent with another key":                        {secret: "parent", key: "other", want: isRace},
		"parent at the end of the window":                {secret: "parent", change: ago(10 * time.Second), want: isRace},
		"parent after the window":                        {secret: "parent", change: ago(10*time.Second + 1), want: isReuse},
		"parent, rotated without a key, given one":       {secret: "parent", key: "key", change: func(st *SessionState) { st.Session.RetryHash = nil }, want: isRace},
		"parent within the grace":                        {secret: "parent", grace: 5 * time.Second, want: isRepeat},
		"parent within the grace, child blacklisted":     {secret: "parent", grace: 5 * time.Second, change: func(st *SessionState) { st.Session.RefreshBlacklistedAt = at(st) }, want: isRace},
		"parent after the grace, in the window":          {secret: "parent", grace: 5 * time.Second, change: ago(6 * time.Second), want: isRace},
		"grandparent":                                    {secret: "grandparent", want: isReuse},
		"grandparent with the key":                       {secret: "grandparent", key: "key", want: isReuse},
		"grandparent issued in the same second":          {secret: "grandparent", claims: func(c *Claims) { c.IssuedAt = now.Add(-time.Second) }, want: isReuse},
		"grandparent, replaced when the run began":       {secret: "grandparent", change: runs(2*time.Second, time.Hour), claims: issued(62 * time.Second), want: isRace},
		"grandparent, replaced in the run":               {secret: "grandparent", change: runs(2*time.Second, time.Hour), claims: issued(2 * time.Second), want: isRace},
		"grandparent with the key, replaced in the run":  {secret: "grandparent", key: "key", change: runs(2*time.Second, time.Hour), claims: issued(2 * time.Second), want: isRace},
		"grandparent within the grace, in the run":       {secret: "grandparent", grace: 5 * time.Second, change: runs(2*time.Second, time.Hour), claims: issued(2 * time.Second), want: isRace},
		"grandparent, replaced before the run":           {secret: "grandparent", change: runs(2*time.Second, time.Hour), claims: issued(63 * time.Second), want: isReuse},
		"grandparent, at the end of two windows":         {secret: "grandparent", change: runs(20*time.Second, time.Hour), claims: issued(30 * time.Second), want: isRace},
		"grandparent, after two windows":                 {secret: "grandparent", change: runs(20*time.Second+1, time.Hour), claims: issued(30 * time.Second), want: isReuse},
		"grandparent, replaced in the previous run":      {secret: "grandparent", change: runs(time.Second, 19*time.Second), claims: issued(70 * time.Second), want: isRace},
		"grandparent, two windows after the previous":    {secret: "grandparent", change: runs(time.Second, 20*time.Second+1), claims: issued(70 * time.Second), want: isReuse},
		"parent after the window, in the run":            {secret: "parent", change: func(st *SessionState) { ago(10*time.Second + 1)(st); runs(12*time.Second, time.Hour)(st) }, want: isReuse},
		"unknown, later than the row, in the run":        {secret: "lost", change: runs(2*time.Second, time.Hour), claims: issued(0), want: isRollback},
		"REST: parent, replaced through REST":            {secret: "parent", rest: 5 * time.Second, client: byREST, change: rotatedBy(TransportREST, "browser"), want: isRepeat},
		"REST: parent after the grace":                   {secret: "parent", rest: time.Second - 1, client: byREST, change: rotatedBy(TransportREST, "browser"), want: isRace},
		"REST: parent, replaced through GraphQL":         {secret: "parent", rest: 5 * time.Second, client: byREST, change: rotatedBy(TransportGraphQL, "browser"), want: isRace},
		"REST: parent, replaced before an upgrade":       {secret: "parent", rest: 5 * time.Second, client: byREST, change: rotatedBy("", "browser"), want: isRace},
		"REST: parent, replaced by another agent":        {secret: "parent", rest: 5 * time.Second, client: byREST, change: rotatedBy(TransportREST, "other"), want: isRace},
		"REST: parent, without an agent":                 {secret: "parent", rest: 5 * time.Second, client: Client{Transport: TransportREST}, change: rotatedBy(TransportREST, ""), want: isRace},
		"REST has no grace by that of GraphQL":           {secret: "parent", grace: 5 * time.Second, client: byREST, change: rotatedBy(TransportREST, "browser"), want: isRace},
		"GraphQL has no grace by that of REST":           {secret: "parent", rest: 5 * time.Second, client: byGraphQL, change: rotatedBy(TransportREST, "browser"), want: isRace},
		"password changed: parent with its key":          {secret: "parent", key: "key", change: rotatedBy(RotatedByPasswordChange, "browser"), want: isRace},
		"password changed: parent within the grace":      {secret: "parent", grace: 5 * time.Second, change: rotatedBy(RotatedByPasswordChange, "browser"), want: isRace},
		"password changed: parent, REST grace":           {secret: "parent", rest: 5 * time.Second, client: byREST, change: rotatedBy(RotatedByPasswordChange, "browser"), want: isRace},
		"password changed: parent after the window":      {secret: "parent", key: "key", change: func(st *SessionState) { ago(10*time.Second + 1)(st); rotatedBy(RotatedByPasswordChange, "browser")(st) }, want: isReuse},
		"unknown, later than the row":                    {secret: "lost", claims: func(c *Claims) { c.IssuedAt = now }, want: isRollback},
		"user disabled":                                  {secret: "current", change: func(st *SessionState) { st.User.DisabledAt = at(st) }, want: isUserDisabled},
		"session revoked":                                {secret: "current", change: func(st *SessionState) { st.Session.RevokedAt = at(st) }, want: isRevoked},
		"session past its absolute end":                  {secret: "current", change: func(st *SessionState) { st.Session.ExpiresAt = now }, want: isExpired},
		"session past its idle end":                      {secret: "current", change: func(st *SessionState) { st.Session.RefreshExpiresAt = now }, want: isExpired},
		"another user's session":                         {secret: "current", change: func(st *SessionState) { st.Session.UserID = testSession }, want: isMissing},
		"old token of a revoked session revokes no more": {secret: "grandparent", change: func(st *SessionState) { st.Session.RevokedAt = at(st) }, want: isRevoked},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &Service{settings: settings()}
			s.settings.RefreshGrace, s.settings.RefreshGraceREST = tt.grace, tt.rest
			if tt.client == (Client{}) {
				tt.client = byGraphQL
			}
			st := rotatedSession(now)
			if tt.change != nil {
				tt.change(&st)
			}
			c := Claims{User: ClaimsUser{ID: testUser}, SessionID: testSession, Secret: tt.secret, IssuedAt: now.Add(-time.Hour)}
			if tt.claims != nil {
				tt.claims(&c)
			}
			var key *SecretHash
			if tt.key != "" {
				h := HashSecret(tt.key)
				key = &h
			}
			if got := s.judgeRefresh(st, c, presentation{retry: key, client: tt.client, at: now}); got != tt.want {
				t.Errorf("verdict = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestService_judgeAccess(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		secret string
		issued time.Time
		change func(*SessionState)
		want   verdict
	}{
		"current":                                  {secret: "current", want: isCurrent},
		"parent in the overlap":                    {secret: "parent", want: isCurrent},
		"parent after the overlap":                 {secret: "parent", change: func(st *SessionState) { at := now.Add(-11 * time.Second); st.Session.RotatedAt = &at }, want: isBlacklisted},
		"parent, when the password was changed":    {secret: "parent", change: func(st *SessionState) { st.Session.RotatedBy = RotatedByPasswordChange }, want: isBlacklisted},
		"grandparent":                              {secret: "grandparent", want: isBlacklisted},
		"later than the row":                       {secret: "lost", issued: now, want: isRollback},
		"singly blacklisted":                       {secret: "current", change: func(st *SessionState) { st.AccessBlacklisted = true }, want: isBlacklisted},
		"parent singly blacklisted in the overlap": {secret: "parent", change: func(st *SessionState) { st.AccessBlacklisted = true }, want: isBlacklisted},
		"refresh token blacklisted":                {secret: "current", change: func(st *SessionState) { st.Session.RefreshBlacklistedAt = &now }, want: isCurrent},
		"revoked":                                  {secret: "current", change: func(st *SessionState) { st.Session.RevokedAt = &now }, want: isRevoked},
		"disabled":                                 {secret: "current", change: func(st *SessionState) { st.User.DisabledAt = &now }, want: isUserDisabled},
		"past the absolute end":                    {secret: "current", change: func(st *SessionState) { st.Session.ExpiresAt = now }, want: isExpired},
		"another user's session":                   {secret: "current", change: func(st *SessionState) { st.Session.UserID = testSession }, want: isMissing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &Service{settings: settings()}
			st := rotatedSession(now)
			if tt.change != nil {
				tt.change(&st)
			}
			c := Claims{User: ClaimsUser{ID: testUser}, SessionID: testSession, Secret: tt.secret, IssuedAt: tt.issued}
			if got := s.judgeAccess(st, c, now); got != tt.want {
				t.Errorf("verdict = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestDeriveSecret(t *testing.T) {
	key, other := []byte("0123456789abcdef0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210")
	child := deriveSecret(key, testSession, "parent")
	if len(child) != 64 {
		t.Errorf("child %q is not 64 hex characters", child)
	}
	if again := deriveSecret(key, testSession, "parent"); again != child {
		t.Error("the child of a token is not one value")
	}
	for name, differs := range map[string]string{
		"key":     deriveSecret(other, testSession, "parent"),
		"session": deriveSecret(key, testUser, "parent"),
		"parent":  deriveSecret(key, testSession, "parent2"),
		"purpose": deriveAtPasswordChange(key, testSession, "parent", SecretHash{}),
	} {
		if differs == child {
			t.Errorf("the child does not depend on the %s", name)
		}
	}
}

func TestHashIdempotencyKey(t *testing.T) {
	for name, tt := range map[string]struct {
		key string
		ok  bool
	}{
		"16":        {"0123456789abcdef", true},
		"15":        {"0123456789abcde", false},
		"space":     {"0123456789 abcdef", false},
		"control":   {"0123456789\x7fabcdef", false},
		"non-ASCII": {"0123456789éabcdef", false},
		"uuid":      {testUser, true},
		"128":       {string(make128()), true},
		"129":       {string(make128()) + "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := hashIdempotencyKey(tt.key)
			if (err == nil) != tt.ok || (h != nil) != tt.ok {
				t.Errorf("hash %v, error %v, want ok %v", h, err, tt.ok)
			}
		})
	}
	if h, err := hashIdempotencyKey(""); h != nil || err != nil {
		t.Errorf("no key: hash %v, error %v", h, err)
	}
}

func make128() []byte {
	b := make([]byte, 128)
	for i := range b {
		b[i] = '~'
	}
	return b
}
