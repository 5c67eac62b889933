import assert from 'node:assert/strict';
import { Page, reason } from './page.mjs';
import { visit } from './browser.mjs';

// cookieFlow is a session's life in cookie mode: the refresh token is in the
// browser's cookie, which no page sees.
export async function cookieFlow(context, page, url) {
  const on = new Page(page);
  const cookies = async () => (await context.cookies(url)).filter(({ name }) => name === '__Host-rekey_refresh');
  const signedUp = await on.run('SignUp');
  assert.equal(signedUp.data.signUp.refreshToken, null);
  await on.shows('a cookie may hold it');
  const [first] = await cookies();
  assert.deepEqual(
    [first.name, first.httpOnly, first.secure, first.sameSite, first.path],
    ['__Host-rekey_refresh', true, true, 'Lax', '/'],
  );
  await on.press('Refresh');
  await on.shows('Rotated: generation 1 → 2');
  assert.ok(await on.button('Replay the old token').isDisabled(), 'there is no token to replay');
  assert.notEqual((await cookies())[0].value, first.value);
  assert.equal((await on.run('Me')).data.me.name, 'Ada');
  await reload(on, url);
  await replaceByLogin(on);
  await logOut(on, cookies);
}

// reload: the page forgets, the cookie does not.
async function reload(on, url) {
  await visit(on.page, url);
  await on.shows('signed out');
  assert.equal((await on.run('Refresh')).data.refreshToken.refreshToken, null);
  await on.at(3);
}

// replaceByLogin: a browser has one session. The page is a fresh one, whose
// LogIn names an account that is not there yet.
async function replaceByLogin(on) {
  await on.run('SignUp');
  await on.at(1);
  await on.run('LogIn');
  await on.shows('Signed in');
  const { data } = await on.run('Sessions');
  assert.equal(data.sessions.length, 1);
}

async function logOut(on, cookies) {
  assert.equal((await on.run('LogOut')).data.logout, 1);
  await on.shows('ended: SESSION_REVOKED');
  assert.deepEqual(await cookies(), []);
  await on.button('Forget').click();
  assert.equal(reason(await on.run('Refresh')), 'TOKEN_MISSING');
}
