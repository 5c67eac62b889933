package verify_test

import (
	"testing"
	"time"

	"rekey/verify"
)

func (r *rekey) joined() string {
	r.t.Helper()
	select {
	case since := <-r.since:
		return since
	case <-time.After(patience):
		r.t.Fatal("there is no subscription")
	}
	return ""
}

// TestVerifier_follow: a stream that ends, is silent or sends invalid data is
// opened again, from the time of the last heartbeat.
func TestVerifier_follow(t *testing.T) {
	r := newRekey(t)
	begun := r.clock.Now()
	v := r.verifier()
	if since := r.joined(); since != begun.Add(-15*time.Minute-30*time.Second).Format(time.RFC3339Nano) {
		t.Errorf("first since %s", since)
	}
	for name, trouble := range map[string]func(){
		"ends":         func() { r.send("end") },
		"is completed": func() { r.send("event: complete\ndata: \n\n") },
		"an error": func() {
			r.send(`event: next` + "\n" + `data: {"errors":[{"message":"x","extensions":{"code":"UNAVAILABLE"}}]}` + "\n\n")
		},
		"no JSON":    func() { r.send("event: next\ndata: {\n\n") },
		"no event":   func() { r.send("event: next\ndata: {\"data\":{}}\n\n") },
		"a bad hash": func() { r.publish(map[string]any{"secretHash": "00"}) },
		"silence":    func() {},
	} {
		t.Run(name, func(t *testing.T) {
			r.synced(v)
			last := r.clock.Now().Format(time.RFC3339Nano)
			trouble()
			eventually(t, "it waits before it retries", func() bool {
				if name == "silence" {
					r.clock.end(35 * time.Second)
				}
				return r.clock.end(100 * time.Millisecond)
			})
			if since := r.joined(); since != last {
				t.Errorf("since %s, want %s", since, last)
			}
		})
	}
	token := r.mint(nil)
	r.publish(nil)
	r.synced(v)
	want(t, v, "revoked after all failures", token, verify.ErrInvalid)
}

// TestVerifier_before: no token is accepted before the past events have arrived.
func TestVerifier_before(t *testing.T) {
	r := newRekey(t)
	v, err := verify.New(r.options())
	if err != nil {
		t.Fatal(err)
	}
	want(t, v, "not running", r.mint(nil), verify.ErrUnavailable)
	done := make(chan struct{})
	go func() { defer close(done); v.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	r.joined()
	eventually(t, "the keys are there", func() bool { return !v.Status().KeysUntil.IsZero() })
	want(t, v, "without a heartbeat", r.mint(nil), verify.ErrUnavailable)
	select {
	case <-ready(t, v):
		t.Error("it is ready")
	default:
	}
	r.heartbeat()
	<-ready(t, v)
	want(t, v, "with one", r.mint(nil), nil)
}

func ready(t *testing.T, v *verify.Verifier) <-chan struct{} {
	ch := make(chan struct{})
	go func() {
		if v.Ready(t.Context()) == nil {
			close(ch)
		}
	}()
	return ch
}
