import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Page } from './page.mjs';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

// looks sees the page: narrow and new, where the room for an answer leaves some
// for the panel; then, with a session that has rotated, in both themes and
// widths. shots is where pictures go, or undefined.
export async function looks(page, shots) {
  const on = new Page(page);
  await page.setViewportSize(NARROW);
  await page.waitForFunction(() => document.querySelector('.session').getBoundingClientRect().bottom <= innerHeight);
  await on.run('SignUp');
  await page.waitForFunction(() => document.querySelector('.result-window').clientHeight > 200);
  await page.setViewportSize(WIDE);
  await on.press('Refresh');
  await on.press('Replay the old token');
  await on.shows('TOKEN_BLACKLISTED');
  await on.run('Sessions');
  await on.response('"generation"');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const size of [WIDE, NARROW]) {
      await page.setViewportSize(size);
      await fits(page, size);
      await contrasts(page, colorScheme);
      await accessible(page, `${colorScheme}, ${size.width}`);
      if (shots) await shoot(page, shots, `explorer-${colorScheme}-${size.width}`);
    }
  }
}

// fits: nothing is cut off sideways, and what one needs can be clicked.
async function fits(page, { width }) {
  const widest = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(widest <= width, `the page is ${widest} wide in a window of ${width}`);
  for (const name of [/^Execute query/, 'Refresh', 'Replay the old token', 'Log out', 'Show History']) {
    const button = page.getByRole('button', { name, exact: true }).first();
    await button.scrollIntoViewIfNeeded();
    await button.click({ trial: true });
    const box = await button.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= width, `${name} at ${JSON.stringify(box)}`);
  }
  await page.getByRole('button', { name: /^Execute query/ }).scrollIntoViewIfNeeded();
}

// accessible: axe finds nothing wrong, when no tooltip is open and no colour is
// in transition.
async function accessible(page, where) {
  await page.mouse.move(0, 0, { steps: 5 }); // a tooltip stays open after a single move
  await page.waitForFunction(() => !document.querySelector('[data-radix-popper-content-wrapper]')
    && document.getAnimations().every((a) => a.playState !== 'running'));
  await page.evaluate(await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
  assert.deepEqual(found, [], where);
}

// contrasts: texts stand out against what is behind them, in the editor, the
// panel and the claims.
async function contrasts(page, colorScheme) {
  for (const selector of ['.graphiql-query-editor .view-line span span', '.session-title', '.session-events b', '.json-name', '.json-text']) {
    await page.waitForFunction(
      ([target, dark]) => {
        const brightness = (color) => {
          const [r, g, b] = color.match(/[\d.]+/g).map(Number);
          return (r * 299 + g * 587 + b * 114) / 1000;
        };
        const background = brightness(getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor);
        const text = brightness(getComputedStyle(document.querySelector(target)).color);
        return dark ? background < 80 && text - background > 60 : background > 200 && background - text > 60;
      },
      [selector, colorScheme === 'dark'],
    );
  }
}

async function shoot(page, shots, name) {
  await mkdir(shots, { recursive: true });
  if (name === 'explorer-dark-390') await page.locator('.session').evaluate((panel) => panel.scrollIntoView());
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled', caret: 'hide' });
}
