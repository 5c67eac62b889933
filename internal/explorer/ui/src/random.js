// hex returns n random bytes as text.
export function hex(n) {
  const bytes = crypto.getRandomValues(new Uint8Array(n));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// newKey is a fresh Idempotency-Key. It is not crypto.randomUUID, which pages
// on plain http have only at localhost.
export function newKey() {
  return `explorer-${hex(16)}`;
}
