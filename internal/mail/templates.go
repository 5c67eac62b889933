package mail

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"rekey/internal/auth"
)

//go:embed templates
var embedded embed.FS

const (
	layoutFile      = "layout.html"
	defaultLanguage = "en"
	maxFileBytes    = 256 << 10
	maxSubjectBytes = 400
)

// A pair holds the templates of a kind in one language.
type pair struct {
	tag                 language.Tag
	subject, text, html template
	hasHTML             bool
	layout              template
}

// templates holds all templates, by language and kind.
type templates struct {
	pairs   map[string]map[auth.MailKind]pair // by the canonical form of the language's tag
	layouts map[string]template               // "": of all languages without one of their own
}

// loadTemplates reads the embedded templates, and those in a directory, unless
// it is "". The error names each file that is wrong.
func loadTemplates(directory string) (*templates, error) {
	t := &templates{pairs: map[string]map[auth.MailKind]pair{}, layouts: map[string]template{}}
	defaults, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	if err := t.add(defaults, "embedded"); err != nil {
		return nil, err
	}
	if directory == "" {
		return t, nil
	}
	return t, t.add(os.DirFS(directory), directory)
}

// add reads the templates of a directory. They replace those of the same language
// and kind.
func (t *templates) add(files fs.FS, name string) error {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return fmt.Errorf("%s: %w", name, cause(err))
	}
	var problems []error
	for _, e := range entries {
		file := e.Name()
		info, err := fs.Stat(files, file) // follows links, which mounted directories consist of
		switch {
		case strings.HasPrefix(file, "."):
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", path.Join(name, file), cause(err)))
		case info.IsDir():
			problems = append(problems, t.addLanguage(files, file, name))
		case file == layoutFile:
			problems = append(problems, t.addLayout(files, file, name, ""))
		default:
			problems = append(problems, fmt.Errorf("%s: templates are in a folder for their language, such as %s", path.Join(name, file), path.Join(name, defaultLanguage, file)))
		}
	}
	return errors.Join(problems...)
}

func (t *templates) addLanguage(files fs.FS, folder, name string) error {
	tag, err := language.Parse(folder)
	if err != nil {
		return fmt.Errorf("%s: must be named after a language, such as en or pt-BR", path.Join(name, folder))
	}
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Join(name, folder), cause(err))
	}
	var problems []error
	for _, e := range entries {
		file := path.Join(folder, e.Name())
		base, extension := strings.TrimSuffix(e.Name(), path.Ext(file)), path.Ext(file)
		kind := auth.MailKind(base)
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Name() == layoutFile:
			problems = append(problems, t.addLayout(files, file, name, tag.String()))
		case !slices.Contains(auth.MailKinds(), kind) || extension != ".txt" && extension != ".html":
			problems = append(problems, fmt.Errorf("%s: there is no such template; there are %s, each as .txt and .html", path.Join(name, file), kindNames()))
		case extension == ".txt":
			problems = append(problems, t.addPair(files, folder, name, tag, kind))
		default:
			if _, err := fs.Stat(files, path.Join(folder, base+".txt")); err != nil {
				problems = append(problems, fmt.Errorf("%s: needs %s.txt beside it, which has the subject and the text", path.Join(name, file), base))
			}
		}
	}
	return errors.Join(problems...)
}

func (t *templates) addLayout(files fs.FS, file, name, tag string) error {
	source, err := readFile(files, file)
	if err == nil {
		err = checkHTML(source)
	}
	var layout template
	if err == nil {
		layout, err = parse(source, []string{"content", "subject", "service", "url", "language"})
	}
	if err == nil && !strings.Contains(layout.execute(map[string]string{"content": "\x00"}, asIs), "\x00") {
		err = errors.New("must contain {{content}}, the place of each mail's own text")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path.Join(name, file), err)
	}
	t.layouts[tag] = layout
	return nil
}

