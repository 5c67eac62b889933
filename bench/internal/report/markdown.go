package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rekey/bench/internal/trial"
)

// The bench owns the part of a document between these lines.
const (
	begin = "<!-- what follows is written by go run ./bench -->\n"
	end   = "<!-- end of what the bench writes -->\n"
)

// Image is the path of the plot, relative to the document.
const Image = "images/performance.svg"

// Write replaces the bench's part of a document and draws the plot.
func Write(path string, r trial.Results) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, found := bytes.Cut(old, []byte(begin))
	_, after, _ := bytes.Cut(rest, []byte(end))
	if !found {
		before = append(old, '\n')
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(begin)
	markdown(&b, r)
	b.WriteString(end)
	b.Write(after)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	if r.Refresh == nil {
		return nil
	}
	image := filepath.Join(filepath.Dir(path), filepath.FromSlash(Image))
	if err := os.MkdirAll(filepath.Dir(image), 0o755); err != nil {
		return fmt.Errorf("drawing the plot: %w", err)
	}
	if err := os.WriteFile(image, plot(r.Refresh), 0o644); err != nil {
		return fmt.Errorf("drawing the plot: %w", err)
	}
	return nil
}

// Summary returns the targets and the measured values, one per line.
func Summary(r trial.Results) string {
	var b bytes.Buffer
	for _, t := range targets(r) {
		fmt.Fprintf(&b, "%-7s %s: %s (%s)\n", t.verdict(), t.what, t.got, t.want)
	}
	return b.String()
}

func markdown(w io.Writer, r trial.Results) {
	fmt.Fprint(w, "\n## What was to be reached\n\n| what | target | measured | |\n|---|---|---|---|\n")
	for _, t := range targets(r) {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", t.what, t.want, t.got, t.verdict())
	}
	if r.Refresh != nil {
		refresh(w, r.Refresh)
	}
	if r.Access != nil {
		fmt.Fprintf(w, "\n## Logins and access checks\n\n%s\n\n", source(r.Access.Source))
		samples(w, r.Access.Samples)
	}
	if r.Logins != nil {
		logins(w, r.Logins)
	}
	if r.Embedded != nil {
		fmt.Fprintf(w, "\n## On SQLite\n\n%s A bare loop of the same durable statement on the same file does %.0f/s.\n\n", source(r.Embedded.Source), r.Embedded.Bare)
		samples(w, r.Embedded.Samples)
	}
	if r.Growth != nil {
		growth(w, r.Growth)
	}
	if r.Chain != nil {
		chain(w, r.Chain)
	}
	if s := r.Start; s != nil {
		fmt.Fprintf(w, "\n## Start\n\n%s On SQLite, to the first answer, readiness included: %.0f ms with data, %.0f ms without any (keys and tables are made); then %.1f MiB resident (peak %.1f). A plain `go build` makes a binary of %.1f MiB, the container image has one of %.1f MiB.\n",
			source(s.Source), millis(s.Again), millis(s.First), float64(s.Idle.Now)/mib, float64(s.Idle.Peak)/mib, float64(s.Binary)/mib, float64(s.Stripped)/mib)
	}
	fmt.Fprintln(w)
}

func source(s trial.Source) string {
	text := fmt.Sprintf("Measured on %s at commit %s: %s, %s.", s.At.Format("2006-01-02"), s.Commit, s.Machine, s.Servers)
	if s.Short {
		text += " A short run: its figures say little."
	}
	return text
}

func refresh(w io.Writer, r *trial.Refresh) {
	fmt.Fprintf(w, "\n## Refreshes on Postgres\n\n%s Medians of %d rounds. The cryptography of a refresh alone takes %.3f ms on one core, %.3f ms with all cores at it.\n\n![refreshes a second by clients](%s)\n\n",
		source(r.Source), r.Rounds, millis(r.Crypto.Alone), millis(r.Crypto.Busy), Image)
	samples(w, r.Samples)
	fmt.Fprintf(w, "\nOf %d updates %d were in place (HOT). The server had %.1f MiB before the first request, %.1f MiB after all (peak %.1f MiB).\n",
		r.Table.Updates, r.Table.HOT, float64(r.Idle.Now)/mib, float64(r.Loaded.Now)/mib, float64(r.Loaded.Peak)/mib)
	ratios(w, r)
}

