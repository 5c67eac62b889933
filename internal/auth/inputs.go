package auth

// SignUpInput is what a new user gives.
type SignUpInput struct {
	Name     string
	Email    string
	Password string
	Replaces string // see LoginInput
}

// LoginInput is an e-mail address and a password.
type LoginInput struct {
	Email    string
	Password string
	// Replaces is the token whose place the new pair takes, where the client
	// keeps one pair at a time: the session of that token ends, whoever's it is
	// (OWASP ASVS 7.2.4). What is no token of ours counts for nothing.
	Replaces string
}

// RefreshInput is a refresh token to be replaced.
type RefreshInput struct {
	Token string
	// IdempotencyKey is 16 to 128 visible ASCII characters, fresh for each
	// rotation, or empty. With the same key the same pair is answered again.
	IdempotencyKey string
	Replaces       string // see LoginInput
}

// ChangePasswordInput is the current password and the one that replaces it.
type ChangePasswordInput struct {
	CurrentPassword string
	NewPassword     string
}

// LogoutScope says which of the caller's sessions end.
type LogoutScope string

// The scopes that need a live access token. The session of a token at hand is
// ended by [Service.Logout].
const (
	ScopeOthers LogoutScope = "OTHERS"
	ScopeAll    LogoutScope = "ALL"
)
