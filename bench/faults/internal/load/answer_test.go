package load

import (
	"encoding/json"
	"net/http"
	"testing"

	"rekey/bench/faults/internal/history"
)

func TestGraphqlBody_judge(t *testing.T) {
	tests := map[string]struct {
		body string
		want history.Outcome
	}{
		"data":                 {`{"data":{"me":{}}}`, history.Done},
		"unavailable":          {`{"errors":[{"extensions":{"code":"UNAVAILABLE","retryable":true}}]}`, history.Unavailable},
		"503 without a retry":  {`{"errors":[{"extensions":{"code":"UNAVAILABLE"}}]}`, history.Strange},
		"unauthenticated":      {`{"errors":[{"extensions":{"code":"UNAUTHENTICATED","reason":"TOKEN_INVALID"}}]}`, history.Refused},
		"an invalid link":      {`{"errors":[{"extensions":{"code":"BAD_USER_INPUT","field":"token"}}]}`, history.Refused},
		"an invalid password":  {`{"errors":[{"extensions":{"code":"BAD_USER_INPUT","field":"newPassword"}}]}`, history.Strange},
		"an error of our own":  {`{"errors":[{"extensions":{"code":"INTERNAL"}}]}`, history.Strange},
		"an error of no class": {`{"errors":[{"message":"?"}]}`, history.Strange},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b graphqlBody
			if err := json.Unmarshal([]byte(tt.body), &b); err != nil {
				t.Fatal(err)
			}
			if got, _ := b.judge(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestRestBody_judge(t *testing.T) {
	retry := http.Header{"Retry-After": {"1"}}
	tests := map[string]struct {
		status  int
		header  http.Header
		success bool
		message string
		want    history.Outcome
	}{
		"created":             {http.StatusCreated, nil, true, "Success", history.Done},
		"another success":     {http.StatusOK, nil, true, "Success", history.Strange},
		"unavailable":         {http.StatusServiceUnavailable, retry, false, "", history.Unavailable},
		"no word of retrying": {http.StatusServiceUnavailable, nil, false, "", history.Strange},
		"unauthorized":        {http.StatusUnauthorized, nil, false, "", history.Refused},
		"blacklisted":         {http.StatusInternalServerError, nil, false, legacyBlacklisted, history.Refused},
		"unknown":             {http.StatusInternalServerError, nil, false, legacyUnknown, history.Refused},
		"an internal error":   {http.StatusInternalServerError, nil, false, "Internal Server Error", history.Strange},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := restBody{Success: tt.success, Message: tt.message}
			if got, _ := b.judge(tt.status, tt.header); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
