import assert from 'node:assert/strict';
import { visit } from './browser.mjs';
import { Page } from './page.mjs';

// plainFlow: the page works on plain http beyond localhost, where browsers have
// no crypto.randomUUID, no navigator.locks and no navigator.clipboard.
export async function plainFlow(context, page, url) {
  const on = new Page(page);
  assert.deepEqual(await page.evaluate(() => [isSecureContext, 'locks' in navigator, 'clipboard' in navigator]), [false, false, false]);
  const { data } = await on.run('SignUp');
  await on.at(1);
  await on.run('Refresh');
  await on.at(2);
  await copies(on);
  const { user } = data.signUp;
  await visit(page, url);
  await on.shows(user.email);
}

// copies pastes what the buttons copy.
async function copies(on) {
  for (const [name, event, expected] of [
    ['Copy the access token', 'The access token.', /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/],
    ['Copy the refresh token', 'The refresh token.', /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/],
    ['Copy as cURL', 'The last request as a command.', /^curl -s 'http:.*\/graphql' \\\n  -H 'Content-Type: application\/json' \\\n  -H 'Authorization: Bearer eyJ[^']+' \\\n  -d '\{"query".*\}'$/s],
  ]) {
    await on.button(name).click();
    await on.shows(event);
    await on.page.evaluate(() => document.body.appendChild(document.createElement('textarea')).focus());
    await on.page.keyboard.press('Control+V');
    assert.match(await on.page.locator('body > textarea').inputValue(), expected);
    await on.page.evaluate(() => document.querySelector('body > textarea').remove());
  }
}
