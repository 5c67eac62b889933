package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// answered holds the result of a command.
type answered struct {
	out, err string
	code     int
}

// ask runs a command with standard input and returns its two output streams
// separately.
func ask(t *testing.T, env map[string]string, stdin string, args ...string) answered {
	t.Helper()
	dependOnProgram(t)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...)
	cmd.Env, cmd.Dir = environment(env), t.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	logcheck.Check(t, errs.String(), keysSent()...)
	return answered{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// into reads an answer in JSON.
func (a answered) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.out), v); err != nil || a.code != 0 {
		t.Fatalf("exit code %d, %v:\n%s%s", a.code, err, a.out, a.err)
	}
}

type commandUser struct {
	ID, Email, PasswordHash string
	DisabledAt              *string
}

// TestUsers: an administrator manages accounts while a server runs.
func TestUsers(t *testing.T) {
	for _, engine := range engines()[:2] { // Redis stores no users
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p, c := start(t, env), httpClient()
			var ada commandUser
			ask(t, env, password+"\n", "users", "add", "--name", "Ada", "--email", "Ada@example.com", "--json").into(t, &ada)
			logIn(t, c, p.URL, "ada@example.com")
			signUp(t, c, p.URL, "bob@example.com")
			signUp(t, c, p.URL, "carol@example.org")
			if a := ask(t, env, "", "users", "disable", ada.ID); a.code != 0 || !strings.Contains(a.out, "1 sessions revoked") {
				t.Errorf("disable by id: %+v", a)
			}
			var page struct {
				Users     []commandUser
				EndCursor *string
			}
			ask(t, env, "", "users", "list", "--email", "EXAMPLE.com", "--limit", "1", "--json").into(t, &page)
			if len(page.Users) != 1 || page.Users[0].ID != ada.ID || page.EndCursor == nil || page.Users[0].DisabledAt == nil {
				t.Fatalf("first page: %+v", page)
			}
			after := *page.EndCursor
			page.EndCursor = nil
			ask(t, env, "", "users", "list", "--email", "EXAMPLE.com", "--limit", "1", "--after", after, "--json").into(t, &page)
			if len(page.Users) != 1 || page.Users[0].Email != "bob@example.com" || page.EndCursor != nil {
				t.Errorf("second page: %+v", page)
			}
			ask(t, env, "", "users", "list", "--disabled=false", "--json").into(t, &page)
			if len(page.Users) != 2 {
				t.Errorf("enabled: %+v", page)
			}
			checkExport(t, env)
			checkPersonExport(t, env)
			checkUserEmail(t, env)
			checkDelete(t, env)
		})
	}
}

func checkExport(t *testing.T, env map[string]string) {
	t.Helper()
	for hashes, args := range map[bool][]string{false: {"users", "export"}, true: {"users", "export", "--with-hashes"}} {
		a := ask(t, quiet(env), "", args...)
		var emails []string
		for line := range strings.Lines(a.out) {
			var u commandUser
			if err := json.Unmarshal([]byte(line), &u); err != nil || strings.HasPrefix(u.PasswordHash, "$argon2id$") != hashes {
				t.Errorf("%v: %s, %v", args, line, err)
			}
			emails = append(emails, u.Email)
		}
		if got := strings.Join(emails, " "); got != "Ada@example.com bob@example.com carol@example.org" || a.err != "" || a.code != 0 {
			t.Errorf("%v: %s: %+v", args, got, a)
		}
	}
}

