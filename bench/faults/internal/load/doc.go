// Package load is the clients: they keep session chains through both transports,
// log out now and then, and check access tokens all the time. Everything that
// they ask and are told goes into the history.
package load
