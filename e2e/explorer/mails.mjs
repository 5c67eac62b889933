import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { visit } from './browser.mjs';
import { Page, reason } from './page.mjs';

// Mails follows mails from the explorer's inbox, as a person does who tries rekey
// for the first time. shots is where pictures go, or undefined.
export class Mails {
  constructor(context, page, url, shots) {
    Object.assign(this, { context, page, url, shots, on: new Page(page), password: 'a new and longer horse' });
  }

  // follow opens the newest mail of a kind, lets a scanner open its links, and
  // follows its link. It returns the page that the link opens.
  async follow(kind) {
    const inbox = await this.popup(() => this.page.getByRole('link', { name: 'Inbox' }).click());
    await inbox.locator('#mails a').filter({ hasText: `${kind} ·` }).first().click();
    await inbox.locator('#kind').getByText(kind, { exact: true }).waitFor();
    await this.look(inbox, 'inbox');
    await this.scan(inbox);
    const opened = await this.popup(() => inbox.getByRole('link', { name: 'Follow the link' }).click());
    await opened.locator('#title').getByText(/./).waitFor();
    assert.equal(opened.url(), `${this.url}account`, 'the token is out of the address bar');
    await this.look(opened, `account-${kind}`);
    await inbox.close();
    return opened;
  }

  async popup(click) {
    const [page] = await Promise.all([this.context.waitForEvent('page'), click()]);
    await page.waitForLoadState();
    return page;
  }

  // scan does what scanners of mail do: GET and HEAD of every URL, three times.
  async scan(inbox) {
    const text = await inbox.locator('#text').textContent();
    const html = await inbox.frameLocator('#html').locator('a').evaluateAll((links) => links.map(({ href }) => href));
    const urls = [...text.match(/https?:\/\/\S+/g), ...html];
    assert.ok(urls.length >= 2, 'a link in the text and in the HTML');
    for (const url of urls) {
      for (const method of ['GET', 'HEAD', 'GET', 'HEAD', 'GET', 'HEAD']) {
        assert.equal((await fetch(url, { method })).status, 200, `${method} ${url.replace(/#.*/, '')}`);
      }
    }
  }

  // finish presses the button, and waits until the page reports success.
  async finish(opened, button, done) {
    const sent = [];
    opened.on('request', (r) => sent.push(r.url()));
    await opened.getByRole('button', { name: button, exact: true }).click();
    await opened.getByRole('heading', { name: done }).waitFor();
    assert.deepEqual(sent, [`${this.url}graphql`]);
    assert.equal(await opened.evaluate(() => document.activeElement.id), 'title');
    await this.look(opened, `done-${done.toLowerCase().replaceAll(' ', '-')}`);
  }

  // look finds nothing wrong with axe, in both themes and widths.
  async look(page, name) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 800 });
        const widest = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(widest <= width, `${name} is ${widest} wide in a window of ${width}`);
        const script = await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
        await page.evaluate(script); // by the debugger, which no policy restricts
        const { violations } = await page.evaluate(() => window.axe.run({ iframes: false }));
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], `${name}, ${colorScheme}, ${width}`);
        if (this.shots) await shoot(page, this.shots, `${name}-${colorScheme}-${width}`);
      }
    }
  }
}

async function shoot(page, shots, name) {
  await mkdir(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled', caret: 'hide' });
}

// mailFlow goes through everything that needs mail.
export async function mailFlow(context, page, url, shots) {
  const mails = new Mails(context, page, url, shots);
  await verifyEmail(mails);
  await resetPassword(mails);
  await logInByMail(mails);
  await signUpByMail(mails);
  await changeEmail(mails);
  await deleteAccount(mails);
}

// verifyEmail: the link takes an account over that was never verified, so the page
// offers to mail a link for a new password.
async function verifyEmail(mails) {
  const { on } = mails;
  await on.run('SignUp');
  await on.at(1);
  assert.equal((await on.run('VerifyEmail')).data.requestEmailVerification, true);
  const opened = await mails.follow('verify_email');
  await mails.finish(opened, 'Confirm the address', 'The address is confirmed');
  await mails.finish(opened, 'Mail me the link', 'A mail is on its way');
  await opened.close();
  await ended(on);
}

// ended: the session in the explorer was revoked.
async function ended(on) {
  assert.equal(reason(await on.run('Me')), 'SESSION_REVOKED');
  await on.button('Forget').click();
  await on.shows('signed out');
}

async function resetPassword(mails) {
  const opened = await mails.follow('reset_password');
  await opened.getByRole('button', { name: 'This was not me' }).click();
  await opened.getByRole('heading', { name: 'Nothing was changed' }).waitFor();
  await mails.look(opened, 'not-me');
  await opened.getByRole('button', { name: 'Back' }).click();
  await keyboard(opened);
  await opened.getByLabel('New password', { exact: true }).fill(mails.password);
  await mails.finish(opened, 'Set the password', 'The password is set');
  await opened.close();
  const used = await mails.follow('reset_password');
  await used.getByLabel('New password', { exact: true }).fill(`${mails.password} again`);
  await mails.finish(used, 'Set the password', 'This link no longer works');
  await used.close();
}

// keyboard: a refused password is reported beside the field, without a mouse.
async function keyboard(opened) {
  const field = opened.getByLabel('New password', { exact: true });
  for (const [password, problem] of [['short', /at least 8/], ['password123', /tried first/]]) {
    await field.fill(password);
    await opened.keyboard.press('Enter');
    await opened.getByRole('alert').getByText(problem).waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.equal(await opened.evaluate(() => document.activeElement.id), 'password');
  }
  await opened.keyboard.press('Tab');
  await opened.keyboard.press('Enter');
  assert.equal(await field.getAttribute('type'), 'text');
  await opened.getByRole('button', { name: 'Hide' }).waitFor();
}

async function logInByMail(mails) {
  assert.equal((await mails.on.run('LogInByMail')).data.requestLoginEmail, true);
  const opened = await mails.follow('login');
  await mails.finish(opened, 'Log in', 'The login succeeded');
  await opened.getByText(/The account is ada-\w+@example\.com/).waitFor();
  await opened.close();
}

async function signUpByMail(mails) {
  assert.equal((await mails.on.run('SignUpByMail')).data.requestSignUp, true);
  const opened = await mails.follow('complete_sign_up');
  await opened.getByLabel('New password', { exact: true }).fill(mails.password);
  await mails.finish(opened, 'Create the account', 'Your account is ready');
  await opened.close();
}

// changeEmail: the link to the new address changes it, and the link to the former
// one undoes that.
async function changeEmail(mails) {
  const { on } = mails;
  await visit(mails.page, mails.url); // a new account
  await on.run('SignUp');
  await on.at(1);
  assert.equal((await on.run('ChangeEmail')).data.requestEmailChange, true);
  for (const [kind, button, done] of [
    ['confirm_email', 'Change the address', 'The address is changed'],
    ['undo_email_change', 'Undo the change', 'The change is undone'],
  ]) {
    const opened = await mails.follow(kind);
    await mails.finish(opened, button, done);
    await opened.close();
  }
  await ended(on);
}

async function deleteAccount(mails) {
  const { on } = mails;
  await visit(mails.page, mails.url); // a new account
  await on.run('SignUp');
  await on.at(1);
  assert.ok((await on.run('DeleteAccount')).data.deleteAccount);
  const opened = await mails.follow('cancel_deletion');
  await mails.finish(opened, 'Keep the account', 'The account stays');
  await opened.close();
  await ended(on);
}
