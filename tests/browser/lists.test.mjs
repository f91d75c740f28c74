// SPDX-License-Identifier: BSD-2-Clause
// Runs, Traces, Sessions, Compare: what they show is what the command line says; filters, views, order, keys, export.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, cleanUp, open, runOf, serve, settled, sondeJson, STORE, storedRuns, within } from './harness.mjs';
import { cost, count, duration } from './format.ts';

let server;
let runs;

before(async () => {
  server = await serve();
  runs = storedRuns();
});
after(cleanUp);

// The rows of the table, as objects by the titles of its columns.
async function table(page, label) {
  const region = page.getByRole('region', { name: label, exact: true });
  await region.locator('tbody tr[data-row]').first().waitFor();
  return region.evaluate((r) => {
    const heads = [...r.querySelectorAll('thead th')].map((h) => h.innerText.replace(/[↑↓]/g, '').trim());
    return [...r.querySelectorAll('tbody tr[data-row]')].map((tr) => Object.fromEntries([...tr.cells].map((c, i) => [heads[i] || `#${i}`, c.innerText.trim()])));
  });
}

const shownRows = (page) => page.getByRole('region', { name: 'Runs', exact: true }).locator('tbody tr[data-row]').count();

// All of a list that comes by pages, scrolled to its end.
async function all(page, n) {
  await within(10, `${n} rows`, async () => {
    await page.getByRole('region', { name: 'Runs', exact: true }).evaluate((r) => r.scrollTo(0, r.scrollHeight));
    return (await shownRows(page)) === n;
  });
}

test('the runs are those of "sonde runs", newest first, value by value', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  await all(page, runs.length);
  const rows = await table(page, 'Runs');
  const by = (row, name) => row[Object.keys(row).find((k) => k.toLowerCase().startsWith(name))];
  for (const [i, row] of rows.entries()) {
    const run = runs[i];
    const say = `row ${i}, run ${run.run_id}`;
    assert.equal(by(row, 'id'), run.run_id.slice(0, 8), say);
    assert.equal(by(row, 'status').toLowerCase().replace(' ', '_'), run.status, say);
    assert.equal(by(row, 'agent').split(/\s/)[0], run.agent ?? '–', say);
    assert.equal(by(row, 'cost').replace(/\s+/g, ' '), cost(run), say);
    if (run.end_time_unix_nano) assert.equal(by(row, 'duration'), duration(run.end_time_unix_nano - run.start_time_unix_nano), say);
    if (run.usage.input_tokens !== undefined) assert.ok(Object.values(row).join(' ').includes(count(run.usage.input_tokens)), `${say}: ${count(run.usage.input_tokens)}`);
    assert.ok(by(row, 'task').startsWith((run.task ?? run.command).replace(/\s+/g, ' ').slice(0, 20).trim()), say);
  }
  await page.finish();
});

test('at 1280 pixels all columns of the runs are in sight', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  await table(page, 'Runs');
  const over = await page.getByRole('region', { name: 'Runs', exact: true }).evaluate((r) => r.scrollWidth - r.clientWidth);
  assert.ok(over <= 1, `${over} px are out of sight`); // 1: of rounding
  await page.finish();
});

test('status tabs count, and filter', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const tabs = page.getByRole('navigation', { name: 'Status' });
  const tally = Map.groupBy(runs, (r) => r.status);
  await within(5, 'counts', async () => (await tabs.innerText()).includes(String(runs.length)));
  for (const [status, those] of tally) {
    const tab = tabs.getByRole('link', { name: new RegExp(`^${status.replace('_', ' ')}`, 'i') });
    assert.equal((await tab.innerText()).replace(/\D/g, ''), String(those.length), status);
  }
  await tabs.getByRole('link', { name: /^failed/i }).click();
  await all(page, tally.get('failed').length);
  assert.match(decodeURIComponent(page.url()), /filter=status:failed/);
  await page.finish();
});

