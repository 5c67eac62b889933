// Package load is the clients: a process of its own, so that what it costs can
// be told from what the server costs. It speaks HTTP/1.1 over plain
// connections, each client on one of its own, because net/http's client would
// take a good part of the machine.
package load
