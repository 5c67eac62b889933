package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Scope is what an API key may do.
type Scope string

// The scopes.
const (
	// ScopeBlacklistRead lets a resource server follow the blacklist.
	ScopeBlacklistRead Scope = "blacklist:read"
	// ScopeIntrospect lets a resource server ask whether access tokens are good.
	ScopeIntrospect Scope = "tokens:introspect"
	// ScopeIntrospectRefresh, beside ScopeIntrospect, lets a program ask about
	// refresh tokens, too. A resource server must not have it: it would take
	// an active refresh token for an access token.
	ScopeIntrospectRefresh Scope = "refresh-tokens:introspect"
	// ScopeRevoke lets a program revoke anybody's tokens.
	ScopeRevoke Scope = "tokens:revoke"
)

// Scopes returns all there are.
func Scopes() []Scope {
	return []Scope{ScopeBlacklistRead, ScopeIntrospect, ScopeIntrospectRefresh, ScopeRevoke}
}

// ScopeList names all scopes, for people.
func ScopeList() string {
	return fmt.Sprintf("%s, %s, %s, %s", ScopeBlacklistRead, ScopeIntrospect, ScopeIntrospectRefresh, ScopeRevoke)
}

// APIKey is what is kept of a key of a program. The key itself is shown once,
// when it is made.
type APIKey struct {
	ID         string // UUID, lower case
	Name       string
	Prefix     string // the part of the key that finds it; unique, no secret
	Hash       SecretHash
	Scopes     []Scope
	CreatedAt  time.Time
	LastUsedAt *time.Time // to the minute or so; nil before the first use
	RevokedAt  *time.Time
}

// APIKeyStore keeps API keys. Its methods are as those of Store.
type APIKeyStore interface {
	CreateAPIKey(ctx context.Context, k APIKey, kept ...Event) error
	// APIKeyByPrefix returns a key, revoked or not, or ErrNotFound.
	APIKeyByPrefix(ctx context.Context, prefix string) (APIKey, error)
	// APIKeys lists all keys, oldest first.
	APIKeys(ctx context.Context) ([]APIKey, error)
	// TouchAPIKey notes a use at the given time.
	TouchAPIKey(ctx context.Context, id string, at time.Time) error
	// RevokeAPIKey ends a key; true when this call ended it. ErrNotFound when
	// no key has the prefix.
	RevokeAPIKey(ctx context.Context, prefix string, at time.Time, kept ...Event) (bool, error)
}

// APIKeyCaller is a program that is calling, proven by an API key.
type APIKeyCaller struct {
	Prefix string
	Name   string
	Scopes []Scope
}

// Require returns CodeForbidden unless the caller's key has the scope.
func (k APIKeyCaller) Require(s Scope) error {
	if slices.Contains(k.Scopes, s) {
		return nil
	}
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf("the API key lacks the scope %s", s)}
}

// APIKeyOptions are what NewAPIKeys needs. All fields are required, except
// Observer.
type APIKeyOptions struct {
	Store    APIKeyStore
	Limiter  Limiter
	Observer Observer
	Now      func() time.Time
	// Logger receives failures that do not fail a call.
	Logger *slog.Logger
}

// APIKeys has the use cases of API keys. It is safe for concurrent use.
type APIKeys struct {
	store    APIKeyStore
	limiter  Limiter
	observer Observer
	now      func() time.Time
	logger   *slog.Logger
	uses     keyUses
}

// NewAPIKeys returns the use cases of API keys.
func NewAPIKeys(o APIKeyOptions) *APIKeys {
	return &APIKeys{store: o.Store, limiter: o.Limiter, observer: o.Observer, now: o.Now, logger: o.Logger}
}

const (
	apiKeyMark   = "rk"
	prefixBytes  = 8 // characters of hex
	maxKeyName   = 100
	apiKeyLength = len(apiKeyMark) + 1 + prefixBytes + 1 + 2*secretBytes
)

// IsAPIKey reports whether a bearer token looks like an API key.
func IsAPIKey(token string) bool { return strings.HasPrefix(token, apiKeyMark+"_") }

// Create makes a key and returns it: rk_, eight characters that find it, and
// 256 random bits, of which only the SHA-256 is kept. The journal has that ctx's
// client made it. CodeBadUserInput.
func (k *APIKeys) Create(ctx context.Context, name string, scopes []Scope) (key string, kept APIKey, err error) {
	name = strings.TrimSpace(name)
	if name == "" || !plainText(name, maxKeyName) {
		return "", APIKey{}, BadInput("name", fmt.Sprintf("name must have 1 to %d characters, "+plainTextRule, maxKeyName))
	}
	if err := checkScopes(scopes); err != nil {
		return "", APIKey{}, err
	}
	secret, prefix := newSecret(), newSecret()[:prefixBytes]
	now := k.now()
	kept = APIKey{ID: NewID(now).String(), Name: name, Prefix: prefix, Hash: HashSecret(secret), Scopes: scopes, CreatedAt: now.Truncate(time.Microsecond)}
	e := Event{Kind: EventAPIKeyCreated, At: now, Client: ClientFrom(ctx), Detail: prefix}
	if err := k.store.CreateAPIKey(ctx, kept, e); err != nil {
		return "", APIKey{}, fmt.Errorf("keeping an API key: %w", err)
	}
	return apiKeyMark + "_" + prefix + "_" + secret, kept, nil
}

