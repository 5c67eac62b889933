package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	dashboardFile = "../deploy/grafana/rekey.json"
	rulesFile     = "../deploy/prometheus/rekey.rules.yaml"
	scrapeFile    = "../deploy/prometheus/prometheus.yaml"
	operations    = "../docs/operations.md"
)

// exported are the metrics of a process: the values of each label of each name.
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

// scrapers are what Prometheus adds to each metric, and what it makes itself.
func scrapers() []string { return []string{"job", "instance"} }

const up = "up"

// metricName is the label that a selector has a metric's name in.
const metricName = "__name__"

// complete are labels whose values are all there from the start.
func complete() []string {
	return []string{"operation", "event", "source", "counted", "state", "pool", "purpose"}
}

// checkQuery parses a query as Prometheus does and says what of it the process
// does not export.
func (e exported) checkQuery(t *testing.T, query string) {
	t.Helper()
	query = strings.ReplaceAll(query, "$__rate_interval", "5m")
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return
	}
	for _, selector := range parser.ExtractSelectors(tree) {
		e.checkSelector(t, query, selector)
	}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if sum, ok := node.(*parser.AggregateExpr); ok {
			e.checkGrouping(t, query, sum)
		}
		return nil
	})
}

func (e exported) checkSelector(t *testing.T, query string, selector []*labels.Matcher) {
	t.Helper()
	name := ""
	for _, m := range selector {
		if m.Name == metricName {
			name = m.Value
		}
	}
	known, ok := e[name]
	if !ok && name != up {
		t.Errorf("%s: %s is not exported", query, name)
		return
	}
	for _, m := range selector {
		values, ok := known[m.Name]
		switch {
		case m.Name == metricName, slices.Contains(scrapers(), m.Name):
		case !ok:
			t.Errorf("%s: %s has no label %s", query, name, m.Name)
		case slices.Contains(complete(), m.Name):
			for _, each := range strings.Split(m.Value, "|") {
				if !slices.Contains(values, each) {
					t.Errorf("%s: %s is no %s of %s", query, each, m.Name, name)
				}
			}
		}
	}
}

// checkGrouping: a label that none of the metrics has would fold everything
// into one line.
func (e exported) checkGrouping(t *testing.T, query string, sum *parser.AggregateExpr) {
	t.Helper()
	for _, label := range sum.Grouping {
		found := slices.Contains(scrapers(), label)
		for _, selector := range parser.ExtractSelectors(sum.Expr) {
			for _, m := range selector {
				_, has := e[m.Value][label]
				found = found || m.Name == metricName && has
			}
		}
		if !found {
			t.Errorf("%s: nothing in it has the label %s", query, label)
		}
	}
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

// checkDashboard: every query of the dashboard names what is exported, and
// every metric of ours is on it.
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

// family is the name that a histogram's samples are documented under.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// checkAlerts: every rule names what is exported, says how bad it is, and is
// explained to whom it wakes.
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
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			count++
			e.checkQuery(t, rule.Expr)
			if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" {
				t.Errorf("%s: %v %v", rule.Alert, rule.Labels, rule.Annotations)
			}
			if !strings.Contains(string(text), "| `"+rule.Alert+"` |") {
				t.Errorf("%s does not explain %s", operations, rule.Alert)
			}
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

// checkDocumented: the table of metrics is that of the process.
func (e exported) checkDocumented(t *testing.T) {
	text, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{} // labels by name
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
		told, ok := documented[family(name)]
		if !ok {
			t.Errorf("%s does not tell of %s", operations, family(name))
		}
		for label := range set {
			if label != "le" && !slices.Contains(told, label) {
				t.Errorf("%s does not tell of the label %s of %s", operations, label, family(name))
			}
		}
	}
	for name := range documented {
		_, plain := e[name]
		if _, histogram := e[name+"_bucket"]; !plain && !histogram {
			t.Errorf("%s tells of %s, which is not exported", operations, name)
		}
	}
}
