import assert from 'node:assert/strict';

// Page is what a person does in the explorer, by clicks and keys.
export class Page {
  constructor(page) {
    this.page = page;
  }

  tab(name) {
    return this.page.locator('.graphiql-tab').getByText(name, { exact: true }).click();
  }

  button(name) {
    return this.page.locator('.session').getByRole('button', { name, exact: true });
  }

  // run opens a tab, executes it, and returns the answer that the server gave.
  async run(tab) {
    await this.tab(tab);
    const answer = this.answer();
    await this.page.getByRole('button', { name: /^Execute query/ }).click();
    return answer;
  }

  // press clicks a button of the panel and returns the answer.
  async press(name) {
    const answer = this.answer();
    await this.button(name).click();
    return answer;
  }

  async answer() {
    const response = await this.page.waitForResponse((r) => r.url().endsWith('/graphql'));
    return { ...(await response.json()), request: response.request() };
  }

  // shows waits until the panel has a text.
  shows(text) {
    return this.page.locator('.session').getByText(text).first().waitFor();
  }

  // at waits until the session at hand lives and is of a generation: the events
  // below tell of other ones, too.
  async at(generation) {
    await this.page.getByTestId('generation').getByText(`generation ${generation}`, { exact: true }).waitFor();
    await this.button('Refresh').and(this.page.locator(':enabled')).waitFor();
  }

  // response waits until the answer pane has a text.
  response(text) {
    return this.page.locator('.result-window').getByText(text).first().waitFor();
  }

  async generation() {
    return Number(/\d+/.exec(await this.page.getByTestId('generation').textContent())[0]);
  }

  // type replaces what is in an editor.
  async type(section, text) {
    const editor = this.page.locator(`section[aria-label="${section}"] .graphiql-editor:not(.hidden)`);
    await editor.focus();
    await this.page.keyboard.press('Enter');
    await this.page.keyboard.press('Control+A');
    await this.page.keyboard.insertText(text);
  }
}

export function reason(answer) {
  assert.ok(answer.errors?.length, `no error: ${JSON.stringify(answer.data)}`);
  return answer.errors[0].extensions.reason;
}