// checkPersonExport: the export of one person has the sessions, the links and the
// journal, and no secret.
func checkPersonExport(t *testing.T, env map[string]string) {
	t.Helper()
	a := ask(t, quiet(env), "", "users", "export", "--all-of", "BOB@example.com")
	var data struct {
		User                           commandUser
		Sessions, Links, Mails, Events []map[string]any
	}
	if err := json.Unmarshal([]byte(a.out), &data); err != nil || a.code != 0 {
		t.Fatalf("%v: %+v", err, a)
	}
	if data.User.Email != "bob@example.com" || len(data.Sessions) != 1 || len(data.Links) != 1 || data.Mails == nil || len(data.Events) < 2 {
		t.Errorf("%s", a.out)
	}
	for _, secret := range []string{"argon2id", "ada@example.com", "carol"} {
		if strings.Contains(a.out, secret) {
			t.Errorf("the export contains %q", secret)
		}
	}
	if a := ask(t, env, "", "users", "export", "--all-of", "nobody@example.com"); a.code == 0 {
		t.Errorf("of nobody: %+v", a)
	}
}

// checkUserEmail: operators change and verify an address, and mail a link.
func checkUserEmail(t *testing.T, env map[string]string) {
	t.Helper()
	for _, args := range [][]string{
		{"users", "set-email", "bob@example.com", "robert@example.com"},
		{"users", "verify-email", "robert@example.com"},
		{"users", "send-reset", "robert@example.com"},
	} {
		if a := ask(t, env, "", args...); a.code != 0 || !strings.Contains(a.out, "robert@example.com") {
			t.Errorf("%v: %+v", args, a)
		}
	}
	if a := ask(t, env, "", "users", "set-email", "robert@example.com", "Carol@example.org"); a.code == 0 {
		t.Errorf("an address that is taken: %+v", a)
	}
	if a := ask(t, env, "", "users", "list", "--email", "bob@"); strings.Contains(a.out, "bob@example.com") {
		t.Errorf("the former address: %+v", a)
	}
}

// checkDelete: with --now an account is erased at once, and without it after a grace.
func checkDelete(t *testing.T, env map[string]string) {
	t.Helper()
	if a := ask(t, env, "", "users", "delete", "carol@example.org"); a.code != 0 || !strings.Contains(a.out, "erased at") {
		t.Errorf("delete: %+v", a)
	}
	if a := ask(t, env, "", "users", "list", "--email", "carol@"); !strings.Contains(a.out, "carol@example.org") {
		t.Errorf("within the grace: %+v", a)
	}
	if a := ask(t, env, "", "users", "delete", "--now", "carol@example.org"); a.code != 0 {
		t.Errorf("delete --now: %+v", a)
	}
	if a := ask(t, env, "", "users", "list", "--email", "carol@"); strings.Contains(a.out, "carol@example.org") {
		t.Errorf("after the erasure: %+v", a)
	}
}

// TestCommands_wrong: error messages and exit codes of commands that cannot be
// run.
func TestCommands_wrong(t *testing.T) {
	dir := map[string]string{"DATA_DIR": t.TempDir()}
	ask(t, dir, "", "migrate")
	add := []string{"users", "add", "--name", "Ada", "--email", "ada@example.com"}
	if a := ask(t, dir, password, add...); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	for name, tt := range map[string]struct {
		env   map[string]string
		stdin string
		args  []string
		code  int
		want  string
	}{
		"unknown command":     {dir, "", []string{"usres"}, 2, "did you mean users?"},
		"unknown subcommand":  {dir, "", []string{"users", "lsit"}, 2, "did you mean list?"},
		"group alone":         {dir, "", []string{"users"}, 2, "say add, list, clashes, export, delete, disable, enable"},
		"unknown flag":        {dir, "", []string{"users", "list", "--jsn"}, 2, "did you mean --json?"},
		"not a number":        {dir, "", []string{"users", "list", "--limit", "x"}, 2, `invalid value "x" for flag --limit;`},
		"no file":             {dir, "", []string{"keys", "import", "--purpose", "access", "/nofile"}, 2, "no such file"},
		"no password":         {dir, "", add, 2, "there is no password"},
		"two lines":           {dir, password + "\n" + password, add, 2, "more than one line"},
		"all that is wrong":   {dir, "short", []string{"users", "add", "--name", " ", "--email", "x"}, 2, "password must have"},
		"taken":               {dir, password, add, 6, "has an account already"},
		"nobody":              {dir, "", []string{"users", "disable", "0195e3a0-0000-7000-8000-000000000000"}, 5, "no user has this id"},
		"a bad configuration": {map[string]string{"PORT": "x"}, "", []string{"users", "list"}, 3, "PORT"},
		"a wrong password":    {map[string]string{"DATABASE_URL": wrongPassword(t)}, "", []string{"users", "list"}, 3, "authentication failed"},
		"no database":         {map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/x", "DATABASE_WAIT": "0"}, "", []string{"users", "list"}, 4, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, tt.env, tt.stdin, tt.args...)
			if a.code != tt.code || !strings.Contains(a.err, tt.want) || a.out != "" || strings.Contains(a.err, "hunter2") || strings.Contains(a.err, "try again") != (tt.code == 4) {
				t.Errorf("%+v", a)
			}
			if a = ask(t, tt.env, tt.stdin, append(tt.args, "--json")...); tt.code != a.code || !strings.Contains(lastLine(a.err), `{"error":{"code":"`) {
				t.Errorf("in JSON: %+v", a)
			}
		})
	}
}

