// Package strike contains the faults and strikes with them one after the other
// while the load continues. Each fault begins only when the service is healthy.
// The package reads from the history whether the fault had an effect and when
// the service had recovered.
package strike
