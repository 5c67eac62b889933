// Package load runs the clients in a process of their own, so that their cost
// can be distinguished from the server's. It speaks HTTP/1.1 over plain
// connections, one per client, because net/http's client would use a large part
// of the machine.
package load
