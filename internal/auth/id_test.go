package auth

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestID(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)
	var ids []string
	for range 100 {
		at = at.Add(time.Microsecond)
		id := NewID(at)
		ids = append(ids, id.String())
		if back, ok := ParseID(id.String()); !ok || back != id {
			t.Errorf("ParseID(%v) = %v, %v", id, back, ok)
		}
		if text := id.String(); text[14] != '7' || !strings.Contains("89ab", text[19:20]) {
			t.Errorf("%s is not of version 7", text)
		}
		if first := FirstID(at).String(); first > id.String() || first <= FirstID(at.Add(-time.Millisecond)).String() {
			t.Errorf("first id %s of %s", first, id)
		}
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by time")
	}
	if got := FirstID(time.UnixMilli(0x0190a0c42f64)).String(); got != "0190a0c4-2f64-7000-8000-000000000000" {
		t.Errorf("first id %s", got)
	}
}

func TestParseID(t *testing.T) {
	const id = "0190a0c4-2f64-7b7e-9a53-3f0d6a0f5f10"
	for text, want := range map[string]bool{
		id: true, MinID: true, MaxID: true,
		"": false, id[1:]: false, id + "0": false,
		strings.ToUpper(id):                    false,
		strings.ReplaceAll(id, "-", ""):        false,
		strings.ReplaceAll(id, "-", "0"):       false,
		"{" + id + "}":                         false,
		"urn:uuid:" + id:                       false,
		id[:35] + "g":                          false,
		id[:35] + "\x00":                       false,
		"0190a0c42-f64-7b7e-9a53-3f0d6a0f5f10": false,
	} {
		if _, ok := ParseID(text); ok != want {
			t.Errorf("ParseID(%q) = %v", text, ok)
		}
	}
}
