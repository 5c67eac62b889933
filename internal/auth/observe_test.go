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

// told keeps what a step came to.
type told struct{ outcomes []string }

func (o *told) Begin(ctx context.Context, _ Step, _ Client) (context.Context, func(error)) {
	return ctx, func(err error) { o.outcomes = append(o.outcomes, Outcome(err)) }
}

func culprit(string) { panic("the core's own fault") }

// TestObserve_panic: a step that panics is no success, and whoever recovers
// learns what panicked and where.
func TestObserve_panic(t *testing.T) {
	var seen told
	var stack string
	var panicked any
	func() {
		defer func() { panicked, stack = recover(), string(debug.Stack()) }()
		var err error
		_, end := observe(t.Context(), &seen, StepLogin, Client{})
		defer end(&err)
		culprit("x")
	}()
	if !slices.Equal(seen.outcomes, []string{"internal"}) {
		t.Errorf("it came to %q", seen.outcomes)
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

// calls are the calls of a function, by its name, in another's body.
func calls(fn *ast.FuncDecl, name string) []*ast.CallExpr {
	var found []*ast.CallExpr
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if called, ok := call.Fun.(*ast.Ident); ok && called.Name == name {
				found = append(found, call)
			}
		}
		return true
	})
	return found
}

// TestUseCases_observed: what a transport calls is told to the observer, whatever it
// comes to. Commands are not: their process ends with them.
func TestUseCases_observed(t *testing.T) {
	apart := strings.Fields(`Service.Admit Service.CheckClock Service.ClockSkewed Service.Now Service.WatchClock
		Service.AddUser Service.DisableUser Service.EnableUser Service.EndAllSessions Service.EndSession
		Service.EndUserSessions Service.ExportUsers Service.FindUser Service.Journal Service.UserSessions Service.AccessSession Service.KnownValid Service.Users
		APIKeys.Authenticate APIKeys.Check APIKeys.AuthenticateCall APIKeys.Create APIKeys.List APIKeys.Revoke APIKeys.Wait`)
	declared := map[string]int{} // how often each step is observed
	for name, fn := range functions(t) {
		observed := calls(fn, "observe")
		for _, call := range observed {
			declared[call.Args[2].(*ast.Ident).Name]++
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
	if got, all := len(declared), len(UseCases())+len([]Step{StepSwap, StepSign}); got != all {
		t.Errorf("%d steps are observed, %d there are: %v", got, all, slices.Sorted(maps.Keys(declared)))
	}
}

// TestLimits: Limits has every limit, each by a name of its own.
func TestLimits(t *testing.T) {
	fns := functions(t)
	listed := map[string]bool{}
	ast.Inspect(fns["Limits"], func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			listed[call.Fun.(*ast.Ident).Name] = true
		}
		return true
	})
	for name, fn := range fns {
		if results := fn.Type.Results; results == nil || len(results.List) != 1 {
			continue
		}
		if result, ok := fn.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Limit" && !listed[name] {
			t.Errorf("%s is not in Limits", name)
		}
	}
	names := map[string]bool{}
	for _, l := range Limits() {
		names[l.Name] = true
	}
	if len(names) != len(listed) {
		t.Errorf("%d names of %d limits", len(names), len(listed))
	}
}
