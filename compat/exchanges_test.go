package compat

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// exchange is one recorded request with the answer that the live service gave.
type exchange struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Request struct {
		Method       string            `json:"method"`
		Path         string            `json:"path"`
		Headers      map[string]string `json:"headers"`
		AddedByProxy map[string]string `json:"added_by_proxy"`
	} `json:"request"`
	Response struct {
		Status  int            `json:"status"`
		Headers map[string]any `json:"headers"` // a string, or a list of them
		Body    string         `json:"body"`    // without the final newline
	} `json:"response"`
}

func recorded(t *testing.T) []exchange {
	t.Helper()
	raw, err := os.ReadFile("testdata/exchanges.json")
	if err != nil {
		t.Fatal(err)
	}
	var xs []exchange
	if err := json.Unmarshal(raw, &xs); err != nil {
		t.Fatal(err)
	}
	if len(xs) != 3 {
		t.Fatalf("%d recorded exchanges, want 3", len(xs))
	}
	return xs
}
