package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/cli"
)

// TestCommands_Mail: operators list, retry and drop mails, and see no address. Keys
// and mails are encrypted again with another master key.
func TestCommands_Mail(t *testing.T) {
	first, second := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
	vars := map[string]string{"DATA_DIR": t.TempDir(), "MASTER_KEY": first}
	run := func(args ...string) (code int, out string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code = Run(t.Context(), args, Environment{
			Get: func(name string) string { return vars[name] }, Set: func(string, string) error { return nil }, All: func() []string { return nil },
		}, Standard{Out: &stdout, Err: &stderr})
		return code, stdout.String() + stderr.String()
	}
	if code, out := run("migrate"); code != cli.ExitOK {
		t.Fatal(out)
	}
	c := &commands{env: Environment{Get: func(name string) string { return vars[name] }}, std: Standard{Out: new(bytes.Buffer), Err: new(bytes.Buffer)}, now: time.Now}
	a, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close() })
	now := time.Now()
	var ids []string
	for _, m := range []auth.Mail{
		{Kind: auth.MailPasswordChanged, To: "ada@example.com"},
		{Kind: auth.MailResetPassword, To: "ada@example.com", Link: "https://example.com/#very-secret", ExpiresAt: now.Add(time.Hour)},
	} {
		sealed, err := auth.SealMail(a.sealer, "", m, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.store.Record(t.Context(), auth.Event{Kind: auth.EventPasswordChanged, At: now, Mails: []auth.SealedMail{sealed}}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, sealed.ID)
	}
	for _, id := range ids {
		if err := a.store.BuryMail(t.Context(), id, 0, id == ids[1], "550 no such mailbox"); err != nil {
			t.Fatal(err)
		}
	}
	code, out := run("mail", "list", "--dead")
	if code != cli.ExitOK || strings.Count(out, "550 no such mailbox") != 2 || strings.Contains(out, "ada@") || strings.Contains(out, "secret") {
		t.Errorf("list: exit code %d: %s", code, out)
	}
	for _, step := range []struct {
		args []string
		code int
	}{
		{[]string{"mail", "retry", ids[0]}, cli.ExitOK},
		{[]string{"mail", "retry", ids[1]}, cli.ExitConflict},
		{[]string{"mail", "drop", ids[1]}, cli.ExitOK},
		{[]string{"mail", "drop", ids[1]}, cli.ExitNotFound},
		{[]string{"mail", "retry", "nonsense"}, cli.ExitNotFound},
	} {
		if code, out := run(step.args...); code != step.code {
			t.Errorf("%q: exit code %d, want %d: %s", step.args, code, step.code, out)
		}
	}
	vars["MASTER_KEY"], vars["MASTER_KEY_PREVIOUS"] = second, first
	if code, out := run("keys", "reencrypt", "--json"); code != cli.ExitOK || !strings.Contains(out, `"mails": 1`) && !strings.Contains(out, `"mails":1`) {
		t.Errorf("reencrypt: exit code %d: %s", code, out)
	}
	delete(vars, "MASTER_KEY_PREVIOUS")
	left, err := a.core.Mails(t.Context(), auth.MailQuery{Limit: 10})
	if err != nil || len(left) != 1 || left[0].DeadAt != nil {
		t.Fatalf("left: %+v, %v", left, err)
	}
	p, err := c.program()
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.open(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = after.close() })
	if m, err := auth.OpenMail(after.sealer, left[0].SealedMail); err != nil || m.To != "ada@example.com" {
		t.Errorf("opened with the new master key: %+v, %v", m, err)
	}
	if n, err := a.core.Journal(t.Context(), auth.JournalQuery{Kinds: []auth.EventKind{auth.EventMailRetried, auth.EventMailDropped}, Limit: 10}); err != nil || len(n) != 2 {
		t.Errorf("journal: %+v, %v", n, err)
	}
}
