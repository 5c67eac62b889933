// Package strike has the faults, and strikes with them one after the other
// while the load goes on. It sees to it that each one begins in calm, and asks
// the history whether it struck and when the service was back.
package strike