func checkScopes(scopes []Scope) error {
	if len(scopes) == 0 {
		return BadInput("scope", "an API key needs a scope")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return BadInput("scope", "there is no such scope; there are "+ScopeList())
		}
	}
	return nil
}

// List returns all keys, oldest first.
func (k *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	list, err := k.store.APIKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing API keys: %w", err)
	}
	return list, nil
}

// Revoke ends a key, given its prefix; false when it had ended before.
// CodeNotFound when there is none.
func (k *APIKeys) Revoke(ctx context.Context, prefix string) (bool, error) {
	now := k.now()
	ended, err := k.store.RevokeAPIKey(ctx, prefix, now, Event{Kind: EventAPIKeyRevoked, At: now, Client: ClientFrom(ctx), Detail: prefix})
	if errors.Is(err, ErrNotFound) {
		return false, &Error{Code: CodeNotFound, Message: "no API key has this prefix"}
	}
	if err != nil {
		return false, fmt.Errorf("revoking an API key: %w", err)
	}
	return ended, nil
}

// Authenticate returns whose key it is. ReasonTokenMissing for none,
// ReasonTokenInvalid for one that is unknown, wrong or revoked: the three are
// not told apart.
func (k *APIKeys) Authenticate(ctx context.Context, presented string, c Client) (APIKeyCaller, error) {
	return k.authenticate(ctx, presented, keyLimit(), c)
}

// AuthenticateCall is Authenticate for calls that cost little: more of them may
// come than streams.
func (k *APIKeys) AuthenticateCall(ctx context.Context, presented string, c Client) (APIKeyCaller, error) {
	return k.authenticate(ctx, presented, keyCallLimit(), c)
}

func (k *APIKeys) authenticate(ctx context.Context, presented string, l Limit, c Client) (_ APIKeyCaller, err error) {
	ctx, end := observe(ctx, k.observer, StepAPIKey, c)
	defer end(&err)
	prefix, hash, ok := splitAPIKey(presented)
	if !ok {
		return APIKeyCaller{}, k.refuse(ctx, c, presented)
	}
	if err := allow(ctx, k.limiter, Check{keyLookupLimit(), AddressKey(c.Address)}); err != nil {
		return APIKeyCaller{}, err
	}
	kept, err := k.store.APIKeyByPrefix(ctx, prefix)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return APIKeyCaller{}, fmt.Errorf("looking an API key up: %w", err)
	}
	// The zero key of one that is not there is compared like any other: no
	// secret has its hash.
	if same := kept.Hash.Equal(hash); !same || err != nil || kept.RevokedAt != nil {
		return APIKeyCaller{}, k.refuse(ctx, c, presented)
	}
	if err := allow(ctx, k.limiter, Check{l, kept.ID}); err != nil {
		return APIKeyCaller{}, err
	}
	k.noteUse(ctx, kept)
	return APIKeyCaller{Prefix: kept.Prefix, Name: kept.Name, Scopes: kept.Scopes}, nil
}

func (k *APIKeys) refuse(ctx context.Context, c Client, presented string) error {
	if err := allow(ctx, k.limiter, Check{addressLimit(), AddressKey(c.Address)}); err != nil {
		return err
	}
	if presented == "" {
		return Unauthenticated(ReasonTokenMissing, "an API key is required")
	}
	return invalidKey()
}

func invalidKey() error { return Unauthenticated(ReasonTokenInvalid, "API key is not valid") }

// Check returns CodeUnauthenticated if a key that authenticated before is no
// longer valid.
func (k *APIKeys) Check(ctx context.Context, caller APIKeyCaller) error {
	kept, err := k.store.APIKeyByPrefix(ctx, caller.Prefix)
	if errors.Is(err, ErrNotFound) || err == nil && kept.RevokedAt != nil {
		return invalidKey()
	}
	if err != nil {
		return fmt.Errorf("looking an API key up: %w", err)
	}
	return nil
}

func splitAPIKey(presented string) (prefix string, hash SecretHash, ok bool) {
	if len(presented) != apiKeyLength || !IsAPIKey(presented) {
		return "", SecretHash{}, false
	}
	prefix, secret, _ := strings.Cut(presented[len(apiKeyMark)+1:], "_")
	if len(prefix) != prefixBytes || !lowerHex(prefix) || !lowerHex(secret) {
		return "", SecretHash{}, false
	}
	return prefix, HashSecret(secret), true
}

func lowerHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s == strings.ToLower(s)
}
