package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"rekey/internal/config"
)

// afterDrain is the time for the work after the last request: closing streams, a
// profile, the last spans, the pools' connections.
const afterDrain = 10 * time.Second

// deployed holds what one file of deploy/ sets for a process.
type deployed struct {
	env   map[string]string
	grace time.Duration // between SIGTERM and SIGKILL; 0 if the file does not set it
	port  int           // that other files expect
}

func deployFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDeploy_settings: every variable is a setting, every value is valid, the
// port equals the port that other files use, and the process gets enough time to
// drain.
func TestDeploy_settings(t *testing.T) {
	docker := dockerfile(t)
	for name, d := range map[string]deployed{
		"Dockerfile": docker.deployed, "compose.yaml": composeService(t, docker), "kubernetes.yaml": kubernetes(t).deployed, "rekey.service": unit(t),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := load(t, d.env)
			if len(cfg.TrustedProxies) == 0 && name != "Dockerfile" {
				t.Error("TRUSTED_PROXIES is not set: all clients would count as one")
			}
			if d.port != 0 && cfg.Port != d.port {
				t.Errorf("PORT is %d, and others look for %d", cfg.Port, d.port)
			}
			if leaving := cfg.ShutdownDelay + cfg.ShutdownTimeout + afterDrain; d.grace != 0 && d.grace < leaving {
				t.Errorf("leaving takes up to %v, and is given %v", leaving, d.grace)
			}
		})
	}
}

// load reads an environment as the binary does, with a valid file for each
// setting that names one.
func load(t *testing.T, env map[string]string) config.Config {
	t.Helper()
	reference, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	env = maps.Clone(env)
	for name, value := range env {
		if !strings.Contains(string(reference), "| `"+name+"` |") {
			t.Errorf("%s is not a setting", name)
		}
		content, ok := map[string]string{"DATABASE_URL_FILE": "postgres://db/rekey", "REDIS_URL_FILE": "redis://cache", "MASTER_KEY_FILE": "5a"}[name]
		if !ok {
			continue
		}
		if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "%d/") {
			t.Errorf("%s: %q is not a path in a container or a unit", name, value)
		}
		env[name] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(env[name], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		t.Error(err)
	}
	return cfg
}

// image describes the image that deploy/Dockerfile builds.
type image struct {
	deployed
	entrypoint, health []string
}

