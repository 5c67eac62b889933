// Package load runs the clients. They keep chains of sessions alive through both
// transports, log out sometimes, and check access tokens continuously. The
// history records all requests and answers.
package load
