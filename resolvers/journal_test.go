package resolvers_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

const (
	history = `query($first: Int, $after: String, $last: Int, $before: String) {
		securityEvents(first: $first, after: $after, last: $last, before: $before) {
			edges { cursor node { id at kind reason actor sessionId sessionsEnded address userAgent requestId } }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
	changePassword = `mutation($i: ChangePasswordInput!) { changePassword(input: $i) { tokens { token } } }`
)

type event struct {
	ID, At, Kind, Actor                           string
	Reason, SessionID, Address, UserAgent, Client *string
	SessionsEnded                                 int
}

type connection struct {
	Edges []struct {
		Cursor string
		Node   event
	}
	PageInfo struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
}

func (c connection) ids() []string {
	ids := make([]string, len(c.Edges))
	for i, e := range c.Edges {
		ids[i] = e.Node.ID
	}
	return ids
}

// kinds returns the kinds of the events, newest first.
func (c connection) kinds() string {
	words := make([]string, len(c.Edges))
	for i, e := range c.Edges {
		words[i] = e.Node.Kind
		if e.Node.Reason != nil {
			words[i] += ":" + *e.Node.Reason
		}
	}
	return strings.Join(words, " ")
}

func (s *stack) history(t *testing.T, token string, variables map[string]any) connection {
	t.Helper()
	return field[connection](t, s.send(t, history, variables, bearer(token)...), "securityEvents")
}

// TestResolver_SecurityEvents: only the owner of an account sees its events.
func TestResolver_SecurityEvents(t *testing.T) {
	s := newStack(t)
	other := field[pair](t, s.send(t, signUp, map[string]any{"input": map[string]any{"name": "Eve", "email": "eve@example.com", "password": password}}), "signUp")
	begin := time.Now()
	step := func() { begin = begin.Add(time.Second); s.setNow(begin) } // no two events have one time
	step()
	first := s.signUp(t)
	step()
	s.send(t, login, map[string]any{"input": map[string]any{"email": "ada@example.com", "password": "wrong horse"}})
	s.send(t, login, map[string]any{"input": map[string]any{"email": "nobody@example.com", "password": "wrong horse"}})
	step()
	second := s.login(t)
	step()
	for _, current := range []string{"wrong horse", password} {
		a := s.send(t, changePassword, map[string]any{"i": map[string]any{"currentPassword": current, "newPassword": password + " staple"}}, bearer(second.Token)...)
		if len(a.Errors) == 0 {
			second = field[struct{ Tokens pair }](t, a, "changePassword").Tokens
		}
		step()
	}
	s.send(t, `mutation { logout(scope: OTHERS) }`, nil, bearer(second.Token)...) // there are none
	h := s.history(t, second.Token, nil)
	const want = "PASSWORD_CHANGED PASSWORD_CHANGE_FAILED LOGIN LOGIN_FAILED:invalid_credentials SIGN_UP"
	if h.kinds() != want {
		t.Fatalf("events are %s, want %s", h.kinds(), want)
	}
	if e := h.Edges[len(h.Edges)-1].Node; e.SessionID == nil || *e.SessionID != first.Session.ID || e.Actor != "CLIENT" {
		t.Errorf("sign-up = %+v", e)
	}
	if h.PageInfo.HasNextPage || h.PageInfo.HasPreviousPage || *h.PageInfo.StartCursor != h.Edges[0].Cursor {
		t.Errorf("pageInfo = %+v", h.PageInfo)
	}
	theirs := s.history(t, other.Token, nil)
	if theirs.kinds() != "SIGN_UP" {
		t.Errorf("the other sees %s", theirs.kinds())
	}
	// Another's cursor is a place in time, and no way in.
	for _, v := range []map[string]any{{"after": h.Edges[0].Cursor}, {"before": h.Edges[0].Cursor}, {"last": 5, "before": h.Edges[0].Cursor}} {
		if got := s.history(t, other.Token, v); got.kinds() != "SIGN_UP" && got.kinds() != "" {
			t.Errorf("%v: the other sees %s", v, got.kinds())
		}
	}
}

// TestResolver_SecurityEventActors: the name of an operator or a program is hidden.
func TestResolver_SecurityEventActors(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	for i, actor := range []string{"cli:root", "api_key:0123abcd", "system", "client"} {
		at := time.Now().Add(time.Duration(i+1) * time.Second)
		e := auth.Event{Kind: auth.EventSessionRevoked, At: at, UserID: p.User.ID, Client: auth.Client{Actor: actor}}
		if err := s.store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	unknown := auth.Event{Kind: "of_tomorrow", At: time.Now().Add(time.Minute), UserID: p.User.ID}
	if err := s.store.Record(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	var got []string
	h := s.history(t, p.Token, nil)
	for _, e := range h.Edges {
		got = append(got, e.Node.Kind+" "+e.Node.Actor)
	}
	want := []string{"OTHER SYSTEM", "SESSION_REVOKED CLIENT", "SESSION_REVOKED SYSTEM", "SESSION_REVOKED SERVICE", "SESSION_REVOKED OPERATOR", "SIGN_UP CLIENT"}
	if !slices.Equal(got, want) {
		t.Errorf("events are %q, want %q", got, want)
	}
}

// recordAt keeps n events of a user, a second from each other.
func (s *stack) recordAt(t *testing.T, userID string, begin time.Time, n int) {
	t.Helper()
	for i := range n {
		e := auth.Event{Kind: auth.EventLogin, At: begin.Add(time.Duration(i) * time.Second), UserID: userID}
		if err := s.store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// The event of a cursor itself lies on its other side, be it the last one there.
func TestResolver_SecurityEventOtherSide(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	s.recordAt(t, p.User.ID, time.Now().Add(time.Minute), 1)
	h := s.history(t, p.Token, nil)
	for name, v := range map[string]map[string]any{
		"after the newest": {"first": 5, "after": h.Edges[0].Cursor}, "after the oldest": {"first": 5, "after": h.Edges[1].Cursor},
	} {
		if page := s.history(t, p.Token, v); !page.PageInfo.HasPreviousPage || page.PageInfo.HasNextPage {
			t.Errorf("%s: %+v", name, page.PageInfo)
		}
	}
	for name, v := range map[string]map[string]any{
		"before the newest": {"last": 5, "before": h.Edges[0].Cursor}, "before the oldest": {"last": 5, "before": h.Edges[1].Cursor},
	} {
		if page := s.history(t, p.Token, v); page.PageInfo.HasPreviousPage || !page.PageInfo.HasNextPage {
			t.Errorf("%s: %+v", name, page.PageInfo)
		}
	}
}

// Pages hold each event once, forward and backward, though others happen
// between two pages.
func TestResolver_SecurityEventPages(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	begin := time.Now().Add(time.Minute)
	s.recordAt(t, p.User.ID, begin, 10)
	all := s.history(t, p.Token, map[string]any{"first": 100}).ids() // with the sign-up
	t.Run("forward", func(t *testing.T) {
		var seen []string
		for v := (map[string]any{"first": 3}); ; {
			page := s.history(t, p.Token, v)
			seen = append(seen, page.ids()...)
			s.recordAt(t, p.User.ID, begin.Add(time.Hour), 1)
			if last := len(seen) == len(all); page.PageInfo.HasNextPage == last || page.PageInfo.HasPreviousPage != (v["after"] != nil) {
				t.Fatalf("after %d of %d: %+v", len(seen), len(all), page.PageInfo)
			} else if last {
				break
			}
			v["after"] = *page.PageInfo.EndCursor
		}
		if !slices.Equal(seen, all) {
			t.Errorf("%d events, want %d", len(seen), len(all))
		}
	})
	t.Run("backward", func(t *testing.T) {
		now := s.history(t, p.Token, map[string]any{"first": 100}).ids()
		var seen []string
		for v := (map[string]any{"last": 4}); ; {
			page := s.history(t, p.Token, v)
			seen = append(page.ids(), seen...)
			if last := len(seen) == len(now); page.PageInfo.HasPreviousPage == last || page.PageInfo.HasNextPage != (v["before"] != nil) {
				t.Fatalf("after %d of %d: %+v", len(seen), len(now), page.PageInfo)
			} else if last {
				break
			}
			v["before"] = *page.PageInfo.StartCursor
		}
		if !slices.Equal(seen, now) {
			t.Errorf("%d events, want %d", len(seen), len(now))
		}
	})
	t.Run("between", func(t *testing.T) {
		h := s.history(t, p.Token, map[string]any{"first": 6})
		page := s.history(t, p.Token, map[string]any{"first": 9, "after": h.Edges[1].Cursor, "before": h.Edges[5].Cursor})
		if !slices.Equal(page.ids(), h.ids()[2:5]) {
			t.Errorf("%v, want %v", page.ids(), h.ids()[2:5])
		}
		none := s.history(t, p.Token, map[string]any{"first": 0})
		if len(none.Edges) != 0 || !none.PageInfo.HasNextPage || none.PageInfo.EndCursor != nil {
			t.Errorf("none = %+v", none)
		}
	})
}

func TestResolver_SecurityEventsBadInput(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	good := s.history(t, p.Token, nil).Edges[0].Cursor
	spelt := base64.StdEncoding.EncodeToString([]byte("event:" + p.User.ID + "=="))
	for name, v := range map[string]map[string]any{ // by the field at fault
		"first too many":   {"first": 101},
		"first negative":   {"first": -1},
		"last too many":    {"last": 101},
		"last negative":    {"last": -1},
		"last and first":   {"first": 1, "last": 1},
		"after no cursor":  {"after": "x"},
		"after empty":      {"after": ""},
		"after an id":      {"after": p.User.ID},
		"after unmarked":   {"after": base64.RawURLEncoding.EncodeToString([]byte(p.User.ID))},
		"after padded":     {"after": spelt},
		"after cut off":    {"after": good[:len(good)-3]},
		"after upper case": {"after": base64.RawURLEncoding.EncodeToString([]byte("event:" + strings.ToUpper(p.User.ID)))},
		"before no cursor": {"last": 1, "before": "' OR 1=1 --"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, history, v, bearer(p.Token)...)
			where := strings.Fields(name)[0]
			if a.refused() != "BAD_USER_INPUT" || fmt.Sprint(a.Errors[0].Extensions["field"]) != where {
				t.Errorf("%s %+v", a.refused(), a.Errors)
			}
		})
	}
	if a := s.send(t, history, nil); a.refused() != "UNAUTHENTICATED TOKEN_MISSING" {
		t.Error(a.refused())
	}
}
