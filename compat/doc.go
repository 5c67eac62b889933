// Package compat is the legacy REST transport: the guard around /auth/, the route
// GET /auth/refresh, the envelope that every answer comes in and the one table
// from the core's codes to statuses and legacy wording.
//
// No rule lives here: what a token is worth is asked of the core. The package
// knows neither the database nor how tokens are signed, and leaves the headers
// that every answer has, CORS, compression and panics to the middleware around
// it.
package compat