// ratios writes the refreshes relative to pgbench's swaps with the same number
// of clients.
func ratios(w io.Writer, r *trial.Refresh) {
	fmt.Fprint(w, "\n| of pgbench's, with as many clients | clients | a second | p50 | p99 | Postgres CPU | WAL | server CPU, of the bare cryptography |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range r.Samples {
		if s.What == trial.PGBench {
			continue
		}
		theirs := r.Of(trial.PGBench, s.Clients)
		fmt.Fprintf(w, "| %s | %d | %.2f | %.1f | %.1f | %.2f | %.2f | %.2f |\n", s.What, s.Clients, ratio(s.Rate, theirs.Rate),
			ratio(millis(s.P50), millis(theirs.P50)), ratio(millis(s.P99), millis(theirs.P99)),
			ratio(s.PostgresCPU, theirs.PostgresCPU), ratio(s.WAL, theirs.WAL), ratio(s.ServerCPU, millis(r.Crypto.Busy)))
	}
	if len(r.Allocated) == 0 {
		return
	}
	each := make([]string, len(r.Allocated))
	for i, a := range r.Allocated {
		each[i] = fmt.Sprintf("%.1f KiB in %.0f objects (%s)", a.Bytes/1024, a.Objects, a.What)
	}
	fmt.Fprintf(w, "\nAllocated for a refresh, all that the server does meanwhile included: %s.\n", strings.Join(each, ", "))
}

func logins(w io.Writer, l *trial.Logins) {
	fmt.Fprintf(w, "\n## When very many log in\n\n%s %.0f logins a second, each from an address of its own, whether or not the ones before were answered, beside 8 clients who refresh; limits are on. ",
		source(l.Source), l.Rate)
	s := l.Storm
	fmt.Fprintf(w, "Of %d logins %d succeeded (%.0f per second; p50 %.0f ms, p99 %.0f ms from when each was due), %d got `RATE_LIMITED` (p50 %.1f ms, p99 %.1f ms), %d failed. The server had %.1f MiB before, %.1f MiB after, %.1f MiB at its peak.\n\n",
		s.Done+s.Refused+s.Failed(), s.Done, float64(s.Done)/s.Elapsed.Seconds(), millis(s.P50), millis(s.P99),
		s.Refused, millis(s.RefusedP50), millis(s.RefusedP99), s.Failed(),
		float64(l.Before.Now)/mib, float64(l.After.Now)/mib, float64(l.After.Peak)/mib)
	alone, beside := l.Alone, l.Beside
	alone.What, beside.What = "refreshes alone", "beside the logins"
	samples(w, []trial.Sample{alone, beside})
}

const sampleHead = "| what | clients | a second | p50 ms | p99 ms | server CPU ms | Postgres CPU ms | clients' CPU ms | statements | commits | WAL bytes | others' CPU | failed |\n" +
	"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"

func samples(w io.Writer, list []trial.Sample) {
	fmt.Fprint(w, sampleHead)
	for _, s := range list {
		fmt.Fprintf(w, "| %s | %d | %.0f | %.2f | %.2f | %.3f | %.3f | %.3f | %.2f | %.2f | %.0f | %.0f %% | %d |\n",
			s.What, s.Clients, s.Rate, millis(s.P50), millis(s.P99), s.ServerCPU, s.PostgresCPU, s.ClientCPU, s.Statements, s.Writes, s.WAL, 100*s.Others, s.Failed)
	}
}

func growth(w io.Writer, g *trial.Growth) {
	fmt.Fprintf(w, "\n## By the number of sessions\n\n%s Each refresh takes another session, spread over all; pgbench takes rows at random.\n\n", source(g.Source))
	fmt.Fprint(w, "| sessions | refreshes/s | of pgbench | p50 ms | server CPU ms | Postgres CPU ms | pgbench: Postgres CPU ms | WAL bytes | pgbench: WAL bytes | table MiB | indexes MiB |\n"+
		"|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range g.Points {
		fmt.Fprintf(w, "| %s | %.0f | %.2f | %.2f | %.3f | %.3f | %.3f | %.0f | %.0f | %.1f | %.1f |\n", count(p.Sessions), p.Ours.Rate, ratio(p.Ours.Rate, p.Theirs.Rate),
			millis(p.Ours.P50), p.Ours.ServerCPU, p.Ours.PostgresCPU, p.Theirs.PostgresCPU, p.Ours.WAL, p.Theirs.WAL,
			float64(p.Table.TableBytes)/mib, float64(p.Table.IndexBytes)/mib)
	}
}

func chain(w io.Writer, c *trial.Chain) {
	fmt.Fprintf(w, "\n## One session, rotated very often\n\n%s rekey rotated it %d times, and the same UPDATE, sent directly, %s times in between: then it was %d row on %d pages, its indexes %d kB. By rekey, before and after:\n\n",
		source(c.Source), c.Through, count(c.Direct), c.Table.Rows, c.Table.Pages, c.Table.IndexBytes>>10)
	before, after := c.Before, c.After
	before.What, after.What = "before", "after"
	samples(w, []trial.Sample{before, after})
}
