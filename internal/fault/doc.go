// Package fault breaks the program on purpose, to prove that what watches it
// notices. It exists only under the build tag faults; in any other build an
// [Injector] is empty and its methods return what they are given.
//
// The core and the rooms beside it know nothing of it: it works by wrapping
// the ports that the core is made of, the clock, and the handler. It offers
// three things:
//
//   - failpoints: at the n-th refresh that comes by, the process kills or stops
//     itself, or waits (FAULT_ADDR serves an API to arm them);
//   - an offset of the process's clock (the same API);
//   - builds that are known to be bad, chosen by BAD_BUILD. Each breaks one
//     promise, and a test bench must find it out.
//
// The package does not know who drives it.
package fault
