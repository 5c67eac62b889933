// Events is what has happened to the session, the latest first. It is read out
// as it grows.
export function Events({ events }) {
  return (
    <div className="session-events" role="log" aria-label="What has happened" aria-live="polite" tabIndex={0}>
      {events.map(({ id, at, kind, title, detail }) => (
        <div key={id} className={`event ${kind}`}>
          <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString('en-GB')}</time>
          <div>
            <b>{title}</b> {detail}
          </div>
        </div>
      ))}
    </div>
  );
}
