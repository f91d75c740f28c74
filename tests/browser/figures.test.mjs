// SPDX-License-Identifier: BSD-2-Clause
// Cost, Metrics, Agents, Tools, Health: the figures are those of the command line; groups, exports, links.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { cleanUp, open, serve, settled, sonde, sondeJson, STORE, storedRuns, within } from './harness.mjs';
import { cost, count, duration, usd } from './format.ts';

let server;
let runs;

before(async () => {
  server = await serve();
  runs = storedRuns();
});
after(cleanUp);

const main = (page) => page.locator('main');
const words = async (page) => (await main(page).innerText()).replace(/\s+/g, ' ');

async function says(page, ...texts) {
  for (const t of texts) await within(6, t, async () => (await words(page)).includes(t));
}

// What a row of a table is: the text of its cells.
async function row(page, label, first) {
  const tr = page.getByRole('region', { name: label, exact: true }).locator('tbody tr', { hasText: first }).first();
  await tr.waitFor();
  return tr.evaluate((r) => [...r.cells].map((c) => c.innerText.trim()));
}

test('cost by each group is what "sonde cost" adds up', async () => {
  const page = await open(server);
  for (const by of ['agent', 'model', 'provider', 'project', 'user']) {
    const told = sondeJson('cost', '--db', STORE, '--by', by, '--limit', '0');
    await page.to(`/cost?since=all&by=${by}`);
    for (const r of told.filter((x) => x[by]).slice(0, 8)) {
      const cells = await row(page, `Cost by ${by}`, r[by]);
      assert.ok(cells.includes(cost(r)), `${by} ${r[by]}: ${cost(r)} in ${cells}`);
      assert.ok(cells.includes(count(r.llm_calls)), `${by} ${r[by]}: ${r.llm_calls} calls in ${cells}`);
    }
  }
  await page.finish();
});

test('cost: total, plans apart, unpriced shares, forecast, conversations, dearest runs lead to their trace', async () => {
  const page = await open(server);
  const told = sondeJson('cost', '--db', STORE, '--by', 'model', '--limit', '0');
  const total = told.reduce((sum, r) => sum + (r.cost_usd ?? 0), 0);
  const plan = told.reduce((sum, r) => sum + (r.equivalent_usd ?? 0), 0);
  await page.to('/cost?since=all');
  await says(page, usd(total), `~${usd(plan)}`, 'Covered by plans', 'Saved by caches', 'at this pace', 'Most expensive conversations');
  const dearest = runs.toSorted((a, b) => (b.cost_usd ?? 0) - (a.cost_usd ?? 0))[0];
  await main(page).getByRole('link', { name: dearest.task.slice(0, 30) }).first().click();
  await within(5, 'its trace', async () => new URL(page.url()).pathname === `/run/${dearest.run_id}`);
  await settled(page);
  await page.finish();
});

test('cost by day: the bars are also a table', async () => {
  const page = await open(server);
  await page.to('/cost?since=all');
  const byDay = sondeJson('cost', '--db', STORE, '--by', 'day', '--limit', '0').filter((r) => r.cost_usd);
  const table = page.getByRole('region', { name: /^Cost by day, as a table/ });
  await table.waitFor({ state: 'attached' });
  const text = await table.evaluate((t) => t.textContent);
  for (const r of byDay.slice(0, 5)) assert.ok(text.includes(usd(r.cost_usd)), `${r.day}: ${usd(r.cost_usd)}`);
  await page.finish();
});

test('metrics: how many runs, how they ended, models, hours of the week', async () => {
  const page = await open(server);
  await page.to('/metrics?since=all');
  const failed = runs.filter((r) => r.status === 'failed').length;
  await says(page, count(runs.length), `${failed} runs`, 'gpt-5', 'First token', 'Hours of the week');
  const heat = await page.getByRole('region', { name: /Hours of the week/ }).or(page.locator('section[aria-label="Hours of the week"]')).first()
    .evaluate((s) => [...s.querySelectorAll('td .sr')].reduce((n, e) => n + Number(e.textContent), 0));
  const calls = runs.reduce((n, r) => n + (r.llm_calls ?? 0), 0);
  assert.equal(heat, calls);
  for (const bucket of ['day', 'week', 'month']) {
    await page.to(`/metrics?since=all&bucket=${bucket}`);
    await says(page, count(runs.length));
  }
  await page.finish();
});

test('agents: the runs, success and cost of each; a click filters', async () => {
  const page = await open(server);
  await page.to('/agents?since=all');
  for (const agent of ['claude-code', 'codex', 'openai-python']) {
    const own = runs.filter((r) => r.agent === agent);
    const text = await within(5, agent, async () => {
      const tr = main(page).locator('tr, article, li', { hasText: agent }).first();
      return (await tr.count()) && (await tr.innerText());
    });
    assert.match(text.replace(/\s+/g, ' '), new RegExp(`\\b${own.length}\\b`), `${agent}: ${own.length} runs`);
  }
  await main(page).getByRole('button', { name: 'codex', exact: true }).or(main(page).getByRole('link', { name: 'codex', exact: true })).first().click();
  await within(5, 'a filter', async () => /agent(:|%3A)codex/.test(page.url()));
  await page.finish();
});

test('tools: calls, failures, percentiles, repeats, offered but unused', async () => {
  const page = await open(server);
  const told = sondeJson('tools', '--db', STORE, '--limit', '0');
  await page.to('/tools?since=all');
  const bash = told.find((t) => t.tool === 'Bash' && t.agent === 'claude-code');
  const text = await within(5, 'Bash of claude-code', async () => {
    const tr = main(page).locator('tr', { hasText: 'Bash' }).filter({ hasText: 'claude-code' }).first();
    return (await tr.count()) && (await tr.innerText());
  });
  for (const t of [count(bash.calls), duration(bash.p95_seconds * 1e9)]) assert.ok(text.includes(t), `${t} in ${text}`);
  await says(page, 'WebSearch');
  await page.finish();
});

test('health: what was lost, what could not be told, versions', async () => {
  const page = await open(server);
  await page.to('/health?since=all');
  const [version] = /\d+\.\d+\.\d+/.exec(sonde('--version'));
  await says(page, version);
  await within(5, 'the losses', async () => /lost/i.test(await words(page)));
  await page.finish();
});

test('every table and chart can be exported, and cells are safe', async () => {
  const page = await open(server);
  for (const p of ['cost', 'metrics', 'tools', 'agents', 'health']) {
    await page.to(`/${p}?since=all`);
    const exports = main(page).locator('summary', { hasText: 'Export' });
    await exports.first().waitFor();
    await exports.first().click();
    const item = main(page).locator('details[open]').getByText('CSV', { exact: true });
    const [download] = await Promise.all([page.waitForEvent('download'), item.click()]);
    const text = readFileSync(await download.path(), 'utf8');
    assert.ok(text.split('\n').length > 1, `${p}: an empty file`);
    assert.ok(!/(^|,)"?[=+@]/m.test(text), `${p}: a cell that a spreadsheet would compute`);
  }
  await page.finish();
});
