import assert from 'node:assert/strict';
import { Page, reason } from './page.mjs';
import { visit } from './browser.mjs';

// flow is a session's life by clicks: what a developer does who tries rekey
// for the first time.
export async function flow(page, url) {
  const on = new Page(page);
  await signUp(on);
  await rotate(on);
  await replay(on);
  await reuse(on);
  await whySignedOut(on);
  await follow(on);
  await logOut(on);
  await mistake(on);
  await literals(on);
  await keyboard(on);
  await history(on, url);
}

async function signUp(on) {
  await on.shows('signed out');
  assert.ok(await on.button('Refresh').isDisabled());
  await on.run('SignUp');
  await on.at(1);
  await on.shows(/1[0-5]:\d\d left/);
  await on.shows('"email_verified_at":');
  await on.response('"generation"'); // tokens are folded, so that it is in view
  await on.page.getByTestId('last-response').getByText(/^200 · \d+ ms · [\d.]+ kB$/).waitFor();
  const me = await on.run('Me');
  assert.equal(me.data.me.name, 'Ada');
  assert.match(me.request.headers().authorization, /^Bearer eyJ/);
  await on.response('"Ada"');
}

async function rotate(on) {
  const first = await on.run('Refresh');
  await on.shows('Rotated: generation 1 → 2');
  const again = await on.run('Retry');
  assert.equal(again.data.refreshToken.token, first.data.refreshToken.token);
  assert.equal(again.data.refreshToken.refreshToken, first.data.refreshToken.refreshToken);
  await on.shows('The same pair again');
  assert.equal((await on.press('Retry')).data.refreshToken.token, first.data.refreshToken.token);
  const me = await on.run('Me');
  assert.equal(me.request.headers().authorization, `Bearer ${first.data.refreshToken.token}`);
}

async function replay(on) {
  assert.equal(reason(await on.press('Replay the old token')), 'TOKEN_BLACKLISTED');
  await on.shows('TOKEN_BLACKLISTED');
  assert.equal(await on.generation(), 2);
  await on.press('Refresh');
  await on.shows('Rotated: generation 2 → 3');
  const { data } = await on.run('Sessions');
  assert.deepEqual(data.sessions.map((s) => [s.current, s.generation]), [[true, 3]]);
}

// reuse waits for two times REUSE_WINDOW after the last refresh.
async function reuse(on) {
  assert.equal(reason(await on.run('Reuse')), 'TOKEN_BLACKLISTED');
  await on.shows('TOKEN_BLACKLISTED');
  await new Promise((resolve) => setTimeout(resolve, 41_000));
  assert.equal(reason(await on.run('Reuse')), 'TOKEN_REUSED');
  await on.shows('ended: TOKEN_REUSED');
  await on.response('TOKEN_REUSED');
  assert.equal(reason(await on.run('Me')), 'SESSION_REVOKED');
}

// whySignedOut: the journal has the reuse, and the races before it, which ended
// nothing.
async function whySignedOut(on) {
  const login = await on.run('LogIn');
  await on.at(1);
  const { data } = await on.run('History');
  const told = data.securityEvents.edges.map(({ node }) => [node.kind, node.reason, node.sessionsEnded]);
  assert.deepEqual(told, [
    ['LOGIN', null, 0],
    ['REFRESH_REUSE', 'revoke', 1],
    ['REFRESH_RACE', null, 0],
    ['REFRESH_RACE', null, 0],
    ['SIGN_UP', null, 0],
  ]);
  assert.notEqual(data.securityEvents.edges[1].node.sessionId, login.data.login.session.id);
  await on.response('"LOGIN"'); // the editor has no more of the answer on the page than is in view
}

// follow: the server tells of a rotation before anybody asks.
async function follow(on) {
  await on.tab('Events');
  const stream = on.page.waitForResponse((r) => r.headers()['content-type']?.startsWith('text/event-stream'));
  await on.page.getByRole('button', { name: /^Execute query/ }).click();
  await stream;
  await on.button('Refresh').click();
  await on.response('"ROTATED"');
  await on.shows('Event ROTATED');
  await on.page.getByRole('button', { name: /^Stop query/ }).click();
  await on.page.getByRole('button', { name: /^Execute query/ }).waitFor();
}

async function logOut(on) {
  await on.run('LogOut');
  await on.shows('ended: SESSION_REVOKED');
  await on.run('LogIn');
  await on.at(1);
  assert.equal((await on.press('Log out')).data.logout, 1);
  await on.shows('ended: SESSION_REVOKED');
  await on.button('Forget').click();
  await on.shows('signed out');
  const me = await on.run('Me');
  assert.equal(reason(me), 'TOKEN_MISSING');
}

// mistake: the worker knows the schema, and the editor underlines what is not
// in it.
async function mistake(on) {
  await on.page.getByRole('button', { name: 'New tab' }).click();
  await on.type('Operation Editor', '{ me { name, nickname } }');
  await on.page.locator('.graphiql-query-editor .squiggly-error').waitFor();
}

// literals: a password where it should not stand is not kept either.
async function literals(on) {
  await on.type(
    'Operation Editor',
    '# canary-comment\nmutation Literal { login(input: {email: "canary-mail", password: "canary-literal"}) { token } }',
  );
  await on.page.getByRole('button', { name: 'Headers' }).click();
  await on.type('Headers', '{"X-Canary": "canary-header"}');
  await on.page.getByRole('button', { name: 'Variables' }).click();
  await on.page.locator('.graphiql-tab').getByText('Literal', { exact: true }).waitFor();
  assert.equal(reason(await on.run('Literal')), 'INVALID_CREDENTIALS');
}

// keyboard: the editor and the panel work without a mouse.
async function keyboard(on) {
  await on.tab('LogIn');
  await on.page.locator('section[aria-label="Operation Editor"] .graphiql-editor').focus();
  await on.page.keyboard.press('Enter');
  await on.page.keyboard.press('Control+Enter');
  await on.at(1);
  await on.page.locator('.session summary').focus();
  await on.page.keyboard.press('Tab');
  const focused = await on.page.evaluate(() => document.activeElement.textContent);
  assert.equal(focused, 'Refresh');
  await on.page.keyboard.press('Enter');
  await on.at(2);
  const nameless = await on.page.getByRole('button').evaluateAll((buttons) =>
    buttons.filter((b) => !(b.getAttribute('aria-label') ?? b.textContent).trim()).map((b) => b.outerHTML),
  );
  assert.deepEqual(nameless, []);
}

// history outlives the page, without a value in it; the session does not.
async function history(on, url) {
  await on.page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await on.page.locator('.graphiql-doc-explorer').getByText('AuthPayload').waitFor();
  const { email } = await on.page.evaluate(() => ({ email: localStorage.getItem('rekey-explorer:email') }));
  await visit(on.page, url);
  await on.shows('signed out');
  await on.shows(email);
  await on.tab('LogIn');
  await on.page.getByRole('button', { name: /^Execute query/ }).click();
  await on.response('Write the password');
  await on.page.getByRole('button', { name: 'Show History' }).click();
  await on.page.locator('.graphiql-history').getByText('Literal', { exact: true }).click();
  await on.page.locator('.graphiql-query-editor').getByText('password: ""').waitFor();
  await on.page.getByRole('button', { name: 'Hide History' }).click();
}
