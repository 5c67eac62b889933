package auth

import (
	"context"
	"errors"
	"fmt"
)

// Me returns the caller's account. It returns CodeUnauthenticated if the account
// was deleted after the access check.
func (s *Service) Me(ctx context.Context, caller Caller, c Client) (_ User, err error) {
	ctx, _, end, err := s.begin(ctx, StepMe, c)
	defer end(&err)
	if err != nil {
		return User{}, err
	}
	return s.account(ctx, caller)
}

func (s *Service) account(ctx context.Context, caller Caller) (User, error) {
	u, err := s.store.UserByID(ctx, caller.UserID)
	if errors.Is(err, ErrNotFound) {
		return User{}, isMissing.err()
	}
	if err != nil {
		return User{}, fmt.Errorf("reading a user: %w", err)
	}
	return u, nil
}