// wrongPassword returns the URL of an existing server with a wrong password.
func wrongPassword(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(throwaway.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "hunter2")
	return u.String()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// agent sends another User-Agent.
type agent struct {
	name string
	next http.RoundTripper
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", a.name)
	return a.next.RoundTrip(r)
}

// TestSessions: an administrator manages the sessions of one user while a server
// runs. When a command returns, the tokens of the sessions that it revoked no
// longer work.
func TestSessions(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p, c := start(t, env), httpClient()
			first := signUp(t, c, p.URL, "ada@example.com")
			second := logIn(t, c, p.URL, "ada@example.com")
			third := logIn(t, c, p.URL, "ada@example.com")
			other := signUp(t, c, p.URL, "bob@example.com")
			phone := &http.Client{Transport: agent{"phone/2", c.Transport}}
			if a, err := refresh(phone, restTransport, p.URL, second.Refresh, ""); err != nil || a.Problem != "" {
				t.Fatalf("refresh: %+v, %v", a, err)
			}
			var page struct {
				Sessions []struct{ ID, UserAgent string }
			}
			ask(t, env, "", "sessions", "list", "--user", "ADA@example.com", "--json").into(t, &page)
			if len(page.Sessions) != 3 || page.Sessions[1].UserAgent != "phone/2" || page.Sessions[2].UserAgent == "phone/2" {
				t.Fatalf("sessions: %+v", page)
			}
			newest := page.Sessions[0].ID
			const nobody = "0195e3a0-0000-7000-8000-000000000000"
			a := ask(t, env, "", "sessions", "revoke", newest, nobody, "--json")
			if want := `{"ended":1,"notFound":["` + nobody + `"]}` + "\n"; a.code != 5 || a.out != want {
				t.Errorf("by id: %+v", a)
			}
			if a := ask(t, env, "", "sessions", "revoke", newest); a.code != 0 || !strings.Contains(a.out, "0 sessions revoked\n"+newest+" was revoked or expired before") {
				t.Errorf("again: %+v", a)
			}
			if problem := me(t, c, p.URL, third.Access); problem != "SESSION_REVOKED" {
				t.Errorf("the newest session: %q", problem)
			}
			if problem := me(t, c, p.URL, first.Access); problem != "" {
				t.Errorf("another session: %q", problem)
			}
			if a := ask(t, env, "", "sessions", "revoke", "--user", "ada@example.com"); a.code != 0 || a.out != "2 sessions revoked\n" {
				t.Errorf("all of a user: %+v", a)
			}
			if problem := me(t, c, p.URL, first.Access); problem != "SESSION_REVOKED" {
				t.Errorf("the first session: %q", problem)
			}
			if problem := me(t, c, p.URL, other.Access); problem != "" {
				t.Errorf("another user's session: %q", problem)
			}
		})
	}
}

