// Package graphqlhttp serves a GraphQL schema over HTTP as the GraphQL-over-HTTP
// specification has it: POST with JSON, GET for queries, both response media
// types with their own status rules, and subscriptions over WebSocket and as
// server-sent events. It owns what an HTTP request may look like, what a
// document may cost, how an answer is put on the wire, and how many may stay
// connected.
//
// It knows the error codes of the core and nothing else of it: neither the
// schema's meaning nor who is calling. Errors are worded by the presenter it
// is given. Nothing of a request's body is ever repeated in an answer but the
// names of fields, arguments, types and variables.
package graphqlhttp
