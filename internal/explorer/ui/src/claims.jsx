// Claims shows what the access token says, as the browser reads it.
export function Claims({ state: { pair }, left }) {
  if (!pair) return null;
  const { claims } = pair;
  const life = claims ? claims.exp - claims.iat : 0;
  return (
    <section className="session-claims" aria-label="Decoded access token">
      <h2>Access token, decoded</h2>
      <meter
        min="0"
        max={life || 1}
        value={Math.min(left, life)}
        aria-label="Time left of the access token, in seconds"
      />
      <pre tabIndex={0}>{tokens(JSON.stringify(claims, null, 2))}</pre>
    </section>
  );
}

// tokens colours JSON: names, texts and the rest.
function tokens(json) {
  return json.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?)/).map((part, i) => {
    if (!part.startsWith('"')) return part;
    return (
      <span key={i} className={part.endsWith(':') ? 'json-name' : 'json-text'}>
        {part}
      </span>
    );
  });
}
