import { useEffect, useState, useSyncExternalStore } from 'react';
import { logOut, refresh, replay, retry } from './actions.js';
import { copy } from './copy.js';
import { Claims } from './claims.jsx';
import { Events } from './events.jsx';
import { shorten } from './jwt.js';

// Panel shows the session at hand: who, which generation, how long the access
// token lives, what has happened; and does to it what clients and thieves do.
export function Panel({ api }) {
  const { session } = api;
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const left = useSecondsLeft(state.pair?.expiresAt);
  const copied = (what, text) => copy(text).then(
    () => session.note('info', 'Copied', what),
    (error) => session.note('bad', 'Not copied', error.message),
  );
  return (
    <details className="session" open>
      <summary>
        <span className="session-title">Session</span>
        <Summary state={state} left={left} />
        {state.last && <Last {...state.last} />}
      </summary>
      <Buttons api={api} state={state} onCopy={copied} />
      <div className="session-body">
        <div className="session-facts">
          {state.pair ? <Facts state={state} onCopy={copied} /> : <Welcome email={session.account.email} />}
          <Events events={state.events} />
        </div>
        <Claims state={state} left={left} />
      </div>
    </details>
  );
}

function Summary({ state: { pair, generation, ended }, left }) {
  if (!pair) return <span className="badge">signed out</span>;
  if (ended) return <span className="badge bad">ended: {ended}</span>;
  return (
    <>
      <span className="badge" data-testid="generation">
        generation {generation ?? '?'}
      </span>
      <span className={left > 0 ? 'badge good' : 'badge warn'} role="timer" data-testid="time-left">
        {left > 0 ? `${clock(left)} left` : 'access token expired'}
      </span>
    </>
  );
}

// Last shows the status, the time and the size of the last response.
function Last({ status, ms, bytes }) {
  const size = bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
  return (
    <span className="session-last" data-testid="last-response">
      {status} · {ms} ms · {size}
    </span>
  );
}

function Facts({ state: { pair, sessionId }, onCopy }) {
  return (
    <dl>
      <dt>User</dt>
      <dd>
        {pair.claims?.user?.name} <span className="soft">{pair.claims?.user?.email}</span>
      </dd>
      <dt>Session</dt>
      <dd className="mono" title={sessionId}>
        {sessionId ?? 'not in the token'}
      </dd>
      <dt title="The header that every tab sends">Authorization</dt>
      <dd className="mono">
        Bearer {shorten(pair.access)}
        <button type="button" aria-label="Copy the access token" onClick={() => onCopy('The access token.', pair.access)}>
          Copy
        </button>
      </dd>
      <dt>Refresh token</dt>
      <dd className="mono">
        {pair.refresh ? shorten(pair.refresh) : 'not in the answer (a cookie may hold it)'}
        {pair.refresh && (
          <button type="button" aria-label="Copy the refresh token" onClick={() => onCopy('The refresh token.', pair.refresh)}>
            Copy
          </button>
        )}
      </dd>
    </dl>
  );
}

function Welcome({ email }) {
  return (
    <p className="soft">
      Run <b>SignUp</b> or <b>LogIn</b>. The pair is kept here, for this page only, and every tab sends its access token.
      Then refresh, and replay the old token, to see rotation and reuse at work.
      {email && <> The last sign-up was <b>{email}</b>.</>}
    </p>
  );
}

function Buttons({ api, state: { pair, ended, used, last }, onCopy }) {
  const [busy, setBusy] = useState(false);
  const button = (label, title, enabled, action) => (
    <button
      type="button"
      title={title}
      disabled={!enabled || busy}
      onClick={async () => {
        setBusy(true);
        await action(api);
        setBusy(false);
      }}
    >
      {label}
    </button>
  );
  return (
    <div className="session-buttons" role="group" aria-label="Act on the session">
      {button('Refresh', 'Exchange the refresh token for a new pair, with a fresh key', pair, refresh)}
      {button('Retry', 'Repeat the last refresh with its key, as if its answer was lost', used.at(-1)?.key, retry)}
      {button('Replay the old token', 'Present the refresh token that was replaced last, without its key', used.length > 0, replay)}
      {ended
        ? button('Forget', 'Drop the tokens that this page holds', true, () => api.session.forget())
        : button('Log out', 'End this session', pair, logOut)}
      {button('Copy as cURL', 'Copy the last request as a command, with its tokens', last, () => onCopy('The last request as a command.', last.curl))}
    </div>
  );
}

function clock(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// useSecondsLeft counts down to a time of this machine's clock.
function useSecondsLeft(until) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!until) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return until ? Math.max(0, Math.ceil((until - now) / 1000)) : 0;
}
