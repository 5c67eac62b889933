// Package control proves that the bench can fail: builds that are known to be
// bad must be caught, by the same checks that the good one passes, and
// databases that do lose commits must be seen to.
package control
