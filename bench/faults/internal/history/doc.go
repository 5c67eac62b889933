// Package history records requests and answers with times of one monotonic
// clock. It judges nothing and holds no tokens: the session's number and the
// token's generation identify a token.
package history
