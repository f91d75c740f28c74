// SPDX-License-Identifier: BSD-2-Clause
// What the pages rest on: the first load is small and all from here, texts that attack are inert, and a server that is slow,
// gone or back again is said.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, axe, cleanUp, open, overflow, runOf, RUN_VIEWS, serve, shot, sonde, stop, storedRuns, within } from './harness.mjs';

const FIRST_LOAD = 250 * 1024;
let server;
let runs;

before(async () => {
  server = await serve();
  runs = storedRuns();
});
after(cleanUp);

test('the server is an ordinary user\'s process', async () => {
  const page = await open(server);
  const me = await api(page, 'me');
  assert.equal(me.uid, 65534);
  await page.finish();
});

test('the first load takes at most 250 KB on the wire', async () => {
  const page = await open(server);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0;
  const code = [];
  session.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
  session.on('Network.responseReceived', (e) => code.push(e.response));
  await page.to('/runs');
  const ours = code.filter((r) => /\.(js|css|html)$|\/runs$/.test(new URL(r.url).pathname));
  assert.ok(ours.length >= 3);
  for (const r of ours) assert.match(r.headers['content-encoding'] ?? r.headers['Content-Encoding'] ?? '', /gzip|br|zstd/, r.url);
  console.log(`# first load: ${bytes} bytes`);
  assert.ok(bytes > 0 && bytes <= FIRST_LOAD, `${bytes} bytes`);
  await page.finish();
});

test('texts that attack are shown as texts, on every page and view', async () => {
  const page = await open(server);
  const run = runOf('ATTACK', runs);
  assert.equal(run.host, '<img src=x onerror=window.__xss=3>');
  const places = ['/runs', '/traces', '/sessions', '/agents', '/tools', '/cost?by=host', '/health', '/live', '/metrics'].map((p) => `${p}${p.includes('?') ? '&' : '?'}since=all`);
  places.push(...RUN_VIEWS.map((v) => `/run/${run.run_id}?view=${v}`));
  for (const path of places) {
    await page.to(path);
    const bad = await page.evaluate(() => {
      const found = [...document.querySelectorAll('main script, main [onerror], main [onload], main iframe, main object, main base, main form[action]')].map((e) => e.outerHTML.slice(0, 80));
      for (const a of document.querySelectorAll('a[href]')) if (/^\s*(javascript|data|vbscript):/i.test(a.getAttribute('href'))) found.push(a.outerHTML.slice(0, 120));
      for (const i of document.querySelectorAll('img')) if (!/^(data:image|blob:|\/)/.test(i.getAttribute('src') ?? '')) found.push(i.outerHTML.slice(0, 120));
      return found;
    });
    assert.deepEqual(bad, [], path);
    assert.equal(await page.evaluate(() => window.__xss ?? null), null, path);
  }
  await page.to('/runs?since=all');
  await page.getByText('ATTACK <img src=x', { exact: false }).first().waitFor();
  // All that is folded is opened.
  await page.to(`/run/${run.run_id}?view=conversation`);
  for (const d of await page.locator('main details > summary').all()) await d.click();
  await within(5, 'the text', async () => (await page.locator('main').innerText()).includes('<script>'));
  await page.finish();
});

test('steps of the attack: each detail and each tab', async () => {
  const page = await open(server);
  const run = runOf('ATTACK', runs);
  const { steps } = await api(page, `runs/${run.run_id}/steps`);
  for (const s of steps) {
    await page.to(`/run/${run.run_id}?step=${s.step_id}`);
    for (const tab of await page.locator('#step-detail').getByRole('tab').all()) {
      await tab.click();
      assert.equal(await page.evaluate(() => window.__xss ?? null), null);
    }
  }
  await page.finish();
});

test('artifacts as the server gives them: never a page, nothing runs', async () => {
  const page = await open(server);
  const run = runs.find((r) => r.task === 'fix the failing tests of the parser');
  const { items } = await api(page, `runs/${run.run_id}/artifacts`);
  const html = items.find((a) => a.path.endsWith('page.html'));
  const headers = (await page.context().request.get(`${server.origin}/api/v1/blobs/${html.blob}`)).headers();
  assert.doesNotMatch(headers['content-type'], /html|svg|xml/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['content-security-policy'], /sandbox/);
  await page.finish();
});

test('who has no cookie is told how to get in; a token lets them in, as long as it is good', async () => {
  const token = sonde('token', 'add', 'browser', '--right', 'read,content', '--db', server.store).trim();
  const page = await open(server);
  await page.context().clearCookies();
  await page.goto(`${server.origin}/runs?since=all`);
  await page.getByText('sonde open').first().waitFor();
  const field = page.getByLabel('Or enter a token');
  assert.equal(await field.getAttribute('type'), 'password');
  assert.deepEqual(await axe(page), []);
  await page.setViewportSize({ width: 390, height: 800 });
  assert.equal(await overflow(page), 0);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').getByText('Enter a token').waitFor();
  await field.fill(`${token}x`);
  await field.press('Enter');
  await page.getByRole('alert').getByText('none of ours').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(await field.evaluate((e) => e === document.activeElement), true);
  assert.deepEqual(await axe(page), []);
  await shot(page, 'login');
  await field.fill(` ${token} `);
  await field.press('Enter');
  await page.getByText('fix the failing tests').first().waitFor();
  const me = await api(page, 'me');
  assert.deepEqual([me.token, me.rights], ['browser', ['read', 'content']]);
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map((c) => [c.httpOnly, c.sameSite]), [[true, 'Strict']]);
  assert.equal(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })).then((t) => t.includes('sonde_')), false);
  sonde('token', 'remove', 'browser', '--db', server.store);
  await page.goto(`${server.origin}/runs?since=all`);
  await field.waitFor();
  await page.finish({ allow: [/401/] });
});

test('a slow answer shows that it loads; a failing one its reason and a way to try again', async () => {
  const page = await open(server);
  let broken = true;
  await page.route('**/api/v1/runs?*', async (route) => {
    if (!broken) return route.continue();
    await new Promise((r) => setTimeout(r, 700));
    return route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":503,"message":"the store is busy"}}' });
  });
  await page.goto(`${server.origin}/runs?since=all`);
  await page.locator('[aria-busy=true]').first().waitFor();
  await page.getByRole('alert').getByText('the store is busy').waitFor();
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('fix the failing tests').first().waitFor();
  await page.finish({ allow: [/503/] });
});

test('the server ends: pages say that it does not answer', async () => {
  const own = await serve();
  const page = await open(own);
  await page.to('/runs?since=all');
  await stop(own.child);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Tools', exact: true }).click();
  await page.getByRole('alert').first().waitFor();
  assert.match(await page.getByRole('alert').first().innerText(), /does not answer|still running/);
  await page.finish({ allow: [/ERR_CONNECTION_REFUSED|Failed to (load|fetch)|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/] });
});
