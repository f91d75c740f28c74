// SPDX-License-Identifier: BSD-2-Clause
// Every page and view: shown, accessible in light and dark, usable at 390 pixels, quiet on the console, nothing from elsewhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PAGES, RUN_VIEWS, axe, cleanUp, open, overflow, runOf, serve, settled, shot, storedRuns } from './harness.mjs';

let server;
let places;

before(async () => {
  server = await serve();
  const runs = storedRuns();
  const fixes = runs.filter((r) => r.task === 'fix the failing tests of the parser');
  const run = fixes.find((r) => r.models.includes('claude-sonnet-4-5'));
  const other = fixes.find((r) => r.models.includes('claude-opus-4-5'));
  places = [
    ...PAGES.map((p) => [p, `/${p}?since=all`]),
    ...RUN_VIEWS.map((v) => [`run-${v}`, `/run/${run.run_id}?view=${v}`]),
    ['run-parts', `/run/${runOf('MAIN-TASK', runs).run_id}`],
    ['run-attack', `/run/${runOf('ATTACK', runs).run_id}?view=conversation`],
    ['run-assurance-denied', `/run/${runOf('fetch what the rules forbid', runs).run_id}?view=assurance`],
    ['compare', `/compare?a=${run.run_id}&b=${other.run_id}`],
  ];
});
after(cleanUp);

async function look(width, dark) {
  const page = await open(server, { width, height: width < 500 ? 844 : 800, dark });
  const bad = [];
  for (const [name, path] of places) {
    await page.to(path);
    const words = (await page.locator('main').innerText()).trim();
    if (words.length < 20) bad.push(`${name}: shows nothing`);
    if (await page.locator('main [role=alert]').count()) bad.push(`${name}: ${await page.locator('main [role=alert]').first().innerText()}`);
    if (width > 500) for (const finding of await axe(page)) bad.push(`${name}: ${finding}`);
    const over = await overflow(page);
    if (over > 0) bad.push(`${name}: ${over} px wider than the window`);
    await shot(page, `${name}-${width}${dark ? '-dark' : ''}`);
  }
  assert.equal(bad.join('\n'), '');
  await page.finish();
}

test('every page at 1280 pixels: shown, no serious finding of axe', () => look(1280, false));
test('every page in dark colours', () => look(1280, true));
test('every page at 390 pixels: nothing is wider than the window', () => look(390, false));

test('the menu leads to every page, and titles say where one is', async () => {
  const page = await open(server);
  await page.to('/');
  const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
  assert.equal(await links.count(), PAGES.length);
  for (let i = 0; i < PAGES.length; i++) {
    await links.nth(i).click();
    await settled(page);
    assert.equal(await links.nth(i).getAttribute('aria-current'), 'page');
    assert.equal(await page.title(), `${await links.nth(i).innerText()} · sonde`);
    assert.equal(new URL(page.url()).pathname, `/${PAGES[i]}`);
  }
  await page.finish();
});

test('at 390 pixels the menu opens and closes', async () => {
  const page = await open(server, { width: 390, height: 844 });
  await page.to('/runs?since=all');
  const menu = page.getByRole('button', { expanded: false }).first();
  await menu.click();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Cost', exact: true }).click();
  await settled(page);
  assert.equal(new URL(page.url()).pathname, '/cost');
  await page.finish();
});

test('a page that is not there is said', async () => {
  const page = await open(server);
  await page.to('/nowhere');
  await page.getByText('no such page').waitFor();
  await page.finish();
});

test('light and dark are chosen by hand, and stay', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const colour = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await colour();
  await page.getByRole('button', { name: 'Dark colours' }).click();
  const dark = await colour();
  assert.notEqual(light, dark);
  await page.reload();
  await settled(page);
  assert.equal(await colour(), dark);
  await page.finish();
});
