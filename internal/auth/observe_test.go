package auth

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// outcomes collects the outcomes of steps.
type outcomes struct{ list []string }

func (o *outcomes) Begin(ctx context.Context, _ Step, _ Client) (context.Context, func(error)) {
	return ctx, func(err error) { o.list = append(o.list, Outcome(err)) }
}

func culprit(string) { panic("the core's own fault") }

// TestObserve_panic: a step that panics has failed, and the recovering code gets the
// value and the stack.
func TestObserve_panic(t *testing.T) {
	var seen outcomes
	var stack string
	var panicked any
	func() {
		defer func() { panicked, stack = recover(), string(debug.Stack()) }()
		var err error
		_, end := observe(t.Context(), &seen, StepLogin, Client{})
		defer end(&err)
		culprit("x")
	}()
	if !slices.Equal(seen.list, []string{"internal"}) {
		t.Errorf("it came to %q", seen.list)
	}
	if panicked != "the core's own fault" || !strings.Contains(stack, "auth.culprit(") {
		t.Errorf("recovered %v from\n%s", panicked, stack)
	}
}

// sources are the package's files, without tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// functions are the package's by name, methods as "Type.Name".
func functions(t *testing.T) map[string]*ast.FuncDecl {
	t.Helper()
	all := map[string]*ast.FuncDecl{}
	for _, f := range sources(t) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				all[receiver(fn)+fn.Name.Name] = fn
			}
		}
	}
	return all
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

// steps returns the names of the steps that a function begins, by observe or by
// the method begin.
func steps(fn *ast.FuncDecl) []string {
	var found []string
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var step ast.Expr
		switch called := call.Fun.(type) {
		case *ast.Ident:
			if called.Name == "observe" {
				step = call.Args[2]
			}
		case *ast.SelectorExpr:
			if called.Sel.Name == "begin" {
				step = call.Args[1]
			}
		}
		if name, ok := step.(*ast.Ident); ok && name.Name != "step" { // but in begin itself
			found = append(found, name.Name)
		}
		return true
	})
	return found
}

// TestUseCases_observed: every method that a transport calls reports its step to
// the observer. Commands do not: their process ends with them.
func TestUseCases_observed(t *testing.T) {
	apart := strings.Fields(`Service.Admit Service.CheckClock Service.ClockSkewed Service.Now Service.WatchClock
		Service.AccessSession Service.KnownValid
		Service.AddUser Service.EmailClashes Service.DisableUser Service.EnableUser Service.EndAllSessions Service.EndSession
		Service.SetEmail Service.MarkEmailVerified Service.SendReset Service.ExportPerson
		Service.DeleteUser Service.EraseDue Service.Deletions Service.WatchDeletions
		Service.Mails Service.RetryMail Service.DropMail Service.ReencryptMails
		Service.EndUserSessions Service.ExportUsers Service.FindUser Service.Journal Service.UserSessions Service.Users
		APIKeys.Authenticate APIKeys.AuthenticateCall APIKeys.Check APIKeys.Create APIKeys.List APIKeys.Revoke APIKeys.Wait`)
	declared := map[string]int{} // how often each step is observed
	for name, fn := range functions(t) {
		observed := steps(fn)
		for _, step := range observed {
			declared[step]++
		}
		owner, _, _ := strings.Cut(name, ".")
		if fn.Name.IsExported() && (owner == "Service" || owner == "APIKeys") && (len(observed) > 0) == slices.Contains(apart, name) {
			t.Errorf("%s: observed %d times", name, len(observed))
		}
	}
	for step, times := range declared {
		if times != 1 {
			t.Errorf("%s is observed in %d places", step, times)
		}
	}
	if got, all := len(declared), len(UseCases())+len(Parts()); got != all {
		t.Errorf("%d steps are observed, %d there are: %v", got, all, slices.Sorted(maps.Keys(declared)))
	}
}

// constants returns the number of constants of a type that the package declares.
func constants(t *testing.T, typeName string) int {
	t.Helper()
	n := 0
	for _, f := range sources(t) {
		ast.Inspect(f, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) > 0 {
				if of, ok := spec.Type.(*ast.Ident); ok && of.Name == typeName {
					n += len(spec.Names)
				}
			}
			return true
		})
	}
	return n
}

// TestTables: each table has every constant of its type, once.
func TestTables(t *testing.T) {
	for typeName, table := range map[string][]string{
		"EventKind": texts(EventKinds()), "Scope": texts(Scopes()), "Step": texts(append(UseCases(), Parts()...)),
		"KeyPurpose": texts(KeyPurposes()), "Code": texts(Codes()),
	} {
		distinct := map[string]bool{}
		for _, name := range table {
			distinct[name] = true
		}
		if n := constants(t, typeName); n != len(table) || n != len(distinct) || n == 0 {
			t.Errorf("%s: %d constants, and %d in the table, of which %d differ", typeName, n, len(table), len(distinct))
		}
	}
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, each := range list {
		out[i] = string(each)
	}
	return out
}
