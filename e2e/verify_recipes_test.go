package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rekey/internal/test/throwaway"
)

// background runs a program until the end of the test, which asks it to end.
func background(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // the exit status does not matter
	})
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := throwaway.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// TestVerifyRecipes: nginx with the gate works as docs/verify describes.
func TestVerifyRecipes(t *testing.T) {
	nginx := throwaway.LookPath(t, "nginx", "nginx-light")
	dependOn(t, "../docs/verify/nginx.conf", "../docs/verify/gate/*.go", "../verify/*.go")
	dir := t.TempDir()
	gate := filepath.Join(dir, "gate")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", gate, "../docs/verify/gate").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, r.Header.Get("X-User-Id"))
	}))
	t.Cleanup(service.Close)

	env, c := map[string]string{"DATA_DIR": t.TempDir()}, httpClient()
	p, legacy := tookOver(t, env)
	gateAddr, nginxAddr := freeAddr(t), freeAddr(t)
	conf, err := os.ReadFile("../docs/verify/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	// A directory that every user can write to. Debian's nginx has other places
	// built in.
	const places = "http { access_log off; client_body_temp_path body; proxy_temp_path proxy;" +
		" fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;"
	text := strings.NewReplacer("http {", places, "127.0.0.1:8080", nginxAddr, "127.0.0.1:8081", gateAddr,
		"127.0.0.1:8082", service.Listener.Addr().String()).Replace(string(conf))
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, nil, nginx, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"),
		"-g", "daemon off; master_process off; pid nginx.pid; error_log stderr;")
	eventually(t, "nginx listens", func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", nginxAddr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	mine := signUp(t, c, p.URL, "ada@example.com")
	ask := func(path, token string) (status int, body string, header http.Header) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+nginxAddr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-User-Id", "somebody else")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(data), res.Header
	}
	if status, _, header := ask("/", mine.Access); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("without a gate: %d %v", status, header)
	}
	background(t, []string{"REKEY_URL=" + p.URL, "REKEY_API_KEY=" + apiKeyFor(t, env, "blacklist:read"), "LISTEN=" + gateAddr}, gate)
	eventually(t, "a good token passes", func() bool { status, _, _ := ask("/", mine.Access); return status == http.StatusOK })
	var claims struct{ User struct{ ID string } }
	decodeClaims(t, mine.Access, &claims)
	if _, body, _ := ask("/", mine.Access); body != claims.User.ID {
		t.Errorf("the service received %q", body)
	}
	for what, token := range map[string]string{"none": "", "a refresh token": mine.Refresh, "garbage": "a.b.c"} {
		if status, _, header := ask("/", token); status != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %v", what, status, header)
		}
	}
	if status, _, _ := ask("/broken", mine.Access); status != http.StatusInternalServerError {
		t.Errorf("the service's own error: %d", status)
	}
	if status, _, _ := ask("/gate", mine.Access); status != http.StatusNotFound {
		t.Errorf("the gate from outside: %d", status)
	}
	answers := func(want int) func(string) bool {
		return func(token string) bool { status, _, _ := ask("/", token); return status == want }
	}
	checkLegacy(t, p, legacy, mine.Access, answers(http.StatusOK), answers(http.StatusUnauthorized))
	refusedPromptly(t, env, p.URL, answers(http.StatusOK), answers(http.StatusUnauthorized))
}

// TestVerifyRecipes_node: the same with node and jose.
func TestVerifyRecipes_node(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "tokens", "jose")
	dependOn(t, "../docs/verify/*.mjs")
	env, c := map[string]string{"DATA_DIR": t.TempDir()}, httpClient()
	p, legacy := tookOver(t, env)
	mine, eve := signUp(t, c, p.URL, "ada@example.com"), signUp(t, c, p.URL, "eve@example.com")
	run := exec.CommandContext(t.Context(), node, "--import", "./resolve.mjs", "recipe.mjs", p.URL, apiKeyFor(t, env, "blacklist:read"))
	run.Dir = "tokens"
	run.Stderr = t.Output()
	lines, say := pipes(t, run)
	t.Cleanup(func() { _ = run.Wait() }) // the end of the test has stopped it
	problem := func(token string) string {
		t.Helper()
		_, problem := line(t, lines, say, token)
		return problem
	}
	if sub, bad := line(t, lines, say, mine.Access); sub == "" || bad != "" {
		t.Fatalf("a good token: %q %s", sub, bad)
	}
	for what, token := range map[string]string{"a refresh token": mine.Refresh, "an altered one": flip(mine.Access), "garbage": "a.b.c"} {
		if got := problem(token); got != "invalid" {
			t.Errorf("%s: %q", what, got)
		}
	}
	taken := func(token string) bool { return problem(token) == "" }
	refused := func(token string) bool { return problem(token) == "invalid" }
	checkLegacy(t, p, legacy, mine.Access, taken, refused)
	refusedPromptly(t, env, p.URL, taken, refused)
	p.kill()
	if got := problem(eve.Access); got != "" {
		t.Errorf("it does not outlive rekey: %s", got)
	}
	problem("120000")
	if got := problem(eve.Access); got != "unavailable" {
		t.Errorf("after maxStale: %q", got)
	}
}
