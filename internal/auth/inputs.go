package auth

// SignUpInput is what a new user gives.
type SignUpInput struct {
	Name     string
	Email    string
	Password string
}

// LoginInput is an e-mail address and a password.
type LoginInput struct {
	Email    string
	Password string
}

// RefreshInput is a refresh token to be replaced.
type RefreshInput struct {
	Token string
	// IdempotencyKey is 16 to 128 visible ASCII characters, fresh for each
	// rotation, or empty. With the same key the same pair is answered again.
	IdempotencyKey string
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
