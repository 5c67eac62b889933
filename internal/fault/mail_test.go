//go:build faults

package fault

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// testKillMail kills the program between the commit of a change and the attempt to
// send its mail, and between the attempt and the deletion of the mail. The next
// program sends all mails, at most one of them for the second time.
func testKillMail(t *testing.T, path string) {
	for _, tt := range []struct {
		name  string
		on    func(t *testing.T) site
		point string
		twice int
	}{
		{"SQLite and a file", func(*testing.T) site { return site{} }, beforeMail, 0},
		{"SQLite and a file", func(*testing.T) site { return site{} }, afterMail, 1},
		{"SQLite and SMTP", func(t *testing.T) site { return site{smtp: startSMTP(t)} }, beforeMail, 0},
		{"SQLite and SMTP", func(t *testing.T) site { return site{smtp: startSMTP(t)} }, afterMail, 1},
		{"Postgres and SMTP", func(t *testing.T) site { return site{smtp: startSMTP(t), postgres: throwaway.Postgres(t)} }, beforeMail, 0},
		{"Postgres and SMTP", func(t *testing.T) site { return site{smtp: startSMTP(t), postgres: throwaway.Postgres(t)} }, afterMail, 1},
	} {
		t.Run(tt.name+"/"+tt.point, func(t *testing.T) {
			p := startProgramIn(t, path, t.TempDir(), tt.on(t))
			p.signUp()
			p.put("/point", `{"name":"`+tt.point+`","action":"kill","nth":2}`)
			password := "correct horse"
			changed := 0
			for range 4 {
				next := fmt.Sprintf("another fine horse %d", changed)
				access, ok := p.tryLogin(password)
				if !ok || !p.tryChangePassword(access, password, next) {
					break
				}
				password = next
				changed++
			}
			p.ended()
			p.endLeases()
			// A change may have committed without an answer.
			written := len(p.sentMails()) + p.waitingMails() - tt.twice
			if written < max(2, changed) {
				t.Fatalf("%d mails of %d changes", written, changed)
			}
			next := startProgramIn(t, path, p.dir, p.on)
			for deadline := time.After(time.Minute); next.waitingMails() > 0; {
				select {
				case <-time.After(50 * time.Millisecond):
				case <-deadline:
					t.Fatal("mails still wait")
				}
			}
			times := map[string]int{}
			for _, line := range next.sentMails() {
				times[line]++
			}
			twice := 0
			for _, n := range times {
				twice += n - 1
			}
			if len(times) != written || twice != tt.twice {
				t.Errorf("%d of %d mails were sent, %d twice; want %d twice", len(times), written, twice, tt.twice)
			}
		})
	}
}

// tryLogin returns an access token, or false if the program has died.
func (p *program) tryLogin(password string) (access string, ok bool) {
	p.t.Helper()
	_, answer, err := p.send(p.graphql(fmt.Sprintf(`mutation { login(input: {email: "ada@example.com", password: %q}) { token } }`, password)))
	if err != nil {
		return "", false
	}
	_, token, _ := strings.Cut(string(answer), `"token":"`)
	token, _, found := strings.Cut(token, `"`)
	if !found {
		p.t.Fatalf("login: %s", answer)
	}
	return token, true
}

func (p *program) tryChangePassword(access, current, next string) bool {
	p.t.Helper()
	req := p.graphql(fmt.Sprintf(`mutation { changePassword(input: {currentPassword: %q, newPassword: %q}) { sessionsEnded } }`, current, next))
	req.Header.Set("Authorization", "Bearer "+access)
	_, answer, err := p.send(req)
	if err == nil && strings.Contains(string(answer), `"errors"`) {
		p.t.Fatalf("changePassword: %s", answer)
	}
	return err == nil
}

// sentMails returns a line for each mail that was sent.
func (p *program) sentMails() []string {
	p.t.Helper()
	if p.on.smtp != nil {
		return p.on.smtp.ids()
	}
	data, err := os.ReadFile(filepath.Join(p.dir, "mails"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
}

func (p *program) waitingMails() (n int) {
	p.t.Helper()
	p.onDatabase(func(db *sql.DB) error {
		return db.QueryRow(`SELECT count(*) FROM mails WHERE dead_at IS NULL`).Scan(&n)
	})
	return n
}

// endLeases does what time does: the lease of the killed program ends, and the
// mail that it had claimed is due again.
func (p *program) endLeases() {
	p.t.Helper()
	p.onDatabase(func(db *sql.DB) error {
		for _, statement := range []string{`UPDATE leases SET until = 0`, `UPDATE mails SET send_after = 0`} {
			if _, err := db.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *program) onDatabase(do func(db *sql.DB) error) {
	p.t.Helper()
	driver, dsn := "sqlite", filepath.Join(p.dir, "rekey.db")+"?_pragma=busy_timeout(5000)"
	if p.on.postgres != "" {
		driver, dsn = "pgx", p.on.postgres
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := do(db); err != nil {
		p.t.Fatal(err)
	}
}
