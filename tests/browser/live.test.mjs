// SPDX-License-Identifier: BSD-2-Clause
// A daemon, an agent that works for a while, and who watches: Live, the list of runs, the page of the run. LIVE_SECONDS: for
// how long the agent works.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { api, axe, cleanUp, open, overflow, scratch, settled, shot, SONDE, start, within } from './harness.mjs';

const SECONDS = Number(process.env.LIVE_SECONDS ?? 30);
const here = process.env.BROWSER_TESTS;
let dir;
let server;
let agent; // live.sh
let heard = []; // what it said

before(async () => {
  dir = scratch();
  agent = start(join(here, 'live.sh'), [String(SECONDS)], { stdio: ['pipe', 'pipe', 'inherit'] });
  createInterface({ input: agent.stdout }).on('line', (l) => heard.push(l));
  const pid = await within(60, 'the agent is ready', () => heard.find((l) => l.startsWith('ready'))?.split(' ')[1]);
  const config = join(dir, 'sonde.conf');
  const socket = join(dir, 'run', 'sonde.sock');
  writeFileSync(config, `[daemon]\nstore = ${join(dir, 'store', 'sonde.db')}\nuser = nobody\ncontent = full\nsocket = ${socket}\n[api]\nlisten = 127.0.0.1:0\n`);
  const env = { ...process.env, SONDE_SOCKET: socket };
  delete env.SONDE_DB;
  const daemon = start(SONDE, ['daemon', '--config', config, '--pid', pid], { env });
  const said = [];
  createInterface({ input: daemon.stderr }).on('line', (l) => said.push(l));
  await within(60, 'the daemon is ready', () => said.some((l) => /^ready/.test(l)) || (daemon.exitCode !== null && Promise.reject(new Error(said.join('\n')))));
  const url = execFileSync(SONDE, ['open'], { env, encoding: 'utf8' }).trim().split('\n').at(-1);
  server = { url, origin: new URL(url).origin, child: daemon };
});
after(cleanUp);

let runs = 0;

// Starts a run; its number.
function go() {
  agent.stdin.write('go\n');
  return ++runs;
}
const main = (page) => page.locator('main');
const text = async (page) => main(page).innerText();

test('a run appears, streams and ends, on the page of live runs, in the list and on its own page, without a reload', async () => {
  const watcher = await open(server);
  await watcher.to('/live');
  const list = await open(server);
  await list.to('/runs');
  for (const p of [watcher, list]) await p.evaluate(() => (window.__notReloaded = true));
  go();

  // It begins: on both pages by itself.
  await within(15, 'the run on the page of live runs', async () => /watch me at work, number 1/.test(await text(watcher)));
  await within(15, 'the run in the list', async () => /watch me at work, number 1/.test(await text(list)));
  const run = (await api(list, 'runs?limit=1')).items[0];
  assert.equal(run.status, 'running');
  await within(10, 'its badge', async () => /Running/.test(await text(list)));

  // Reasoning, text, tools as they come.
  await within(SECONDS, 'reasoning as it streams', async () => /Thought \d+: one thing/.test(await text(watcher)));
  await shot(watcher, 'live-reasoning');
  const page = await open(server);
  await page.to(`/run/${run.run_id}`);
  await page.evaluate(() => (window.__notReloaded = true));
  await within(SECONDS, 'text as it streams', async () => /This is sentence \d+/.test(await text(watcher)));
  await shot(watcher, 'live-text');
  assert.deepEqual(await axe(watcher), []);
  await within(SECONDS, 'a tool', async () => /Bash/.test(await text(watcher)));
  assert.doesNotMatch(await text(watcher), /undefined/); // a part's last piece may be empty
  await within(SECONDS, 'the tool in the tree', async () => (await page.getByRole('treeitem').filter({ hasText: 'Bash' }).count()) > 0);
  const early = await page.getByRole('treeitem').count();
  await shot(page, 'run-live');
  await watcher.setViewportSize({ width: 390, height: 844 });
  assert.equal(await overflow(watcher), 0);
  await shot(watcher, 'live-390');
  await within(SECONDS, 'the failed tool', async () => (await page.getByRole('treeitem').filter({ hasText: /exit 3|failed/ }).count()) > 0);

  // It ends: everywhere, by itself, and the page has the whole trace.
  await within(SECONDS + 20, 'the end on its page', async () => /Completed/.test(await text(page)));
  await within(10, 'the end in the list', async () => /Completed/.test(await text(list)));
  await within(10, 'the end on the page of live runs', async () => /Completed|no run|nothing runs/i.test(await text(watcher)));
  assert.ok((await page.getByRole('treeitem').count()) > early);
  const told = await api(page, `runs/${run.run_id}/steps`);
  await within(10, 'the whole trace', async () => {
    const ids = new Set(await page.getByRole('treeitem').evaluateAll((l) => l.map((e) => e.id.replace(/^step-/, ''))));
    return told.steps.filter((s) => ['llm', 'tool'].includes(s.kind)).every((s) => ids.has(s.step_id));
  });
  for (const p of [watcher, list, page]) {
    assert.equal(await p.evaluate(() => window.__notReloaded), true, 'the page was loaded again');
    await p.finish();
  }
});

test('a run is stopped by its owner, who is asked first', async () => {
  const page = await open(server);
  await page.to('/live');
  const mine = `number ${go()}`;
  await within(15, 'the run', async () => (await text(page)).includes(mine));
  const run = await within(10, 'it is stored', async () => {
    const [newest] = (await api(page, 'runs?limit=1')).items;
    return newest?.task?.includes(mine) && newest;
  });
  await page.to(`/run/${run.run_id}`);
  const me = await api(page, 'me');
  assert.ok(me.daemon && me.rights.includes('write'), JSON.stringify(me));
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop the run' }).click();
  await within(20, 'its end', async () => /Cancelled|Failed/.test(await text(page)));
  await shot(page, 'run-stopped');
  await settled(page);
  await page.finish();
});

test('every page over the daemon', async () => {
  const page = await open(server);
  for (const p of ['runs', 'live', 'traces', 'sessions', 'agents', 'tools', 'cost', 'metrics', 'health']) {
    await page.to(`/${p}`);
    assert.equal(await main(page).getByRole('alert').count(), 0, p);
  }
  await page.finish();
});
