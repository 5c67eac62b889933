package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Scope is a permission of an API key.
type Scope string

// The scopes.
const (
	// ScopeBlacklistRead lets a resource server follow the blacklist.
	ScopeBlacklistRead Scope = "blacklist:read"
	// ScopeIntrospect lets a resource server ask whether access tokens are valid.
	ScopeIntrospect Scope = "tokens:introspect"
	// ScopeIntrospectRefresh, together with ScopeIntrospect, lets a program ask
	// about refresh tokens, too. A resource server must not have it: it would take
	// an active refresh token for an access token.
	ScopeIntrospectRefresh Scope = "refresh-tokens:introspect"
	// ScopeRevoke lets a program revoke tokens of all users.
	ScopeRevoke Scope = "tokens:revoke"
)

// Scopes returns all scopes.
func Scopes() []Scope {
	return []Scope{ScopeBlacklistRead, ScopeIntrospect, ScopeIntrospectRefresh, ScopeRevoke}
}

// ScopeList returns the names of all scopes, for people.
func ScopeList() string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// APIKey is the stored form of a program's key. The key itself is shown once,
// when it is created.
type APIKey struct {
	ID         string // UUID, lower case
	Name       string
	Prefix     string // the part of the key that finds it; unique, not secret
	Hash       SecretHash
	Scopes     []Scope
	CreatedAt  time.Time
	LastUsedAt *time.Time // to about a minute; nil before the first use
	RevokedAt  *time.Time
}

// APIKeyStore stores API keys. It has the error rules of Store.
type APIKeyStore interface {
	CreateAPIKey(ctx context.Context, k APIKey, e *Event) error
	// APIKeyByPrefix returns a key, revoked or not, or ErrNotFound.
	APIKeyByPrefix(ctx context.Context, prefix string) (APIKey, error)
	// APIKeys lists all keys, oldest first.
	APIKeys(ctx context.Context) ([]APIKey, error)
	// TouchAPIKey records a use of a key at the given time.
	TouchAPIKey(ctx context.Context, id string, at time.Time) error
	// RevokeAPIKey revokes a key. It returns true if this call revoked it, and
	// ErrNotFound if no key has the prefix.
	RevokeAPIKey(ctx context.Context, prefix string, at time.Time, e *Event) (bool, error)
}

// APIKeyCaller is a program with a valid API key.
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

// APIKeyOptions configure NewAPIKeys. All fields are required, except
// Observer and Limits.
type APIKeyOptions struct {
	Store    APIKeyStore
	Limiter  Limiter
	Limits   Limits // the zero value: DefaultLimits
	Observer Observer
	Now      func() time.Time
	// Logger receives failures that do not fail a call.
	Logger *slog.Logger
}

// APIKeys has the use cases of API keys. It is safe for concurrent use.
type APIKeys struct {
	store    APIKeyStore
	limiter  Limiter
	limits   Limits
	observer Observer
	now      func() time.Time
	logger   *slog.Logger

	mu      sync.Mutex
	touched map[string]time.Time // when a use was last recorded, by the id of a key that a caller holds
	writes  sync.WaitGroup       // of uses
}

// NewAPIKeys returns the use cases of API keys.
func NewAPIKeys(o APIKeyOptions) *APIKeys {
	return &APIKeys{
		store: o.Store, limiter: o.Limiter, limits: o.Limits.orDefault(), observer: o.Observer, now: o.Now, logger: o.Logger,
		touched: map[string]time.Time{},
	}
}

const (
	apiKeyMark   = "rk"
	prefixBytes  = 8 // characters of hex
	maxKeyName   = 100
	apiKeyLength = len(apiKeyMark) + 1 + prefixBytes + 1 + 2*secretBytes
	// touchEvery is how often the use of a key is recorded.
	touchEvery = time.Minute
)

// IsAPIKey reports whether a bearer token looks like an API key.
func IsAPIKey(token string) bool { return strings.HasPrefix(token, apiKeyMark+"_") }

// Create creates a key and returns it: rk_, eight characters that find it, and
// 256 random bits, of which only the SHA-256 is stored. The journal records the
// client of ctx as the creator. It returns CodeBadUserInput for an invalid name
// or scope.
func (k *APIKeys) Create(ctx context.Context, name string, scopes []Scope) (key string, stored APIKey, err error) {
	name = strings.TrimSpace(name)
	if !visibleName(name, maxKeyName) {
		return "", APIKey{}, BadInput("name", fmt.Sprintf(nameRule, maxKeyName))
	}
	if len(scopes) == 0 {
		return "", APIKey{}, BadInput("scope", "an API key needs a scope")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return "", APIKey{}, BadInput("scope", "there is no such scope; there are "+ScopeList())
		}
	}
	secret, prefix := newSecret(), newSecret()[:prefixBytes]
	now := k.now()
	stored = APIKey{ID: NewID(now).String(), Name: name, Prefix: prefix, Hash: HashSecret(secret), Scopes: scopes, CreatedAt: now.Truncate(time.Microsecond)}
	e := Event{Kind: EventAPIKeyCreated, At: now, Client: ClientFrom(ctx), Detail: prefix}
	if err := k.store.CreateAPIKey(ctx, stored, &e); err != nil {
		return "", APIKey{}, fmt.Errorf("creating an API key: %w", err)
	}
	return apiKeyMark + "_" + prefix + "_" + secret, stored, nil
}

