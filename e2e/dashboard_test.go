package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/model/labels"
	promql "github.com/prometheus/prometheus/promql/parser"

	"rekey/internal/auth"
)

const (
	dashboardFile = "../deploy/grafana/rekey.json"
	rulesFile     = "../deploy/prometheus/rekey.rules.yaml"
	scrapeFile    = "../deploy/prometheus/prometheus.yaml"
	operations    = "../docs/operations.md"        // the alerts
	reference     = "../docs/reference/metrics.md" // the metrics
)

// exported holds the metrics of a process: metric → label → values.
type exported map[string]map[string][]string

func (s samples) exported(t *testing.T) exported {
	t.Helper()
	all := exported{}
	pair := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	for sample := range s {
		name, set, _ := strings.Cut(sample, "{")
		if all[name] == nil {
			all[name] = map[string][]string{}
		}
		for _, m := range pair.FindAllStringSubmatch(set, -1) {
			all[name][m[1]] = append(all[name][m[1]], m[2])
		}
	}
	return all
}

// scrapers returns the labels that Prometheus adds to each metric.
func scrapers() []string { return []string{"job", "instance"} }

const up = "up"

// metricName is the label of a selector that contains the metric's name.
const metricName = "__name__"

// declared returns the values of labels that are not all exported from the
// start.
func declared(t *testing.T) map[string][]string {
	t.Helper()
	codes := []string{"0"} // an answer that was cut off
	for status := 100; status < 600; status++ {
		if http.StatusText(status) != "" {
			codes = append(codes, strconv.Itoa(status))
		}
	}
	return map[string][]string{"outcome": outcomes(t), "code": codes}
}

// outcomes returns the possible outcomes of an operation: the core's reasons,
// codes and other outcomes, as it declares them.
func outcomes(t *testing.T) []string {
	t.Helper()
	var words []string
	for _, file := range []string{"errors.go", "observe.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), "../internal/auth/"+file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			constant, ok := n.(*ast.ValueSpec)
			if !ok || len(constant.Values) != 1 || !regexp.MustCompile("^(Code|Reason|Outcome)[A-Z]").MatchString(constant.Names[0].Name) {
				return true
			}
			word, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, strings.ToLower(word))
			return true
		})
	}
	for _, err := range []error{nil, auth.Unavailable(nil), auth.Unauthenticated(auth.ReasonTokenReused, ""), context.Canceled} {
		if word := auth.Outcome(err); !slices.Contains(words, word) {
			t.Fatalf("%s is not one of %q", word, words)
		}
	}
	return words
}

// checkQuery parses a query as Prometheus does and reports everything in it that
// the process does not export.
func (e exported) checkQuery(t *testing.T, query string) {
	t.Helper()
	for _, problem := range e.problems(t, strings.ReplaceAll(query, "$__rate_interval", "5m")) {
		t.Errorf("%s: %s", query, problem)
	}
}

func (e exported) problems(t *testing.T, query string) (all []string) {
	t.Helper()
	tree, err := promql.NewParser(promql.Options{}).ParseExpr(query)
	if err != nil {
		return []string{err.Error()}
	}
	stated := declared(t)
	for _, selector := range promql.ExtractSelectors(tree) {
		all = append(all, e.inSelector(selector, stated)...)
	}
	promql.Inspect(tree, func(node promql.Node, _ []promql.Node) error {
		if sum, ok := node.(*promql.AggregateExpr); ok {
			all = append(all, e.inGrouping(sum)...)
		}
		return nil
	})
	return all
}

// inSelector requires that every label belongs to the metric, and that every
// value is exported from the start or declared.
func (e exported) inSelector(selector []*labels.Matcher, stated map[string][]string) (all []string) {
	name := ""
	for _, m := range selector {
		if m.Name == metricName {
			name = m.Value
		}
	}
	known, ok := e[name]
	if !ok && name != up {
		return []string{name + " is not exported"}
	}
	for _, m := range selector {
		values, ok := known[m.Name]
		if more, later := stated[m.Name]; later {
			values = slices.Concat(values, more)
		}
		switch {
		case m.Name == metricName, slices.Contains(scrapers(), m.Name):
		case !ok:
			all = append(all, fmt.Sprintf("%s has no label %s", name, m.Name))
		default:
			for _, each := range strings.Split(m.Value, "|") {
				if !slices.ContainsFunc(values, regexp.MustCompile("^(?:"+each+")$").MatchString) {
					all = append(all, fmt.Sprintf("%s is no %s of %s", each, m.Name, name))
				}
			}
		}
	}
	return all
}

// inGrouping reports labels that none of the metrics has. Such a label would
// merge everything into one line.
func (e exported) inGrouping(sum *promql.AggregateExpr) (all []string) {
	for _, label := range sum.Grouping {
		found := slices.Contains(scrapers(), label)
		for _, selector := range promql.ExtractSelectors(sum.Expr) {
			for _, m := range selector {
				_, has := e[m.Value][label]
				found = found || m.Name == metricName && has
			}
		}
		if !found {
			all = append(all, "nothing in it has the label "+label)
		}
	}
	return all
}

