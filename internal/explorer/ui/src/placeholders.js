import { newKey } from './random.js';

// Tabs name tokens and keys instead of holding them, so that a tab is right
// after each rotation and shows nobody a secret. What is named is filled in
// when a request is sent.
const PLACEHOLDER = /\{\{(\w+)\}\}/g;

const meanings = {
  accessToken: ({ state }) => state.pair?.access,
  refreshToken: ({ state }) => state.pair?.refresh,
  previousRefreshToken: ({ previous }) => previous?.token,
  oldestRefreshToken: ({ oldest }) => oldest?.token,
  lastKey: ({ previous }) => previous?.key,
  newKey: () => newKey(),
  email: ({ account }) => account.email,
  password: ({ account }) => account.password,
};

const wanting = {
  email: 'Run SignUp first, or write the address of an account into the variables.',
  password: 'Write the password into the variables: the page forgets passwords when it is reloaded.',
  previousRefreshToken: 'Refresh first: no refresh token has been replaced yet.',
  oldestRefreshToken: 'Refresh first: no refresh token has been replaced yet.',
  lastKey: 'Refresh with a key first: the last rotation had none.',
};

// fillIn replaces placeholders in all texts of a JSON value. It throws when
// the session has not got what a placeholder stands for.
export function fillIn(value, session) {
  if (typeof value === 'string') return fillInText(value, session);
  if (Array.isArray(value)) return value.map((item) => fillIn(item, session));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillIn(item, session)]));
  }
  return value;
}

function fillInText(text, session) {
  if (text === '{{refreshToken}}' && !session.state.pair?.refresh) return null; // a cookie may have it, also after a reload
  return text.replace(PLACEHOLDER, (whole, name) => {
    const meaning = meanings[name];
    if (!meaning) return whole;
    const found = meaning(session);
    if (!found) throw new Error(wanting[name] ?? 'Sign up or log in first: this page holds no tokens yet.');
    return found;
  });
}