// List returns all keys, oldest first.
func (k *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	list, err := k.store.APIKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing API keys: %w", err)
	}
	return list, nil
}

// Revoke revokes the key with a prefix. It returns false if the key was already
// revoked, and CodeNotFound if there is no such key.
func (k *APIKeys) Revoke(ctx context.Context, prefix string) (bool, error) {
	now := k.now()
	revoked, err := k.store.RevokeAPIKey(ctx, prefix, now, &Event{Kind: EventAPIKeyRevoked, At: now, Client: ClientFrom(ctx), Detail: prefix})
	if errors.Is(err, ErrNotFound) {
		return false, &Error{Code: CodeNotFound, Message: "no API key has this prefix"}
	}
	if err != nil {
		return false, fmt.Errorf("revoking an API key: %w", err)
	}
	return revoked, nil
}

// Authenticate returns the caller with an API key. It returns
// ReasonTokenMissing without a key, and ReasonTokenInvalid if the key is
// unknown, wrong or revoked: the error does not distinguish the three.
func (k *APIKeys) Authenticate(ctx context.Context, presented string, c Client) (APIKeyCaller, error) {
	return k.authenticate(ctx, presented, limitKey, c)
}

// AuthenticateCall is Authenticate for calls that cost less than a stream: it
// allows more of them.
func (k *APIKeys) AuthenticateCall(ctx context.Context, presented string, c Client) (APIKeyCaller, error) {
	return k.authenticate(ctx, presented, limitKeyCall, c)
}

func (k *APIKeys) authenticate(ctx context.Context, presented string, l limitID, c Client) (_ APIKeyCaller, err error) {
	ctx, end := observe(ctx, k.observer, StepAPIKey, c)
	defer end(&err)
	prefix, hash, ok := splitAPIKey(presented)
	if !ok {
		return APIKeyCaller{}, k.refuse(ctx, c, presented)
	}
	if err := k.allow(ctx, limitKeyLookup, AddressKey(c.Address)); err != nil {
		return APIKeyCaller{}, err
	}
	stored, err := k.store.APIKeyByPrefix(ctx, prefix)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return APIKeyCaller{}, fmt.Errorf("looking up an API key: %w", err)
	}
	// If there is no such key, the zero key is compared all the same: no secret
	// has its hash.
	if same := stored.Hash.Equal(hash); !same || err != nil || stored.RevokedAt != nil {
		return APIKeyCaller{}, k.refuse(ctx, c, presented)
	}
	if err := k.allow(ctx, l, stored.ID); err != nil {
		return APIKeyCaller{}, err
	}
	k.touch(ctx, stored)
	return APIKeyCaller{Prefix: stored.Prefix, Name: stored.Name, Scopes: stored.Scopes}, nil
}

func (k *APIKeys) allow(ctx context.Context, l limitID, key string) error {
	return allow(ctx, k.limiter, k.limits.check(l, key))
}

func (k *APIKeys) refuse(ctx context.Context, c Client, presented string) error {
	if err := k.allow(ctx, limitAddress, AddressKey(c.Address)); err != nil {
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
	stored, err := k.store.APIKeyByPrefix(ctx, caller.Prefix)
	if errors.Is(err, ErrNotFound) || err == nil && stored.RevokedAt != nil {
		return invalidKey()
	}
	if err != nil {
		return fmt.Errorf("looking up an API key: %w", err)
	}
	return nil
}

// touch records the use of a key, at most once in touchEvery. It does not wait
// for the write, and the call succeeds even if the database is read-only.
func (k *APIKeys) touch(ctx context.Context, key APIKey) {
	now := k.now()
	if key.LastUsedAt != nil && now.Sub(*key.LastUsedAt) < touchEvery {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if last, ok := k.touched[key.ID]; ok && now.Sub(last) < touchEvery {
		return
	}
	k.touched[key.ID] = now
	ctx = context.WithoutCancel(ctx) // the call may end first
	k.writes.Go(func() {
		if err := k.store.TouchAPIKey(ctx, key.ID, now); err != nil {
			k.logger.WarnContext(ctx, "recording the use of an API key failed", "key", key.Prefix, "error", Cause(err))
		}
	})
}

// Wait waits until the uses of all calls that returned are recorded. The store
// bounds the time.
func (k *APIKeys) Wait() { k.writes.Wait() }

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