// addPair reads NAME.txt, and NAME.html if it exists.
func (t *templates) addPair(files fs.FS, folder, name string, tag language.Tag, kind auth.MailKind) error {
	p := pair{tag: tag}
	file := path.Join(folder, string(kind)+".txt")
	source, err := readFile(files, file)
	if err == nil {
		p.subject, p.text, err = parseText(source, kind)
	}
	if err == nil {
		file = path.Join(folder, string(kind)+".html")
		source, err = readFile(files, file)
		p.hasHTML = err == nil
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		case err == nil:
			p.html, err = parseHTML(source, kind)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path.Join(name, file), err)
	}
	if t.pairs[tag.String()] == nil {
		t.pairs[tag.String()] = map[auth.MailKind]pair{}
	}
	t.pairs[tag.String()][kind] = p
	return nil
}

// parseText parses a text, whose first line is the subject.
func parseText(source string, kind auth.MailKind) (subject, text template, err error) {
	known := needsOf(kind).placeholders()
	first, rest, _ := strings.Cut(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	line, found := strings.CutPrefix(first, "Subject:")
	if !found || strings.TrimSpace(line) == "" {
		return subject, text, errors.New("the first line must be the subject, such as \"Subject: your account\"")
	}
	for _, secret := range []string{"link", "code"} {
		known := slices.DeleteFunc(slices.Clone(known), func(n string) bool { return n == secret })
		if _, err := parse(line, known); err != nil { // logs of mail servers contain subjects
			return subject, text, err
		}
	}
	if subject, err = parse(strings.TrimSpace(line), known); err != nil {
		return subject, text, err
	}
	if text, err = parse("\n"+rest, known); err != nil { // the line break keeps the numbers of lines
		return subject, text, err
	}
	return subject, text, checkNeeded(text, kind)
}

func parseHTML(source string, kind auth.MailKind) (template, error) {
	if err := checkHTML(source); err != nil {
		return template{}, err
	}
	t, err := parse(source, needsOf(kind).placeholders())
	if err != nil {
		return t, err
	}
	return t, checkNeeded(t, kind)
}

// checkNeeded renders a template with all placeholders, and with only those
// that each mail of its kind has. The mail must contain the link and the code.
func checkNeeded(t template, kind auth.MailKind) error {
	need := needsOf(kind)
	needed := map[string]string{}
	if need.link {
		needed["link"] = "\x00link"
	}
	if need.code {
		needed["code"] = "\x00code"
	}
	all := maps.Clone(needed)
	for _, name := range need.placeholders() {
		all[name] = "\x00" + name
	}
	for _, values := range []map[string]string{all, needed} {
		out := t.execute(values, asIs)
		for name, value := range needed {
			if !strings.Contains(out, value) {
				return fmt.Errorf("must contain {{%s}}, whichever other placeholders have a value", name)
			}
		}
		if strings.TrimSpace(out) == "" {
			return errors.New("contains nothing")
		}
	}
	return nil
}

// find returns the templates for a kind in the language that is nearest to a BCP
// 47 tag: the language itself, then its parents, such as hu for hu-HU, then
// English.
func (t *templates) find(kind auth.MailKind, locale string) pair {
	tag, err := language.Parse(locale)
	if err != nil {
		tag = language.Und
	}
	for ; tag != language.Und; tag = tag.Parent() {
		if p, ok := t.pairs[tag.String()][kind]; ok {
			return t.withLayout(p)
		}
	}
	return t.withLayout(t.pairs[defaultLanguage][kind])
}

func (t *templates) withLayout(p pair) pair {
	layout, ok := t.layouts[p.tag.String()]
	if !ok {
		layout = t.layouts[""]
	}
	p.layout = layout
	return p
}

func readFile(files fs.FS, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", cause(err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err = errors.Join(cause(err), f.Close()); err != nil {
		return "", err
	}
	if len(content) > maxFileBytes {
		return "", fmt.Errorf("is larger than %d kB", maxFileBytes>>10)
	}
	if content, err = auth.TrimByteOrderMark(content); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(content), "�"), nil
}

// cause returns a file error without the path.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func asIs(s string) string { return s }

func kindNames() string {
	var names []string
	for _, k := range auth.MailKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}
