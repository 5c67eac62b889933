package auth

import "context"

type Service struct{}

func (s *Service) SignUp(ctx context.Context, in SignUpInput, c Client) (Grant, error) {
	return Grant{}, Unavailable(nil)
}
func (s *Service) Login(ctx context.Context, in LoginInput, c Client) (Grant, error) {
	return Grant{}, Unavailable(nil)
}
func (s *Service) Refresh(ctx context.Context, in RefreshInput, c Client) (Grant, error) {
	return Grant{}, Unavailable(nil)
}

// CheckRefreshToken is the guard of the legacy route: nil when the token is live and current. Reads only.
func (s *Service) CheckRefreshToken(ctx context.Context, token string, c Client) error {
	return Unavailable(nil)
}
func (s *Service) Authenticate(ctx context.Context, accessToken string, c Client) (Caller, error) {
	return Caller{}, Unavailable(nil)
}

// Logout ends the session of the given token (access or refresh, even expired); 0 when there is nothing to end.
func (s *Service) Logout(ctx context.Context, token string, c Client) (int, error) {
	return 0, Unavailable(nil)
}
func (s *Service) EndSessions(ctx context.Context, caller Caller, scope LogoutScope, c Client) (int, error) {
	return 0, Unavailable(nil)
}
func (s *Service) Me(ctx context.Context, caller Caller) (User, error) {
	return User{}, Unavailable(nil)
}
func (s *Service) Session(ctx context.Context, caller Caller) (Session, error) {
	return Session{}, Unavailable(nil)
}
func (s *Service) Sessions(ctx context.Context, caller Caller) ([]Session, error) {
	return nil, Unavailable(nil)
}
func (s *Service) RevokeSession(ctx context.Context, caller Caller, id string, c Client) (Session, error) {
	return Session{}, Unavailable(nil)
}
func (s *Service) IsBlacklisted(ctx context.Context, caller Caller, token string) (bool, error) {
	return false, Unavailable(nil)
}
func (s *Service) BlacklistToken(ctx context.Context, caller Caller, token, reason string, c Client) (BlacklistedToken, error) {
	return BlacklistedToken{}, Unavailable(nil)
}
func (s *Service) ChangePassword(ctx context.Context, caller Caller, in ChangePasswordInput, c Client) (int, error) {
	return 0, Unavailable(nil)
}
func (s *Service) DisableUser(ctx context.Context, email string, c Client) (int, error) {
	return 0, Unavailable(nil)
}
func (s *Service) EnableUser(ctx context.Context, email string, c Client) error {
	return Unavailable(nil)
}
