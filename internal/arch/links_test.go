package arch

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fence      = regexp.MustCompile("(?ms)^ *(```|~~~).*?^ *(```|~~~)[^\\n]*$")
	codeSpan   = regexp.MustCompile("`[^`\\n]*`")
	inlineLink = regexp.MustCompile(`\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)`)
	reference  = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)`)
	autolink   = regexp.MustCompile(`<(https?://[^>\s]+)>`)
	attribute  = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	heading    = regexp.MustCompile(`(?m)^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$`)
	htmlAnchor = regexp.MustCompile(`<a\s+(?:id|name)="([^"]+)"`)
	linkText   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{M}\p{N}\p{Pc} -]`)
	mention    = regexp.MustCompile(`\bdocs/[\w./-]+\.(?:md|mjs|conf|svg|png)(?:#[\w-]+)?`)
)

// TestLinks follows every link of every page to its file and its heading, and
// checks that links to other sites are well formed.
func TestLinks(t *testing.T) {
	pages := documents(t, ".md")
	followed := 0
	for name, page := range pages {
		for _, target := range links(page) {
			if problem := follow(pages, path.Dir(name), name, target); problem != "" {
				t.Errorf("%s: the link %s: %s", name, target, problem)
			}
			followed++
		}
	}
	if followed < 100 {
		t.Errorf("%d links were found: the pages have another form", followed)
	}
}

// TestLinks_Mentions checks the pages that code, settings and dashboards name.
func TestLinks_Mentions(t *testing.T) {
	pages := documents(t, ".md")
	for _, suffix := range []string{".go", ".yaml", ".yml", ".graphqls", ".mjs", ".service", "Dockerfile", "/run"} {
		for name, text := range documents(t, suffix) {
			for _, target := range mention.FindAllString(text, -1) {
				if problem := follow(pages, ".", "", target); problem != "" {
					t.Errorf("%s names %s: %s", name, target, problem)
				}
			}
		}
	}
}

// TestLinks_Problems shows what the tests above find.
func TestLinks_Problems(t *testing.T) {
	pages := map[string]string{
		"a.md":   "# One page\n\n## `code` and *stress*, 3.5\n\n## Twice\n## Twice\n\n```\n# no heading\n```\n",
		"b/c.md": "[a](../a.md#one-page)",
	}
	tests := map[string]struct {
		target  string
		problem bool
	}{
		"a heading":                        {"../a.md#one-page", false},
		"punctuation is left out":          {"../a.md#code-and-stress-35", false},
		"the second of two equal headings": {"../a.md#twice-1", false},
		"a heading of the page itself":     {"#one-page", true},
		"a comment in code":                {"../a.md#no-heading", true},
		"a page that does not exist":       {"d.md", true},
		"a page outside":                   {"../../a.md", true},
		"another site":                     {"https://example.com/x#y", false},
		"another site without a host":      {"https:///x", true},
		"an unknown scheme":                {"htps://example.com", true},
		"nothing":                          {"", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if problem := follow(pages, "b", "b/c.md", tt.target); (problem != "") != tt.problem {
				t.Errorf("follow(%q) = %q", tt.target, problem)
			}
		})
	}
}

// links returns the targets of all links of a page.
func links(page string) []string {
	page = codeSpan.ReplaceAllString(fence.ReplaceAllString(page, ""), "`")
	var targets []string
	for _, form := range []*regexp.Regexp{inlineLink, reference, autolink, attribute} {
		for _, match := range form.FindAllStringSubmatch(page, -1) {
			targets = append(targets, match[1])
		}
	}
	return targets
}

// follow returns what is wrong with a link in the page called name, which is
// in directory; or "".
func follow(pages map[string]string, directory, name, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "mailto":
		return ""
	case u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http":
		return "unknown scheme " + u.Scheme
	case u.Scheme != "" && u.Host == "":
		return "there is no host"
	case u.Scheme != "":
		return ""
	case u.Path == "" && u.Fragment == "":
		return "it is empty"
	}
	file := name
	if u.Path != "" {
		file = path.Join(directory, u.Path)
	}
	if strings.HasPrefix(file, "../") {
		return "it leaves the project"
	}
	page, isPage := pages[file]
	if !isPage {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			return "there is no such file"
		}
		return ""
	}
	if u.Fragment != "" && !anchors(page)[u.Fragment] {
		return fmt.Sprintf("%s has no heading #%s", file, u.Fragment)
	}
	return ""
}

// anchors returns the anchors that GitHub gives to the headings of a page.
func anchors(page string) map[string]bool {
	found, seen := map[string]bool{}, map[string]int{}
	page = fence.ReplaceAllString(page, "")
	for _, match := range htmlAnchor.FindAllStringSubmatch(page, -1) {
		found[match[1]] = true
	}
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		text := linkText.ReplaceAllString(match[1], "$1")
		slug := strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		if n := seen[slug]; n > 0 {
			found[fmt.Sprintf("%s-%d", slug, n)] = true
		} else {
			found[slug] = true
		}
		seen[slug]++
	}
	return found
}
