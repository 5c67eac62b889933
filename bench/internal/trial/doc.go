// Package trial takes the measurements. Each part sets up its servers,
// alternates rekey with what it is compared with, and keeps the medians.
package trial
