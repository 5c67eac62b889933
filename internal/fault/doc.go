// Package fault breaks the program on purpose, to prove that the fault bench
// detects it. It exists only under the build tag faults. In any other build an
// [Injector] is empty and its methods return their arguments.
//
// The core and the other packages do not know it: it wraps the ports of the
// core, the clock, and the handler. It offers three things:
//
//   - failpoints: at the n-th refresh that reaches one, the process kills or stops
//     itself, or waits (FAULT_ADDR serves an API to arm them);
//   - an offset of the process's clock (the same API);
//   - builds that are bad on purpose, chosen by BAD_BUILD. Each breaks one
//     promise, and a test bench must detect it.
//
// The package does not know which program drives it.
package fault
