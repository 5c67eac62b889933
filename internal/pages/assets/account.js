// The page that links in mails lead to. A link is /account#PURPOSE=TOKEN. The
// token is removed from the address bar, is kept in this page's memory only, and
// is sent when a person presses the button.
import { texts } from './texts.js';

// queries are the operations of the purposes. Those that start a session take
// $key, so that a repeat after a lost answer succeeds.
const queries = {
  verify_email: 'mutation($token: String!) { verifyEmail(input: {token: $token}) { email passwordRemoved } }',
  reset_password: 'mutation($token: String!, $password: String!) { resetPassword(input: {token: $token, newPassword: $password}) }',
  login: 'mutation($token: String!, $key: String) { loginWithEmail(input: {token: $token}, idempotencyKey: $key) { user { email } } }',
  complete_sign_up: 'mutation($token: String!, $password: String!, $key: String) { completeSignUp(input: {token: $token, password: $password}, idempotencyKey: $key) { user { email } } }',
  confirm_email: 'mutation($token: String!) { confirmEmailChange(token: $token) }',
  undo_email_change: 'mutation($token: String!) { undoEmailChange(token: $token) }',
  cancel_deletion: 'mutation($token: String!) { cancelDeletion(token: $token) }',
  new_password: 'mutation($email: String!) { requestPasswordReset(email: $email) }', // what follows verify_email; not a link
};
const minPassword = 8;

const at = (id) => document.getElementById(id);
const inCookie = document.documentElement.dataset.cookies === 'on';
const service = document.title;
const words = texts[navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => texts[tag])] ?? texts.en;

let link = null; // { purpose, token, key, email, unsure: an answer was lost }
let busy = false;

// read takes the link out of the address bar.
function read() {
  const [purpose, token] = [...new URLSearchParams(location.hash.slice(1))][0] ?? [];
  history.replaceState(null, '', location.pathname);
  const valid = Object.hasOwn(queries, purpose ?? '') && purpose !== 'new_password' && /^[\w-]{43}$/.test(token);
  link = valid ? { purpose, token, key: crypto.getRandomValues(new Uint32Array(4)).join('-').padEnd(16, '-') } : null;
}

function say(id, text = '') {
  at(id).textContent = text;
}

// state shows a heading and a text without the form.
function state(title, text, { done = false, aside = '' } = {}) {
  document.title = `${title} · ${service}`;
  document.body.className = done ? 'done' : '';
  say('title', title);
  say('text', text);
  say('aside', aside);
  at('aside').hidden = !aside;
  say('status');
  at('form').hidden = true;
}

// ask shows what the link does, and the form that does it.
function ask() {
  const purpose = words[link.purpose];
  const needsPassword = queries[link.purpose].includes('$password');
  state(purpose.title, purpose.text, { aside: purpose.aside });
  at('form').hidden = false;
  at('field').hidden = !needsPassword;
  at('go').hidden = false;
  at('not-me').hidden = !purpose.notMe;
  say('go', purpose.button);
  say('not-me', words.notMe);
  say('label', words.password);
  say('hint', words.hint);
  problem('');
  if (needsPassword) reveal(false);
}

function start() {
  read();
  busy = false;
  document.documentElement.lang = words.language;
  at('password').value = '';
  if (link) ask();
  else state(words.noLink.title, words.noLink.text);
}

function notMe() {
  if (at('go').hidden) {
    ask();
  } else {
    state(words.nothing, [words[link.purpose].notMe, words.expires, words.close].join(' '));
    at('form').hidden = false;
    at('field').hidden = at('go').hidden = true;
    say('not-me', words.back);
    problem('');
  }
  at('title').focus();
}

// reveal shows or hides the password. Browsers store what is in a text field, to
// restore it, unless autocomplete is off.
function reveal(visible) {
  at('password').autocomplete = visible ? 'off' : 'new-password';
  at('password').type = visible ? 'text' : 'password';
  at('show').setAttribute('aria-pressed', visible);
  say('show', visible ? words.hide : words.show);
}

// problem shows an error, of the password's field or of the whole form.
function problem(text, inField = false) {
  say('problem', text);
  at('password').setAttribute('aria-invalid', inField);
  if (inField) at('password').focus();
}

async function submit(event) {
  event.preventDefault();
  if (busy) return;
  const password = at('password').value;
  if (!at('field').hidden && [...password.normalize('NFKC')].length < minPassword) {
    problem(words.problems.short, true);
    return;
  }
  problem('');
  reveal(false);
  wait(true);
  const sent = link;
  const answer = await send(queries[sent.purpose], { ...sent, password });
  if (sent !== link) return; // another link was opened meanwhile
  wait(false);
  show(answer);
}

function wait(on) {
  busy = on;
  at('go').setAttribute('aria-disabled', on);
  say('status', on ? words.wait : '');
}

// send returns the answer of the API, or null if there was none.
async function send(query, variables) {
  const used = Object.fromEntries(Object.entries(variables).filter(([name]) => query.includes(`$${name}`)));
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query, variables: used }),
    });
    return await response.json();
  } catch {
    return null;
  }
}

function show(answer) {
  if (!answer?.errors && !answer?.data) {
    link.unsure = true;
    problem(words.problems.unsure);
    return;
  }
  if (answer.errors) refuse(answer.errors[0]);
  else finish(Object.values(answer.data)[0]);
}

function finish(value) {
  const purpose = words[link.purpose];
  const email = value.email ?? value.user?.email;
  if (value.passwordRemoved) {
    link = { purpose: 'new_password', email };
    ask();
    at('title').focus();
    return;
  }
  const after = (inCookie && purpose.signedIn) || purpose.after;
  end(purpose.done, [email && words.account.replace('{email}', email), after, words.close].filter(Boolean).join(' '), true);
}

// refuse shows why the API refused.
function refuse({ message, extensions = {} }) {
  const { code, field = '', retryAfter } = extensions;
  if (/token$/i.test(field)) end(words.used.title, link.unsure ? words.used.unsure : words.used.text);
  else if (/password$/i.test(field)) problem(words.problems.password || sentence(message), true);
  else if (code === 'RATE_LIMITED') problem(words.problems.busy.replace('{seconds}', retryAfter ?? 60));
  else if (code === 'UNAVAILABLE') problem(words.problems.away);
  else problem(words.language === 'en' ? `${words.problems.other} ${sentence(message)}` : words.problems.other);
}

function end(title, text, done = false) {
  link = null;
  at('password').value = '';
  state(title, text, { done });
  at('title').focus();
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

at('form').addEventListener('submit', submit);
at('not-me').addEventListener('click', notMe);
at('show').addEventListener('click', () => reveal(at('password').type === 'password'));
addEventListener('hashchange', () => location.hash && start());
start();