func read(t *testing.T, file string, parse func([]byte, any) error, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = parse(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// checkDashboard requires that every query of the dashboard uses exported
// metrics, and that every metric of rekey is on it.
func (e exported) checkDashboard(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	read(t, dashboardFile, json.Unmarshal, &dashboard)
	var shown strings.Builder
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			e.checkQuery(t, target.Expr)
			shown.WriteString(target.Expr + "\n")
		}
	}
	for name := range e {
		if base := family(name); strings.HasPrefix(name, "rekey_") && !strings.Contains(shown.String(), base) {
			t.Errorf("%s is not on the dashboard", base)
		}
	}
}

// family returns the name under which a histogram's samples are documented.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// checkAlerts requires that every rule uses exported metrics, has a severity,
// and is explained to the operator.
func (e exported) checkAlerts(t *testing.T) {
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	strict := func(data []byte, into any) error { return yaml.UnmarshalWithOptions(data, into, yaml.Strict()) }
	read(t, rulesFile, strict, &rules)
	text, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	alarmed := map[string]bool{} // limits
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			count++
			e.checkQuery(t, rule.Expr)
			e.markLimits(t, rule.Expr, alarmed)
			if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" {
				t.Errorf("%s: %v %v", rule.Alert, rule.Labels, rule.Annotations)
			}
			if !strings.Contains(string(text), "| `"+rule.Alert+"` |") {
				t.Errorf("%s does not explain %s", operations, rule.Alert)
			}
		}
	}
	for _, limit := range e[limitedMetric]["limit"] {
		if !alarmed[limit] {
			t.Errorf("no alert covers the limit %s", limit)
		}
	}
	if explained := regexp.MustCompile("(?m)^\\| `Rekey").FindAllString(string(text), -1); len(explained) != count {
		t.Errorf("%d alerts are explained, there are %d", len(explained), count)
	}
	var scrape struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName string `yaml:"job_name"`
		} `yaml:"scrape_configs"`
	}
	read(t, scrapeFile, func(data []byte, into any) error { return yaml.Unmarshal(data, into) }, &scrape)
	if len(scrape.ScrapeConfigs) != 1 || scrape.ScrapeConfigs[0].JobName != "rekey" || !slices.Equal(scrape.RuleFiles, []string{"rekey.rules.yaml"}) {
		t.Errorf("%s: %+v", scrapeFile, scrape)
	}
}

const limitedMetric = "rekey_rate_limited_total"

// markLimits marks the limits whose refusals a query selects.
func (e exported) markLimits(t *testing.T, query string, alarmed map[string]bool) {
	t.Helper()
	tree, err := promql.NewParser(promql.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatal(err)
	}
	for _, selector := range promql.ExtractSelectors(tree) {
		matches := func(name, value string) bool {
			return !slices.ContainsFunc(selector, func(m *labels.Matcher) bool { return m.Name == name && !m.Matches(value) })
		}
		if !matches(metricName, limitedMetric) {
			continue
		}
		for _, limit := range e[limitedMetric]["limit"] {
			alarmed[limit] = alarmed[limit] || matches("limit", limit)
		}
	}
}

// checkDocumented requires that the documentation's table of metrics equals the
// exported metrics.
func (e exported) checkDocumented(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{} // metric → labels
	for _, row := range regexp.MustCompile("(?m)^\\| (`rekey_[^|]+) \\| ([^|]+) \\|").FindAllStringSubmatch(string(text), -1) {
		quoted := regexp.MustCompile("`([a-z_]+)`")
		for _, name := range quoted.FindAllStringSubmatch(row[1], -1) {
			documented[name[1]] = []string{}
			for _, label := range quoted.FindAllStringSubmatch(row[2], -1) {
				documented[name[1]] = append(documented[name[1]], label[1])
			}
		}
	}
	for name, set := range e {
		if !strings.HasPrefix(name, "rekey_") {
			continue
		}
		described, ok := documented[family(name)]
		if !ok {
			t.Errorf("%s does not document %s", reference, family(name))
		}
		for label := range set {
			if label != "le" && !slices.Contains(described, label) {
				t.Errorf("%s does not document the label %s of %s", reference, label, family(name))
			}
		}
	}
	for name := range documented {
		_, plain := e[name]
		if _, histogram := e[name+"_bucket"]; !plain && !histogram {
			t.Errorf("%s documents %s, which is not exported", reference, name)
		}
	}
}

// TestDashboard_check: the checks find a mistake at every place in a query.
func TestDashboard_check(t *testing.T) {
	is := exported{"rekey_operations_total": {"operation": {"login"}, "transport": {"rest"}, "outcome": {"ok"}}, "rekey_http_requests_total": {"code": {"200"}}}
	for query, wrong := range map[string]int{
		`rekey_operations_total{outcome=~"internal|token_reused|canceled",operation="login",transport="rest",job="x"}`: 0,
		`rekey_operations_total{outcome="internl"}`:       1,
		`rekey_operations_total{outcome!="INTERNAL"}`:     1,
		`rekey_operations_total{transport=~"rest|cron"}`:  1,
		`rekey_http_requests_total{code=~"503|5033"}`:     1,
		`rekey_http_requests_total{code="0",cod="0"}`:     1,
		`rekey_operation_total`:                           1,
		`sum by (outcom) (rekey_operations_total)`:        1,
		`rekey_http_requests_total{code="500"} > bool on`: 1,
	} {
		if got := is.problems(t, query); len(got) != wrong {
			t.Errorf("%s: %q", query, got)
		}
	}
}
