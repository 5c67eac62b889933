package load

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"rekey/bench/internal/seed"
	"rekey/internal/auth"
	"rekey/internal/token"
)

// pair holds the token pair of a session.
type pair struct {
	session         int
	access, refresh string
}

// client sends one request after the other.
type client struct {
	plan   Plan
	number int
	codec  *token.Codec
	now    func() time.Time
	conn   *conn
	buf    []byte
	pairs  []pair
	turn   int
	hash   maphash.Seed
	run    int64

	took     []time.Duration
	tokens   []uint64 // hashes of all tokens seen
	errors   map[string]int
	verified int
}

// open connects and takes the client's share of the sessions.
func (c *client) open(ctx context.Context) (err error) {
	if c.conn, err = dial(ctx, c.plan.Addr); err != nil || c.plan.Kind == Login || c.plan.Kind == Storm {
		return err
	}
	share := c.plan.Sessions / c.plan.Clients
	for i := range share {
		session := c.plan.First + (c.number*share+i)*max(1, c.plan.Stride)
		first, err := seed.Token(c.codec, session, c.plan.Issued)
		if err != nil {
			return err
		}
		c.pairs = append(c.pairs, pair{session: session, refresh: first})
	}
	return nil
}

// warm performs the first requests, which the measured window must not contain.
func (c *client) warm(ctx context.Context, kind Kind) error {
	switch c.plan.Kind {
	case Storm: // it has waited for its turn longer than a server waits for the first request of a connection
		return errors.Join(c.reopen(ctx), c.account(signUpDocument), c.conn.Close())
	case Login:
		return c.account(signUpDocument)
	case GraphQL, REST, Me:
	}
	if err := c.refresh(kind); err != nil || c.plan.Kind != Me {
		return err
	}
	return c.me()
}

func (c *client) step() error {
	switch c.plan.Kind {
	case Login:
		return c.account(loginDocument)
	case Me:
		return c.me()
	case GraphQL, REST, Storm:
	}
	return c.refresh(c.plan.Kind)
}

// work sends requests until the given time.
func (c *client) work(ctx context.Context, until time.Time) {
	c.took = c.took[:0]
	for begun := c.now(); begun.Before(until); {
		err := c.step()
		ended := c.now()
		if err == nil {
			c.took = append(c.took, ended.Sub(begun))
		} else if c.errors[err.Error()]++; c.reopen(ctx) != nil {
			return
		}
		begun = ended
	}
}

// reopen continues after an error on a new connection.
func (c *client) reopen(ctx context.Context) (err error) {
	_ = c.conn.Close() // it may be broken
	c.conn, err = dial(ctx, c.plan.Addr)
	return err
}

var errNoTokens = errors.New("no tokens in the answer")

// refresh rotates the next session and checks the answer.
func (c *client) refresh(kind Kind) error {
	p := &c.pairs[c.turn%len(c.pairs)]
	c.turn++
	headers := ""
	if c.plan.Spread {
		headers = forwarded(p.session)
	}
	c.buf = refreshRequest(c.buf, kind, headers, p.refresh, c.number, c.turn)
	status, body, err := c.conn.exchange(c.buf)
	if err != nil {
		return err
	}
	name := "refreshToken"
	if kind == REST {
		name = "refresh_token"
	}
	access, refresh := member(body, "token"), member(body, name)
	if access == "" || refresh == "" {
		return fmt.Errorf("%w: status %d", errNoTokens, status)
	}
	p.access, p.refresh = access, refresh
	c.tokens = append(c.tokens, maphash.String(c.hash, access), maphash.String(c.hash, refresh))
	if len(c.tokens)%verifyEvery == 0 {
		return c.verify(p)
	}
	return nil
}

// verifyEvery limits verification to one pair in so many tokens.
const verifyEvery = 128

var errWrongToken = errors.New("a token of another session")

func (c *client) verify(p *pair) error {
	for use, tok := range map[auth.TokenUse]string{auth.UseAccess: p.access, auth.UseRefresh: p.refresh} {
		claims, err := c.codec.Verify(use, tok, c.now())
		if err != nil {
			return err
		}
		if claims.SessionID != seed.SessionID(p.session) {
			return errWrongToken
		}
		c.verified++
	}
	return nil
}

func (c *client) me() error {
	c.buf = post(c.buf, "Authorization: Bearer "+c.pairs[0].access+"\r\n", meDocument, "{}")
	status, body, err := c.conn.exchange(c.buf)
	if err == nil && member(body, "email") == "" {
		err = fmt.Errorf("%w: status %d", errNoTokens, status)
	}
	return err
}

func (c *client) account(document string) error {
	headers := ""
	if c.plan.Spread {
		headers = forwarded(c.number)
	}
	c.buf = accountRequest(c.buf, document, headers, c.number, c.run)
	status, body, err := c.conn.exchange(c.buf)
	if err == nil && member(body, "token") == "" {
		err = fmt.Errorf("%w: status %d", errNoTokens, status)
	}
	return err
}
