package report

import (
	"bytes"
	"fmt"
	"math"

	"rekey/bench/internal/trial"
)

// Lengths in the plot, in pixels.
const (
	plotWidth, plotHeight     = 720, 340
	plotLeft, plotTop, bottom = 60, 50, 50
	barWidth, barGap          = 34, 4
	gridLines                 = 5
)

// series returns the bars of a group in their order.
func series() []struct{ what, colour string } {
	return []struct{ what, colour string }{
		{trial.GraphQL, "#2563eb"}, {trial.REST, "#0d9488"}, {trial.PGBench, "#9ca3af"},
	}
}

// plot draws rates by number of clients, as an SVG that is readable on white and
// on black.
func plot(r *trial.Refresh) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#6b7280">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<title>Refreshes a second, beside pgbench's one-row UPDATE</title>`+"\n")
	most := 0.0
	var groups []int
	for _, s := range r.Samples {
		most = max(most, s.Rate)
		if len(groups) == 0 || groups[len(groups)-1] != s.Clients {
			groups = append(groups, s.Clients)
		}
	}
	top := niceAbove(most)
	height := float64(plotHeight - plotTop - bottom)
	y := func(rate float64) float64 { return plotTop + height*(1-rate/top) }
	for i := range gridLines + 1 {
		rate := top * float64(i) / gridLines
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#6b7280" stroke-opacity="0.3"/>`+"\n", plotLeft, plotWidth-10, y(rate), y(rate))
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n", plotLeft-6, y(rate)+4, rate)
	}
	width := float64(plotWidth-plotLeft-20) / float64(len(groups))
	for g, clients := range groups {
		left := plotLeft + width*float64(g) + (width-3*barWidth-2*barGap)/2
		for i, s := range series() {
			rate := r.Of(s.what, clients).Rate
			x := left + float64(i*(barWidth+barGap))
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%d" height="%.1f" fill="%s"/>`+"\n", x, y(rate), barWidth, y(0)-y(rate), s.colour)
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="11">%.0f</text>`+"\n", x+barWidth/2, y(rate)-4, rate)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d clients</text>`+"\n", left+1.5*barWidth+barGap, plotHeight-bottom+18, clients)
	}
	for i, s := range series() { // the legend
		name := map[string]string{trial.GraphQL: "GraphQL refreshes", trial.REST: "legacy refreshes", trial.PGBench: "pgbench UPDATEs"}[s.what]
		x := plotLeft + 220*i
		fmt.Fprintf(&b, `<rect x="%d" y="16" width="12" height="12" fill="%s"/><text x="%d" y="26">%s a second</text>`+"\n", x, s.colour, x+18, name)
	}
	fmt.Fprint(&b, "</svg>\n")
	return b.Bytes()
}

// niceAbove returns the next value that is 1, 2 or 5 times a power of ten.
func niceAbove(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{1, 2, 5} {
		if most <= step*power {
			return step * power
		}
	}
	return 10 * power
}
