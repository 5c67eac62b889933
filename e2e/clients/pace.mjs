// Whether the machine keeps up with tokens that live for seconds: one that
// stalls for longer than this lets them run out when no scenario expects it.
const STALL = 1000; // milliseconds
const EVERY = 100;

let last = -Infinity;
export const now = () => performance.now();
export const took = (ms) => { if (ms > STALL) last = now(); };

// outrun reports whether it has stalled since then. What has just ended it may
// have been seen before the stall was.
export async function outrun(since) {
  await new Promise((resolve) => setTimeout(resolve, 2 * EVERY));
  return last >= since;
}

let tick = now();
setInterval(() => {
  took(now() - tick - EVERY);
  tick = now();
}, EVERY).unref();
