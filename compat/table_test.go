package compat

import (
	"go/constant"
	"net/http"
	"testing"

	"rekey/internal/auth"
)

func TestTable_EveryCodeHasARow(t *testing.T) {
	want := map[auth.Code]struct {
		status  int
		message string
		retry   bool
	}{
		auth.CodeUnauthenticated: {500, "token is blacklisted", false},
		auth.CodeForbidden:       {403, "the message", false},
		auth.CodeBadUserInput:    {400, "the message", false},
		auth.CodeNotFound:        {404, "Not Found", false},
		auth.CodeConflict:        {409, "the message", false},
		auth.CodeRateLimited:     {429, "Too many requests", true},
		auth.CodeUnavailable:     {503, "Service Unavailable", true},
		auth.CodeInternal:        {500, "Internal Server Error", false},
	}
	rows := newTable()
	for _, c := range coreConstants(t, "Code") {
		code := auth.Code(constant.StringVal(c))
		t.Run(string(code), func(t *testing.T) {
			if _, ok := rows.codes[code]; !ok {
				t.Fatal("no row")
			}
			w, ok := want[code]
			if !ok {
				t.Fatal("this test does not know the code")
			}
			e := &auth.Error{Code: code, Message: "the message"}
			r := rows.row(e)
			if r.status != w.status || r.message(e) != w.message || r.retry != w.retry {
				t.Errorf("got %d %q retry=%t, want %+v", r.status, r.message(e), r.retry, w)
			}
		})
	}
}

func TestTable_EveryReasonHasARow(t *testing.T) {
	want := map[auth.Reason]struct {
		status  int
		message string
	}{
		auth.ReasonTokenMissing:       {400, "missing or malformed jwt"},
		auth.ReasonTokenInvalid:       {401, "invalid or expired jwt, internal=the message"},
		auth.ReasonTokenExpired:       {401, "invalid or expired jwt, internal=the message"},
		auth.ReasonTokenBlacklisted:   {500, "token is blacklisted"},
		auth.ReasonTokenReused:        {500, "token is blacklisted"},
		auth.ReasonSessionRevoked:     {500, "token is blacklisted"},
		auth.ReasonSessionExpired:     {500, "token is blacklisted"},
		auth.ReasonSessionUnknown:     {500, "token is blacklisted"},
		auth.ReasonUserDisabled:       {500, "token is blacklisted"},
		auth.ReasonAccountDeleting:    {500, "token is blacklisted"},
		auth.ReasonInvalidCredentials: {500, "token is blacklisted"},
		auth.ReasonEmailUnverified:    {500, "token is blacklisted"},
		auth.ReasonStepUpRequired:     {403, "Forbidden"},
	}
	rows := newTable()
	for _, c := range coreConstants(t, "Reason") {
		reason := auth.Reason(constant.StringVal(c))
		if reason == auth.ReasonMailNotConfigured || reason == auth.ReasonUseRequestSignUp {
			continue // under CodeForbidden, which has one row
		}
		t.Run(string(reason), func(t *testing.T) {
			if _, ok := rows.reasons[reason]; !ok {
				t.Fatal("no row")
			}
			w, ok := want[reason]
			if !ok {
				t.Fatal("this test does not know the reason")
			}
			e := auth.Unauthenticated(reason, "the message")
			r := rows.row(e)
			if r.status != w.status || r.message(e) != w.message {
				t.Errorf("got %d %q, want %+v", r.status, r.message(e), w)
			}
		})
	}
}

func TestTable_Row(t *testing.T) {
	t.Run("a session that is not there", func(t *testing.T) {
		e := auth.Unauthenticated(auth.ReasonSessionUnknown, "x")
		e.SessionMissing = true
		if got := newTable().row(e).message(e); got != "auth token not found" {
			t.Errorf("message %q", got)
		}
	})
	t.Run("an unknown code is internal", func(t *testing.T) {
		e := &auth.Error{Code: "SOMETHING_NEW", Message: "not for clients"}
		r := newTable().row(e)
		if r.status != http.StatusInternalServerError || r.message(e) != "Internal Server Error" {
			t.Errorf("got %d %q", r.status, r.message(e))
		}
	})
	t.Run("an unknown reason is blacklisted", func(t *testing.T) {
		e := auth.Unauthenticated("SOMETHING_NEW", "not for clients")
		r := newTable().row(e)
		if r.status != http.StatusInternalServerError || r.message(e) != "token is blacklisted" {
			t.Errorf("got %d %q", r.status, r.message(e))
		}
	})
}
