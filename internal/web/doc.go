// Package web is the HTTP that both doors share: who the client is, the
// headers of every answer, CORS, compression, the access log, what a panic
// answers, the size of bodies, health, and a server that drains.
//
// It owns no route and no use case. It does not know what a door's answers
// look like: a door gives its own renderer for the one answer that is made
// here, the one after a panic.
package web