test('words and terms filter; chips take them away; Clear takes all; Back goes back', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const filter = page.getByRole('searchbox', { name: 'Filter' });
  await filter.fill('agent:codex');
  await filter.press('Enter');
  const codex = runs.filter((r) => r.agent === 'codex');
  await all(page, codex.length);
  await filter.fill('refused');
  await filter.press('Enter');
  await all(page, 1);
  assert.equal((await table(page, 'Runs')).length, 1);
  await page.getByRole('button', { name: 'Remove refused' }).click();
  await all(page, codex.length);
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await all(page, runs.length);
  await page.goBack();
  await all(page, codex.length);
  await page.reload(); // a URL that is shared shows the same
  await settled(page);
  await all(page, codex.length);
  await page.getByRole('button', { name: 'Remove agent:codex' }).waitFor();
  await page.finish();
});

test('a filter that nothing knows is said, not swallowed', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const filter = page.getByRole('searchbox', { name: 'Filter' });
  await filter.fill('colour:blue');
  await filter.press('Enter');
  await page.getByRole('alert').getByText(/colour/).waitFor();
  await page.finish({ allow: [/400 \(Bad Request\)/] });
});

test('what nothing fits is an empty list that says so', async () => {
  const page = await open(server);
  await page.to('/runs?since=all&filter=agent:nobody');
  await page.getByText('No run is like that').waitFor();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await all(page, runs.length);
  await page.finish();
});

test('a click on a value filters by it, with Alt it is shut out', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const value = () => page.getByRole('region', { name: 'Runs', exact: true }).getByRole('button', { name: 'codex', exact: true }).first();
  await value().click();
  const codex = runs.filter((r) => r.agent === 'codex').length;
  await all(page, codex);
  await page.goBack();
  await all(page, runs.length);
  await value().click({ modifiers: ['Alt'] });
  await all(page, runs.length - codex);
  await page.finish();
});

test('the filter holds on other pages', async () => {
  const page = await open(server);
  await page.to('/runs?since=all&filter=agent:codex');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Cost', exact: true }).click();
  await settled(page);
  assert.match(decodeURIComponent(page.url()), /\/cost\?.*filter=agent:codex/);
  await page.getByRole('button', { name: 'Remove agent:codex' }).waitFor();
  await page.finish();
});

test('sorted by cost, dearest first, and the other way round', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  await page.getByRole('button', { name: /^Cost/ }).click();
  await within(5, 'the dearest first', async () => (await table(page, 'Runs'))[0] && /sort=cost/.test(page.url()));
  const dearest = Math.max(...runs.map((r) => r.cost_usd ?? 0));
  await within(5, 'the dearest run', async () => Object.values((await table(page, 'Runs'))[0]).join(' ').includes(cost({ cost_usd: dearest })));
  await page.getByRole('button', { name: /^Cost/ }).click();
  await within(5, 'the other order', async () => !Object.values((await table(page, 'Runs'))[0]).join(' ').includes(cost({ cost_usd: dearest })));
  await page.finish();
});

test('views: one that is there, one that is saved, and deleted', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  const menu = () => page.locator('summary', { hasText: /^View/ });
  const opened = () => page.locator('details[open]');
  await menu().click();
  await opened().getByRole('button', { name: 'Failed', exact: true }).click();
  await within(5, 'the view of failed runs', async () => /status(:|%3A)failed/.test(page.url()));
  await page.to('/runs?since=all&filter=agent:codex');
  await menu().click();
  await page.getByRole('button', { name: 'Save this view' }).click();
  await page.getByLabel('Name').fill('Mine');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.to('/runs');
  await menu().click();
  await opened().getByRole('button', { name: 'Mine', exact: true }).click();
  await all(page, runs.filter((r) => r.agent === 'codex').length);
  await menu().click();
  await page.getByRole('button', { name: 'Delete view Mine' }).click();
  await page.reload();
  await settled(page);
  await menu().click();
  assert.equal(await opened().getByRole('button', { name: 'Mine', exact: true }).count(), 0);
  await page.finish();
});