// TestVersion: the command needs no configuration, not even a valid one.
func TestVersion(t *testing.T) {
	var v struct{ Version, GoVersion, Platform string }
	ask(t, map[string]string{"PORT": "x"}, "", "version", "--json").into(t, &v)
	if v.Version == "" || !strings.HasPrefix(v.GoVersion, "go1.") || v.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v", v)
	}
}

// TestVersion_image: a build without the repository, as in deploy/Dockerfile,
// reports the commit that the build was given, and none if it was given none.
func TestVersion_image(t *testing.T) {
	flags := regexp.MustCompile(`go build [^"]*-ldflags="([^"]*)"`).FindStringSubmatch(deployFile(t, "Dockerfile"))
	if flags == nil || !strings.Contains(flags[1], "$COMMIT") || !strings.Contains(deployFile(t, "Dockerfile"), "\nARG COMMIT=\n") {
		t.Fatalf("the Dockerfile builds with %q", flags)
	}
	for _, commit := range []string{"5f0c2b7a4dd1e1f3a1c6d1d8be0e1c2a3b4c5d6e", ""} {
		image := filepath.Join(t.TempDir(), "rekey")
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false",
			"-ldflags="+strings.ReplaceAll(flags[1], "$COMMIT", commit), "-o", image, "rekey")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		out, err := exec.CommandContext(t.Context(), image, "version", "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ Version, Commit string }
		if err := json.Unmarshal(out, &v); err != nil || v.Commit != commit {
			t.Errorf("given commit %q: %s, %v", commit, out, err)
		}
		p := spawnProgram(t, image, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": "127.0.0.1:0"})
		if all := scrape(t, p.metricsURL(t)); all[`rekey_build_info{commit="`+commit+`",version="`+v.Version+`"}`] != 1 {
			t.Errorf("given commit %q: rekey_build_info is missing", commit)
		}
	}
}

// TestEnvFile_misspelt: the start logs a warning with the name of each variable
// in the file that rekey does not know. It ignores variables that libraries
// read.
func TestEnvFile_misspelt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings")
	content := "MASTERKEY=hunter2\nREUSE_WINDW=1s\nNONSENSE=hunter2\nREUSE_WINDOW=2s\nOTEL_SERVICE_NAME=x\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()}, "--env-file", file)
	p.terminate()
	log := p.out.String()
	for _, want := range []string{
		`found="MASTERKEY in ` + file + ` is not a setting" advice="did you mean MASTER_KEY?"`,
		`found="REUSE_WINDW in ` + file + ` is not a setting" advice="did you mean REUSE_WINDOW?"`, `found="NONSENSE in `,
	} {
		if !strings.Contains(log, `level=WARN msg="unknown setting in a file" `+want) {
			t.Errorf("it does not say %s", want)
		}
	}
	if strings.Count(log, `msg="unknown setting in a file"`) != 3 || strings.Contains(log, "hunter2") || t.Failed() {
		t.Errorf("the log:\n%s", log)
	}
}

// TestEnvFile: settings that are not in the environment are read from .env, and
// the log lists their names without the values.
func TestEnvFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "settings")
	content := "DATA_DIR='" + filepath.Join(dir, "data") + "'\nPORT=1\nMASTER_KEY=" + strings.Repeat("5a", 32) + "\nISSUER=https://auth.example.com\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "--env-file", file)
	res, err := httpClient().Get(p.URL + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("ISSUER was not taken: %d", res.StatusCode)
	}
	p.terminate()
	log := p.out.String()
	if !strings.Contains(log, `file=`+file+` names="[DATA_DIR ISSUER MASTER_KEY]"`) || strings.Contains(log, "5a5a") {
		t.Errorf("the log:\n%s", log)
	}
	if a := ask(t, nil, "", "users", "list", "--env-file", file); a.code != 0 {
		t.Errorf("a command after the flag: %+v", a)
	}
	if a := ask(t, nil, "", "users", "list", "--env-file", file+"x"); a.code != 3 || !strings.Contains(a.err, "no such file") {
		t.Errorf("a file that is not there: %+v", a)
	}
}
