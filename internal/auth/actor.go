package auth

import "strings"

// The actors of events, beside those that begin with one of the prefixes.
const (
	// ActorClient is whoever holds, or tries to hold, an account.
	ActorClient = "client"
	// ActorSystem is rekey itself: what it does by the clock.
	ActorSystem = "system"
	// ActorOperator begins the names of people at the command line.
	ActorOperator = "cli:"
	// ActorAPIKey begins the names of programs; their key's prefix follows.
	ActorAPIKey = "api_key:"
)

// maxActorName bounds what the operating system calls somebody.
const maxActorName = 64

// Operator is the client of a command line. name is who runs it, as the
// operating system has it. Every use case for administrators takes it, or finds
// it in its context (WithClient), so that the journal knows who it was.
func Operator(name string) Client {
	if name = strings.TrimSpace(name); name == "" || !plainText(name, maxActorName) {
		name = "unknown"
	}
	return Client{Transport: TransportCLI, Actor: ActorOperator + name}
}

// Who is who acts. Without a client nobody asked: rekey acts by itself.
func (c Client) Who() string {
	switch {
	case c.Actor != "":
		return c.Actor
	case c == Client{}:
		return ActorSystem
	}
	return ActorClient
}
