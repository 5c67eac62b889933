package graphqlhttp

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestParamsOf_integers: whole numbers are integers at every depth. A number that a
// float cannot represent exactly remains one, and is refused for an Int.
func TestParamsOf_integers(t *testing.T) {
	params, err := paramsOf(map[string]json.RawMessage{
		"query":     json.RawMessage(`"{ me { id } }"`),
		"variables": json.RawMessage(`{"a": 1, "b": [-2, {"c": 3e2}], "d": 1.5, "e": 9007199254740994, "f": 1e300, "g": "4", "h": null, "i": true}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": int64(1), "b": []any{int64(-2), map[string]any{"c": int64(300)}}, "d": 1.5,
		"e": 9007199254740994., "f": 1e300, "g": "4", "h": nil, "i": true,
	}
	if !reflect.DeepEqual(params.Variables, want) {
		t.Errorf("variables = %#v", params.Variables)
	}
}