for (const format of ['CSV', 'NDJSON'])
  test(`export as ${format}: the file has what is filtered, as the API gives it`, async () => {
    const page = await open(server);
    await page.to('/runs?since=all&filter=agent:claude-code');
    await page.locator('summary', { hasText: 'Export' }).click();
    const link = page.getByRole('link', { name: format, exact: true });
    const href = await link.evaluate((a) => a.href); // a click closes the menu
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const text = readFileSync(await download.path(), 'utf8');
    assert.equal(text, await (await page.context().request.get(href)).text());
    const want = runs.filter((r) => r.agent === 'claude-code').map((r) => r.run_id);
    if (format === 'NDJSON') assert.deepEqual(new Set(text.trim().split('\n').map((l) => JSON.parse(l)).map((r) => r.run_id ?? r.trace_id)), new Set(want));
    else {
      for (const id of want) assert.ok(text.includes(id), id);
      assert.ok(!/(^|,)"?[=+@]/m.test(text), 'a cell that a spreadsheet would compute');
    }
    await page.finish();
  });

test('keys: j k Enter x / ? and g r', async () => {
  const page = await open(server);
  await page.to('/runs?since=all');
  await table(page, 'Runs');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('x');
  assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 1);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'filter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await within(5, 'the first run is open', async () => new URL(page.url()).pathname === `/run/${runs[0].run_id}`);
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await within(5, 'the runs again', async () => new URL(page.url()).pathname === '/runs');
  await page.finish();
});

test('two runs are chosen and compared: aligned, the first difference, what was said', async () => {
  const page = await open(server);
  const fixes = runs.filter((r) => r.task === 'fix the failing tests of the parser' && r.agent === 'claude-code');
  assert.equal(fixes.length, 2);
  await page.to('/runs?since=all&filter=agent:claude-code');
  for (const r of fixes) await page.getByRole('checkbox', { name: `Choose ${r.run_id}` }).check();
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await settled(page);
  const url = new URL(page.url());
  assert.equal(url.pathname, '/compare');
  assert.deepEqual([url.searchParams.get('a'), url.searchParams.get('b')], [fixes[1].run_id, fixes[0].run_id]);
  const compared = await api(page, `compare?a=${fixes[1].run_id}&b=${fixes[0].run_id}`);
  assert.ok(compared.rows.length > 8 && compared.first_difference !== null);
  const words = await page.locator('main').innerText();
  for (const text of [fixes[0].run_id.slice(0, 8), fixes[1].run_id.slice(0, 8), 'claude-opus-4-5', 'One test still fails'])
    assert.ok(words.includes(text), text);
  await page.finish();
});

test('traces: spans of all runs, the longest first, lead to their step', async () => {
  const page = await open(server);
  await page.to('/traces?since=all&sort=duration&order=desc');
  const answer = await api(page, 'spans?sort=duration&order=desc&limit=5');
  const first = page.locator('main tbody tr[data-row]').first();
  await first.waitFor();
  const longest = answer.items[0];
  assert.ok((await first.innerText()).includes(duration(longest.end_time_unix_nano - longest.start_time_unix_nano)));
  await first.getByRole('link').first().click();
  await within(5, 'the run of the step', async () => new URL(page.url()).pathname === `/run/${longest.trace_id}`);
  assert.equal(new URL(page.url()).searchParams.get('step'), longest.span_id);
  await settled(page);
  await page.finish();
});

test('sessions: the runs of one are together, with what was said last', async () => {
  const page = await open(server);
  const session = runOf('Now write that into CHANGES.md', runs).session_id;
  const [told] = sondeJson('sessions', '--db', STORE, '--limit', '1000').filter((s) => s.session_id === session);
  await page.to('/sessions?since=all');
  const words = await within(5, 'the session', async () => {
    const text = await page.locator('main').innerText();
    return text.includes('has one line more') && text;
  });
  assert.ok(words.includes(cost(told)), cost(told));
  await page.finish();
});
