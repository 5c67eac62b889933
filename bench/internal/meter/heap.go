package meter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Heap holds the allocations of a program since its start.
type Heap struct {
	Objects, Bytes uint64
}

// Names of metrics of the Prometheus client library.
const (
	objectsMetric = "go_memstats_mallocs_total"
	bytesMetric   = "go_memstats_alloc_bytes_total"
)

// ReadHeap reads the allocations from a server's metrics.
func ReadHeap(ctx context.Context, admin string) (h Heap, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return h, fmt.Errorf("asking for metrics: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return h, fmt.Errorf("asking for metrics: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	into := map[string]*uint64{objectsMetric: &h.Objects, bytesMetric: &h.Bytes}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if into[name] == nil {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return h, fmt.Errorf("reading %s: %w", name, err)
		}
		*into[name] = uint64(value)
	}
	if h.Objects == 0 || h.Bytes == 0 {
		return h, errors.Join(lines.Err(), fmt.Errorf("no %s or %s among the metrics", objectsMetric, bytesMetric))
	}
	return h, lines.Err()
}
