// Command libraries is a service that checks access tokens with a library that
// people use, by the published keys alone. It reads tokens from its input, one a
// line, and answers a line of JSON for each.
//
//	libraries LIBRARY ISSUER REFRESH
//
// REFRESH is how long the library keeps the keys. It is the only way in which the
// keys become known: a key that is unknown is not fetched.
//
// The library zitadel/oidc introspects tokens instead: REFRESH is then 0, and the
// environment variable API_KEY has a key.
//
// It is a module of its own, so that its dependencies are not the product's.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/time/rate"
)

// check returns the subject of a valid token.
type check func(ctx context.Context, token string) (sub string, err error)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	libraries := map[string]func(ctx context.Context, issuer string, refresh time.Duration) (check, error){
		"jwx": withJWX, "keyfunc": withKeyfunc, "zitadel": withZitadel,
	}
	if len(args) != 3 || libraries[args[0]] == nil {
		return fmt.Errorf("usage: libraries LIBRARY ISSUER REFRESH")
	}
	refresh, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	verify, err := libraries[args[0]](ctx, args[1], refresh)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer := map[string]string{}
		sub, err := verify(ctx, lines.Text())
		if err != nil {
			answer["problem"] = err.Error()
		} else {
			answer["sub"] = sub
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func keysOf(issuer string) string { return issuer + "/.well-known/jwks.json" }

func withJWX(ctx context.Context, issuer string, refresh time.Duration) (check, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, keysOf(issuer), jwk.WithConstantInterval(refresh)); err != nil {
		return nil, err
	}
	set, err := cache.CachedSet(keysOf(issuer))
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, token string) (string, error) {
		t, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(set, jws.WithRequireKid(true)),
			jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(issuer))
		if err != nil {
			return "", err
		}
		sub, _ := t.Subject()
		return sub, nil
	}, nil
}

func withKeyfunc(ctx context.Context, issuer string, refresh time.Duration) (check, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{keysOf(issuer)}, keyfunc.Override{
		RefreshInterval: refresh, RefreshUnknownKID: rate.NewLimiter(0, 0), RateLimitWaitMax: time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, token string) (string, error) {
		t, err := jwt.Parse(token, keys.Keyfunc, jwt.WithValidMethods([]string{"ES256"}),
			jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithExpirationRequired())
		if err != nil {
			return "", err
		}
		return t.Claims.GetSubject()
	}, nil
}

func withZitadel(ctx context.Context, issuer string, _ time.Duration) (check, error) {
	key := os.Getenv("API_KEY") // rk_, the id, _, the rest
	server, err := rs.NewResourceServerClientCredentials(ctx, issuer, key[3:11], key)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) (string, error) {
		answer, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
		if err == nil && (!answer.Active || answer.Issuer != issuer) {
			err = fmt.Errorf("not active, or of another issuer: %+v", answer)
		}
		if err != nil {
			return "", err
		}
		return answer.Subject, nil
	}, nil
}
