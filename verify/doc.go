// Package verify checks rekey's access tokens in another service: by their
// signature, with the published keys, and by the blacklist, which it follows.
// No request to rekey is made for a token.
//
//	v, err := verify.New(verify.Options{URL: "https://auth.example.com", APIKey: key}) // of the scope blacklist:read
//	go v.Run(ctx)
//	err = v.Ready(ctx)
//	...
//	claims, err := v.Verify(r.Context(), token) // ErrInvalid: 401; ErrUnavailable: 503
//
// A token that was revoked is refused as soon as rekey has told so: within a
// second or two, also where rekey runs without Redis. While rekey cannot be
// reached, tokens are checked with what is known, for MaxStale at most; then
// they are refused with ErrUnavailable, or asked about (see [WhenStale]).
//
// It imports the standard library and golang-jwt, and nothing else of rekey.
package verify
