// Package trial takes the measurements: each part sets up what it needs, takes
// turns with what rekey is compared with, and keeps the medians.
package trial