func dockerfile(t *testing.T) image {
	t.Helper()
	img := image{deployed: deployed{env: map[string]string{}}}
	text := strings.ReplaceAll(deployFile(t, "Dockerfile"), "\\\n", " ")
	stages := regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+)`).FindAllStringSubmatch(text, -1)
	gomod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(gomod)
	tag, _, _ := strings.Cut(stages[0][1], "@") // a digest may follow
	if len(stages) != 2 || tag != "golang:"+string(version[1])+"-bookworm" || stages[1][1] != "scratch" {
		t.Errorf("stages %v, and go.mod wants Go %s", stages, version[1])
	}
	if !strings.Contains(text, "CGO_ENABLED=0 ") {
		t.Error("the binary of an empty image must be static")
	}
	_, last, _ := strings.Cut(text, "FROM scratch\n")
	for line := range strings.Lines(last) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "ENV":
			assign(img.env, rest)
		case "USER":
			if regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).FindString(rest) == "" {
				t.Errorf("USER %s: a number other than root's is needed", rest)
			}
		case "EXPOSE":
			img.port = load(t, map[string]string{"PORT": rest}).Port
		case "ENTRYPOINT":
			img.entrypoint = words(t, rest)
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, " CMD ")
			img.health = words(t, command)
		case "", "#", "COPY", "STOPSIGNAL":
		default:
			t.Errorf("unexpected: %s", line)
		}
	}
	if !slices.Equal(img.entrypoint, []string{"/rekey"}) || len(img.health) == 0 || img.port == 0 {
		t.Errorf("%+v", img)
	}
	return img
}

// words reads the exec form of a Dockerfile's command, which uses no shell.
func words(t *testing.T, text string) (list []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return list
}

func assign(env map[string]string, text string) {
	for _, pair := range strings.Fields(text) {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
}

type composeFile struct {
	Name     string
	Services map[string]struct {
		Image, Restart string
		Build          struct {
			Context, Dockerfile string
			Args                map[string]string
		}
		Environment     map[string]string
		Secrets         []string
		Deploy          struct{ Replicas int }
		Healthcheck     composeHealth
		StopGracePeriod time.Duration                         `yaml:"stop_grace_period"`
		DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
		Networks        composeNetworks
		Ports           []string
		Volumes         []string
		Command         []string
		ReadOnly        bool     `yaml:"read_only"`
		CapDrop         []string `yaml:"cap_drop"`
		SecurityOpt     []string `yaml:"security_opt"`
	}
	Networks map[string]struct {
		IPAM struct {
			Config []struct {
				Subnet, Gateway string
				IPRange         string `yaml:"ip_range"`
			}
		}
	}
	Volumes map[string]any
	Secrets map[string]struct{ File string }
}

// composeNetworks holds the fixed address of a service in each network, or "".
type composeNetworks map[string]string

// UnmarshalYAML accepts both forms: a list of names, or a map with options.
func (n *composeNetworks) UnmarshalYAML(unmarshal func(any) error) error {
	*n = composeNetworks{}
	var names []string
	if err := unmarshal(&names); err == nil {
		for _, name := range names {
			(*n)[name] = ""
		}
		return nil
	}
	var asked map[string]struct {
		Address string `yaml:"ipv4_address"`
	}
	err := unmarshal(&asked)
	for name, of := range asked {
		(*n)[name] = of.Address
	}
	return err
}

type composeHealth struct {
	Test              []string
	Interval, Timeout time.Duration
	StartPeriod       time.Duration `yaml:"start_period"`
	Retries           int
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	if err := yaml.UnmarshalWithOptions([]byte(deployFile(t, "compose.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return file
}

func composeService(t *testing.T, img image) deployed {
	t.Helper()
	file := compose(t)
	s := file.Services["rekey"]
	if s.Build.Context != ".." || s.Build.Dockerfile != "deploy/Dockerfile" {
		t.Errorf("built from %+v", s.Build)
	}
	for name, service := range file.Services {
		for _, secret := range service.Secrets {
			if _, ok := file.Secrets[secret]; !ok {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for other, on := range service.DependsOn {
			if on.Condition == "service_healthy" && len(file.Services[other].Healthcheck.Test) == 0 {
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			}
		}
	}
	for name, value := range s.Environment {
		if secret, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, secret) {
			t.Errorf("%s: the secret %s is not given to the service", name, secret)
		}
	}
	checkTrusted(t, file)
	env := maps.Clone(img.env)
	maps.Copy(env, s.Environment)
	return deployed{env: env, grace: s.StopGracePeriod, port: haproxyPort(t)}
}

// checkTrusted requires that the proxy is trusted and nothing else on its
// network. The gateway especially must not be trusted, because connections from
// outside can appear to come from it.
func checkTrusted(t *testing.T, file composeFile) {
	t.Helper()
	network, address := file.Networks["inside"].IPAM.Config[0], file.Services["proxy"].Networks["inside"]
	if trusted := file.Services["rekey"].Environment["TRUSTED_PROXIES"]; trusted != address || address == network.Gateway {
		t.Errorf("TRUSTED_PROXIES is %s, the proxy %s, the gateway %s", trusted, address, network.Gateway)
	}
	proxy, err := netip.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	if !netip.MustParsePrefix(network.Subnet).Contains(proxy) || netip.MustParsePrefix(network.IPRange).Contains(proxy) {
		t.Errorf("%s cannot be kept for the proxy: %+v", address, network)
	}
}

func haproxyPort(t *testing.T) int {
	t.Helper()
	for _, want := range []string{"timeout http-request 10s", "timeout http-keep-alive 60s", "retry-on conn-failure"} {
		if !strings.Contains(deployFile(t, "haproxy.cfg"), want) {
			t.Errorf("haproxy.cfg does not contain %q", want)
		}
	}
	m := regexp.MustCompile(`server-template \w+ (\d+) rekey:(\d+) check`).FindStringSubmatch(deployFile(t, "haproxy.cfg"))
	if m == nil || m[1] != "2" {
		t.Fatalf("haproxy.cfg does not send to the two replicas: %v", m)
	}
	return load(t, map[string]string{"PORT": m[2]}).Port
}

// unit reads deploy/rekey.service. If systemd is installed, systemd checks the
// file.
func unit(t *testing.T) deployed {
	t.Helper()
	text := deployFile(t, "rekey.service")
	d := deployed{env: map[string]string{}}
	for _, m := range regexp.MustCompile(`(?m)^(Environment|TimeoutStopSec)=(.*)$`).FindAllStringSubmatch(text, -1) {
		if m[1] == "Environment" {
			assign(d.env, m[2])
			continue
		}
		var err error
		if d.grace, err = time.ParseDuration(m[2]); err != nil {
			t.Error(err)
		}
	}
	for _, line := range []string{"Restart=always", "StartLimitIntervalSec=0"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("rekey.service does not contain %s: systemd would give up", line)
		}
	}
	if !strings.Contains(text, "\nExecStart=/usr/local/bin/rekey serve\n") || d.grace == 0 {
		t.Error("rekey.service does not start the service, or does not say how long to wait for its end")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return d
	}
	copied := filepath.Join(t.TempDir(), "rekey.service") // the program of ExecStart must exist
	if err := os.WriteFile(copied, []byte(strings.ReplaceAll(text, "/usr/local/bin/rekey", binary)), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), analyze, "verify", copied)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil || strings.Contains(said.String(), copied) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said.String())
	}
	return d
}

// TestDeploy_health: the health checks of images and proxies work with the real
// binary.
func TestDeploy_health(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	p := start(t, env)
	img, file := dockerfile(t), compose(t)
	checks := [][]string{img.health, file.Services["rekey"].Healthcheck.Test[1:]}
	asked := map[string]string{"PORT": p.URL[strings.LastIndex(p.URL, ":")+1:]}
	for _, check := range checks {
		if check[0] != img.entrypoint[0] {
			t.Fatalf("%v does not call the binary", check)
		}
		if health := spawn(t, asked, check[1:]...); health.wait() != 0 {
			t.Errorf("%v: %s", check, health.out)
		}
	}
	paths := append(kubernetes(t).paths, regexp.MustCompile(`httpchk GET (\S+)`).FindStringSubmatch(deployFile(t, "haproxy.cfg"))[1])
	if len(paths) != 4 {
		t.Errorf("probes: %v", paths)
	}
	for _, path := range paths {
		res, err := httpClient().Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || path != "/livez" && path != "/readyz" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	p.terminate()
	for _, check := range checks {
		if health := spawn(t, asked, check[1:]...); health.wait() != 1 {
			t.Errorf("%v with nobody there: %s", check, health.out)
		}
	}
}

// pods holds what deploy/kubernetes.yaml runs.
type pods struct {
	deployed
	paths []string
}

func kubernetes(t *testing.T) pods {
	t.Helper()
	var objects []manifest
	for dec := yaml.NewDecoder(strings.NewReader(deployFile(t, "kubernetes.yaml")), yaml.Strict()); ; {
		var m manifest
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, m)
	}
	of := map[string]manifest{}
	for _, m := range objects {
		of[m.APIVersion+" "+m.Kind] = m
	}
	app, budget, service := of["apps/v1 Deployment"], of["policy/v1 PodDisruptionBudget"], of["v1 Service"]
	pod := app.Spec.Template.Spec
	if len(of) != 5 || len(pod.Containers) != 1 {
		t.Fatalf("%d kinds of objects, %d containers", len(of), len(pod.Containers))
	}
	c := pod.Containers[0]
	if app.Spec.Replicas != 3 || budget.Spec.MinAvailable >= app.Spec.Replicas || budget.Spec.MinAvailable < 1 {
		t.Errorf("%d replicas, %d of them must be there", app.Spec.Replicas, budget.Spec.MinAvailable)
	}
	labels := app.Spec.Template.Metadata.Labels
	for what, selector := range map[string]map[string]string{
		"Service":    {"app.kubernetes.io/name": service.Spec.Selector["app.kubernetes.io/name"][""]},
		"Deployment": app.Spec.Selector["matchLabels"], "PodDisruptionBudget": budget.Spec.Selector["matchLabels"],
	} {
		if !maps.Equal(selector, labels) {
			t.Errorf("the %s selects %v, and pods have %v", what, selector, labels)
		}
	}
	checkPolicy(t, of["networking.k8s.io/v1 NetworkPolicy"], labels, c)
	if !pod.SecurityContext.RunAsNonRoot || !c.SecurityContext.ReadOnlyRootFilesystem || c.SecurityContext.AllowPrivilegeEscalation == nil || *c.SecurityContext.AllowPrivilegeEscalation {
		t.Error("the container may do what it need not")
	}
	result := pods{deployed: deployed{env: of["v1 ConfigMap"].Data, grace: time.Duration(pod.TerminationGracePeriodSeconds) * time.Second}}
	for _, port := range c.Ports {
		if port.Name == service.Spec.Ports[0].TargetPort {
			result.port = port.ContainerPort
		}
	}
	for _, probe := range []kubeProbe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if probe.HTTPGet.Port != service.Spec.Ports[0].TargetPort {
			t.Errorf("a probe asks at %s", probe.HTTPGet.Port)
		}
		result.paths = append(result.paths, probe.HTTPGet.Path)
	}
	for name, value := range result.env {
		if strings.HasSuffix(name, "_FILE") && filepath.Dir(value) != c.VolumeMounts[0].MountPath {
			t.Errorf("%s is not where secrets are mounted: %s", name, value)
		}
	}
	return result
}

// TestDeploy_dockerRun starts the binary with the settings of the Dockerfile and
// of the documented docker run, which is for production.
func TestDeploy_dockerRun(t *testing.T) {
	command := regexp.MustCompile(`(?m)^    docker run (.*)$`).FindStringSubmatch(deployFile(t, "README.md"))
	if command == nil {
		t.Fatal("deploy/README.md has no docker run")
	}
	env := maps.Clone(dockerfile(t).env)
	for _, setting := range regexp.MustCompile(`-e (\w+)=(\S+)`).FindAllStringSubmatch(command[1], -1) {
		env[setting[1]] = setting[2]
	}
	if env["ENV"] != "production" {
		t.Errorf("docker run sets ENV=%s", env["ENV"])
	}
	env["DATA_DIR"] = t.TempDir()
	p := start(t, env)
	readyUntil(t, httpClient(), p.URL, func(r readiness) bool { return r.code == http.StatusOK })
}

// TestDeploy_nginx: the documented nginx passes on what rekey reads, and the page
// says which address rekey has to trust.
func TestDeploy_nginx(t *testing.T) {
	page, err := os.ReadFile("../docs/how-to/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, conf, _ := strings.Cut(string(page), "```nginx\n")
	conf, _, found := strings.Cut(conf, "```")
	for _, want := range []string{"X-Forwarded-For $proxy_add_x_forwarded_for;", "X-Forwarded-Proto $scheme;", "Host $host;", "TRUSTED_PROXIES", `Strict-Transport-Security "max-age=31536000`} {
		if !found || !strings.Contains(conf, want) {
			t.Errorf("nginx: no %q in\n%s", want, conf)
		}
	}
	proxies := regexp.MustCompile("`TRUSTED_PROXIES=([^`]+)`").FindSubmatch(page)
	if proxies == nil || len(load(t, map[string]string{"TRUSTED_PROXIES": string(proxies[1])}).TrustedProxies) == 0 {
		t.Errorf("TRUSTED_PROXIES beside nginx: %q", proxies)
	}
}
