package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"rekey/internal/auth"
)

func TestFail_Codes(t *testing.T) {
	pg := func(code string) error { return &pgconn.PgError{Code: code} }
	for name, test := range map[string]struct {
		err  error
		want auth.Code
	}{
		"undefined table":       {pg("42P01"), auth.CodeInternal},
		"bad text":              {pg("22021"), auth.CodeInternal},
		"constraint":            {pg("23514"), auth.CodeInternal},
		"translated constraint": {fmt.Errorf("%w: %w", gorm.ErrForeignKeyViolated, pg("23503")), auth.CodeInternal},
		"bad value":             {checkText("\x00"), auth.CodeInternal},
		"encoding":              {errors.New("failed to encode args[0]: unable to encode secret"), auth.CodeInternal},
		"disk full":             {pg("53100"), auth.CodeUnavailable},
		"too many clients":      {pg("53300"), auth.CodeUnavailable},
		"shutting down":         {pg("57P01"), auth.CodeUnavailable},
		"statement timeout":     {pg("57014"), auth.CodeUnavailable},
		"lock timeout":          {pg("55P03"), auth.CodeUnavailable},
		"read only":             {pg("25006"), auth.CodeUnavailable},
		"serialization":         {pg("40001"), auth.CodeUnavailable},
		"password":              {pg("28P01"), auth.CodeUnavailable},
		"stale plan":            {pg("0A000"), auth.CodeUnavailable},
		"network":               {io.ErrUnexpectedEOF, auth.CodeUnavailable},
		"cancelled":             {context.Canceled, auth.CodeUnavailable},
		"deadline":              {context.DeadlineExceeded, auth.CodeUnavailable},
		"unknown":               {errors.New("unknown error"), auth.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			err := fail("do it", test.err)
			if got := auth.AsError(err).Code; got != test.want {
				t.Errorf("code is %s, want %s", got, test.want)
			}
			if !strings.Contains(auth.AsError(err).Err.Error(), "do it: ") {
				t.Errorf("the cause does not say what was done: %v", auth.AsError(err).Err)
			}
		})
	}
}

// Only a refusal by the server, or a connection that was never opened, proves that
// nothing was done. Every other outcome is unknown.
func TestFail_NothingDone(t *testing.T) {
	pg := func(severity, code string) error {
		return &pgconn.PgError{SeverityUnlocalized: severity, Code: code}
	}
	_, refused := pgconn.Connect(t.Context(), "postgres://127.0.0.1:1/nobody")
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"lock timeout":         {pg("ERROR", "55P03"), true},
		"serialization":        {pg("ERROR", "40001"), true},
		"read only":            {fmt.Errorf("wrapped: %w", pg("ERROR", "25006")), true},
		"no connection":        {refused, true},
		"shutting down":        {pg("FATAL", "57P01"), false},
		"crash":                {pg("FATAL", "57P02"), false},
		"completion unknown":   {pg("ERROR", "40003"), false},
		"resolution unknown":   {pg("ERROR", "08007"), false},
		"an old server":        {pg("", "55P03"), false},
		"connection cut":       {io.ErrUnexpectedEOF, false},
		"cancelled":            {context.Canceled, false},
		"deadline":             {context.DeadlineExceeded, false},
		"cut, then not closed": {errors.Join(io.ErrUnexpectedEOF, errors.New("conn closed")), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := errors.Is(fail("do it", test.err), auth.ErrNothingDone); got != test.want {
				t.Errorf("nothing done: %v, want %v", got, test.want)
			}
		})
	}
}

func TestWriteProblem(t *testing.T) {
	for code, want := range map[string]string{"25006": "it accepts no writes", "53100": "its disk is full", "57014": ""} {
		if got := WriteProblem(auth.Cause(fail("do it", &pgconn.PgError{Code: code}))); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestFail_CoreErrors(t *testing.T) {
	for _, want := range []error{auth.ErrNotFound, auth.ErrMovedOn, auth.ErrEmailTaken} {
		if got := fail("do it", want); !errors.Is(got, want) {
			t.Errorf("%v became %v", want, got)
		}
	}
	if got := fail("do it", gorm.ErrRecordNotFound); !errors.Is(got, auth.ErrNotFound) {
		t.Errorf("no row became %v", got)
	}
	if got := fail("do it", nil); got != nil {
		t.Errorf("nil became %v", got)
	}
}

func TestFail_Redacts(t *testing.T) {
	for name, err := range map[string]error{
		"detail": &pgconn.PgError{Code: "23505", Message: "duplicate key", Detail: "Key (email)=(secret)", Hint: "secret", Where: "secret"},
		"data":   &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type uuid: "secret"`},
		"wrapped": fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey,
			&pgconn.PgError{Code: "23505", Message: "duplicate key", Detail: "secret"}),
		"encoding": errors.New(`failed to encode args[0]: unable to encode "secret" into text format`),
		"scanning": errors.New(`sql: Scan error on column index 0, name "id": converting "secret" to int`),
	} {
		t.Run(name, func(t *testing.T) {
			got := fail("do it", err)
			if strings.Contains(fmt.Sprintf("%v %+v", got, errors.Unwrap(got)), "secret") {
				t.Errorf("the error contains the value: %v", got)
			}
			var pg *pgconn.PgError
			if errors.As(got, &pg) {
				t.Error("the chain contains the engine's own error")
			}
		})
	}
}

func TestEmailTaken(t *testing.T) {
	for constraint, want := range map[string]bool{"users_email_key_unique": true, "users_pkey": false} {
		err := fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, &pgconn.PgError{Code: "23505", ConstraintName: constraint})
		if got := emailTaken(err); got != want {
			t.Errorf("%s: %v, want %v", constraint, got, want)
		}
	}
}

func TestRetry(t *testing.T) {
	serialization := &pgconn.PgError{Code: "40001"}
	tests := map[string]struct {
		errs      []error
		wantTries int
		wantErr   error
	}{
		"no error":         {[]error{nil}, 1, nil},
		"once":             {[]error{serialization, nil}, 2, nil},
		"deadlock":         {[]error{&pgconn.PgError{Code: "40P01"}, nil}, 2, nil},
		"another's cancel": {[]error{context.Canceled, nil}, 2, nil},
		"gives up":         {[]error{serialization, serialization, serialization, nil}, maxTries, serialization},
		"outcome unknown":  {[]error{io.ErrUnexpectedEOF, nil}, 1, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tries := 0
			err := retry(t.Context(), func() error { tries++; return test.errs[tries-1] })
			if tries != test.wantTries || !errors.Is(err, test.wantErr) {
				t.Errorf("%d tries and %v, want %d and %v", tries, err, test.wantTries, test.wantErr)
			}
		})
	}
	t.Run("own cancel", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		err := retry(ctx, func() error { tries++; cancel(); return serialization })
		if tries != 1 || !errors.Is(err, serialization) {
			t.Errorf("%d tries and %v, want 1 and the error", tries, err)
		}
	})
}
