// Package control proves that the bench can fail. The checks must find the fault
// of builds that are known to be bad, while the good build passes the same
// checks. They must also detect databases that lose commits.
package control
