// SPDX-License-Identifier: BSD-2-Clause
// Running a run again from its page: what would be run is shown, confirmed, done, and leads to the new run; or it is said why not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, cleanUp, lineOf, open, overflow, scratch, serve, shot, SONDE, sondeJson, start, within } from './harness.mjs';

const ENV = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' };
const ARGS = ["two words & 'quotes'", 'line one\nline two'];
let dir, store, told, server, done, secret, gone;

const run = (folder, ...command) => {
  mkdirSync(join(dir, folder), { recursive: true });
  const r = spawnSync(SONDE, ['run', '-q', '--no-live', '--no-tree', '--db', store, '--', ...command], { cwd: join(dir, folder), env: { ...ENV, HOME: dir } });
  assert.equal(r.status, 0, String(r.stderr));
  return sondeJson('runs', '--db', store)[0];
};
const times = () => (existsSync(told) ? readFileSync(told, 'utf8').split('--\n').length - 1 : 0);
const button = (page, name) => page.getByRole('button', { name, exact: true });
const dialog = (page) => page.getByRole('dialog');

before(async () => {
  dir = scratch();
  store = join(dir, 'sonde.db');
  told = join(dir, 'told');
  done = run('a folder', '/bin/sh', '-c', `printf '%s\\n' "$@" -- >>'${told}'`, 'sh', ...ARGS);
  secret = run('a folder', '/bin/echo', '--api-key', 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD');
  gone = run('gone', '/bin/true');
  rmdirSync(join(dir, 'gone'));
  // As the user whose runs they are.
  const child = start(SONDE, ['serve', '--db', store], { env: { ...ENV, HOME: dir } });
  const [url] = await lineOf(child, /https?:\/\/[^\s]+/);
  server = { url, origin: new URL(url).origin, child, store, dir };
});
after(cleanUp);

test('the command and its folder are shown first; Cancel does nothing', async () => {
  const page = await open(server);
  await page.to(`/run/${done.run_id}`);
  await button(page, 'Retry').click();
  const text = await dialog(page).innerText();
  assert.ok(text.includes(`'two words & '\\''quotes'\\'''`), text);
  assert.ok(text.includes('line one\nline two'), text);
  assert.ok(text.includes(join(dir, 'a folder')), text);
  assert.deepEqual(await axe(page), []);
  await shot(page, 'retry');
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await dialog(page).waitFor({ state: 'hidden' });
  assert.equal(times(), 1);
  await page.finish();
});

test('confirmed, it is run again; the page goes to the new run, which leads back', async () => {
  const page = await open(server, { width: 390 });
  await page.to(`/run/${done.run_id}`);
  await button(page, 'Retry').click();
  assert.ok((await overflow(page)) <= 0);
  await dialog(page).getByRole('button', { name: 'Run it again' }).click();
  await within(30, 'the new run', async () => /\/run\/[0-9a-f]{32}/.test(page.url()) && !page.url().includes(done.run_id));
  assert.equal(times(), 2);
  const [first, second] = readFileSync(told, 'utf8').split('--\n');
  assert.equal(second, first);
  const back = page.getByRole('link', { name: `retry of ${done.run_id.slice(0, 8)}` });
  await back.waitFor();
  assert.deepEqual(await axe(page), []);
  await back.click();
  await within(5, 'the run that it is another go at', async () => page.url().includes(done.run_id));
  await page.finish();
});

test('why it cannot be is shown where it fails, and the window stays', async () => {
  const page = await open(server);
  await page.to(`/run/${gone.run_id}`);
  await button(page, 'Retry').click();
  await dialog(page).getByRole('button', { name: 'Run it again' }).click();
  const alert = dialog(page).getByRole('alert');
  await within(30, 'why', async () => (await alert.count()) && /is not there any more/.test(await alert.innerText()));
  assert.deepEqual(await axe(page), []);
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await page.finish({ allow: [/409/] });
});

test('of another user\'s run it is said that it cannot be', async () => {
  const page = await open(await serve({ store }));
  await page.to(`/run/${done.run_id}`);
  await button(page, 'Retry').click();
  await dialog(page).getByText('it ran as another user').waitFor();
  assert.equal(await dialog(page).getByRole('button', { name: 'Run it again' }).count(), 0);
  assert.equal(times(), 2);
  await page.finish();
});

test('where nobody would do it, what to type is there to copy, and why', async () => {
  const page = await open(server);
  await page.route('**/retry', (route) => route.fulfill({ json: { can: false, why_not: 'the daemon starts no commands for others', command: 'x', by_hand: `sonde retry ${done.run_id}`, cwd: '/' } }));
  await page.to(`/run/${done.run_id}`);
  await button(page, 'Retry').click();
  const text = await dialog(page).innerText();
  assert.ok(text.includes(`sonde retry ${done.run_id}`) && text.includes('starts no commands for others'), text);
  assert.equal(await dialog(page).getByRole('button', { name: 'Run it again' }).count(), 0);
  await dialog(page).getByRole('button', { name: 'Copy', exact: true }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.finish();
});

test('a run whose arguments were not kept whole only has its command to copy', async () => {
  const page = await open(server);
  await page.to(`/run/${secret.run_id}`);
  await button(page, 'Copy command').waitFor();
  assert.equal(await button(page, 'Retry').count(), 0);
  await page.finish();
});
