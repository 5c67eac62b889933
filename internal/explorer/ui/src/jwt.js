// decode returns the claims of a token without looking at its signature, or
// null for what is no token. The server alone judges tokens.
export function decode(token) {
  try {
    const segment = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(segment), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' ? claims : null;
  } catch {
    return null;
  }
}

// sessionOf is the id of the session that a token belongs to.
export function sessionOf(token) {
  return decode(token)?.user?.auth?.id ?? null;
}

// fold returns a JSON value with its tokens shortened, so that what is beside
// them in a response can be seen.
export function fold(value) {
  if (typeof value === 'string') return /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? shorten(value) : value;
  if (Array.isArray(value)) return value.map(fold);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fold(item)]));
  }
  return value;
}

// shorten shows which token it is without showing it.
export function shorten(token) {
  return `${token.slice(0, 5)}…${token.slice(-6)}`;
}
