// SPDX-License-Identifier: BSD-2-Clause
// The page of a run: header, tree of steps, details, and its views; what they show is what the command line says.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, cleanUp, open, runOf, serve, settled, shot, sondeJson, STORE, storedRuns, within } from './harness.mjs';
import { cost, count, duration } from './format.ts';

let server;
let runs;
let fix; // of the agent that fixes tests: tools, files, reasoning, a failure

before(async () => {
  server = await serve();
  runs = storedRuns();
  fix = runs.find((r) => r.task === 'fix the failing tests of the parser' && r.models.includes('claude-sonnet-4-5'));
});
after(cleanUp);

const spansOf = (run) => sondeJson('spans', '--db', STORE, '--content', '--limit', '0').filter((s) => s.trace_id === run.run_id);
const tree = (page) => page.getByRole('tree', { name: 'Steps' });
const rows = (page) => tree(page).getByRole('treeitem');
const detail = (page) => page.locator('#step-detail');
const main = (page) => page.locator('main');

async function view(page, run, name, extra = '') {
  await page.to(`/run/${run.run_id}?view=${name}${extra}`);
}

test('header: status, id, agent, tokens, cost, duration, as "sonde show" has them', async () => {
  const page = await open(server);
  await view(page, fix, 'steps');
  const words = (await main(page).innerText()).replace(/\s+/g, ' ');
  for (const text of [fix.task, 'Completed', fix.run_id.slice(0, 8), 'claude-code', 'claude-sonnet-4-5', count(fix.usage.input_tokens),
    count(fix.usage.output_tokens), count(fix.usage.cache_read_input_tokens), cost(fix), duration(fix.end_time_unix_nano - fix.start_time_unix_nano)])
    assert.ok(words.includes(text), text);
  assert.match(words, /could have changed/, 'that the agent could have written the store');
  await page.finish();
});

test('steps: every span is in the tree, at its place; failed ones say so', async () => {
  const page = await open(server, { height: 2400 });
  await view(page, fix, 'steps');
  const all = page.getByRole('checkbox', { name: /All steps/ });
  if (await all.count()) await all.check();
  const spans = spansOf(fix);
  const seen = await within(5, 'the tree', async () => {
    const ids = await rows(page).evaluateAll((list) => list.map((e) => [e.id.replace(/^step-/, ''), Number(e.getAttribute('aria-level'))]));
    return ids.length >= spans.length && new Map(ids);
  });
  const parent = new Map(spans.map((s) => [s.span_id, s.parent_span_id]));
  for (const s of spans) {
    assert.ok(seen.has(s.span_id), `${s.name} ${s.span_id}`);
    if (s.parent_span_id && parent.has(s.parent_span_id)) assert.ok(seen.get(s.span_id) > seen.get(s.parent_span_id), `${s.name} is below its parent`);
  }
  const failed = spans.filter((s) => s.attributes['sonde.step.kind'] === 'tool' && s.status.code === 'ERROR');
  assert.ok(failed.length);
  for (const s of failed) assert.match(await page.locator(`[id="step-${s.span_id}"]`).getAttribute('class'), /bad/);
  await page.finish();
});

test('a step: arguments and result, attributes, evidence, raw; the URL has it, and shows it again', async () => {
  const page = await open(server);
  const tool = spansOf(fix)
    .filter((s) => s.attributes['gen_ai.tool.name'] === 'Bash')
    .sort((a, b) => a.start_time_unix_nano - b.start_time_unix_nano)[0];
  await view(page, fix, 'steps');
  await page.locator(`[id="step-${tool.span_id}"]`).click();
  await within(5, 'the step in the URL', async () => new URL(page.url()).searchParams.get('step') === tool.span_id);
  const command = JSON.parse(tool.attributes['gen_ai.tool.call.arguments']).command;
  await within(5, 'the arguments', async () => (await detail(page).innerText()).includes(command.slice(0, 20)));
  await detail(page).getByRole('tab', { name: /Result/ }).or(detail(page).getByText('root')).first().waitFor();
  await detail(page).getByRole('tab', { name: 'Attributes' }).click();
  await within(5, 'attributes', async () => (await detail(page).innerText()).includes('gen_ai.tool.name'));
  await detail(page).getByRole('tab', { name: 'Evidence' }).click();
  await within(5, 'evidence', async () => /\w{4}/.test(await detail(page).innerText()));
  await page.reload();
  await settled(page);
  await within(5, 'the same step', async () => (await page.locator(`[id="step-${tool.span_id}"]`).getAttribute('aria-selected')) === 'true');
  await page.finish();
});

test('a model call: input, output, tokens, and what is new since the call before', async () => {
  const page = await open(server);
  const calls = spansOf(fix).filter((s) => s.attributes['sonde.step.kind'] === 'llm').sort((a, b) => a.start_time_unix_nano - b.start_time_unix_nano);
  await view(page, fix, 'steps', `&step=${calls[1].span_id}`);
  await within(5, 'what was said', async () => (await detail(page).innerText()).includes('Now I write the test.'));
  const changes = detail(page).getByText(/request before|since the (call|request)|Changes|Difference/i).first();
  await changes.waitFor();
  await page.finish();
});

test('keys: j k walk, e l t jump to the next error, model call, tool', async () => {
  const page = await open(server);
  await view(page, fix, 'steps');
  const kind = async () => {
    const id = new URL(page.url()).searchParams.get('step');
    return id && (await api(page, `runs/${fix.run_id}/spans/${id}`)).attributes?.['sonde.step.kind'];
  };
  await page.keyboard.press('l');
  await within(5, 'a model call', async () => (await kind()) === 'llm');
  await page.keyboard.press('t');
  await within(5, 'a tool', async () => ['tool', 'mcp'].includes(await kind()));
  const at = new URL(page.url()).searchParams.get('step');
  await page.keyboard.press('j');
  await within(5, 'the next step', async () => new URL(page.url()).searchParams.get('step') !== at);
  await page.keyboard.press('k');
  await within(5, 'the step before', async () => new URL(page.url()).searchParams.get('step') === at);
  await page.keyboard.press('e');
  await within(5, 'an error', async () => /bad/.test(await rows(page).and(page.locator('[aria-selected=true]')).getAttribute('class')));
  await page.finish();
});

test('conversation: bubbles, markdown with code and a table, tools, folded reasoning; it leads to the step', async () => {
  const page = await open(server);
  await view(page, fix, 'conversation');
  await main(page).getByRole('heading', { name: 'What was wrong' }).first().waitFor();
  assert.ok((await main(page).locator('table').count()) > 0, 'a table');
  assert.ok((await main(page).locator('pre code, pre').count()) > 0, 'code');
  const words = await main(page).innerText();
  for (const text of [fix.task, 'I look at the files first.', 'Bash']) assert.ok(words.includes(text), text);
  const thought = main(page).getByText('The head has to end somewhere');
  assert.equal(await thought.filter({ visible: true }).count(), 0, 'reasoning is folded');
  await main(page).getByText('Reasoning', { exact: true }).first().click();
  await thought.first().waitFor();
  await main(page).getByRole('link', { name: /open (its )?step/i }).first().click();
  await within(5, 'its step', async () => new URL(page.url()).searchParams.get('step'));
  await page.finish();
});

const drawn = (image) => image.evaluate((i) => [i.complete, i.naturalWidth, i.naturalHeight].join());

test('conversation: an image that was sent is drawn, and in full size when it is asked for', async () => {
  const page = await open(server);
  await view(page, runOf('what is in this picture?', runs), 'conversation');
  const image = main(page).getByRole('img', { name: /image\/png, \d/ }).first();
  await within(8, 'the picture', async () => (await drawn(image)) === 'true,64,48');
  assert.match(await image.getAttribute('src'), /\/api\/v1\/blobs\/[0-9a-f]{32}$/);
  assert.ok((await main(page).innerText()).includes('coloured stripes'));
  await main(page).getByRole('button', { name: /full size|image\/png/ }).first().click();
  const dialog = page.getByRole('dialog', { name: /image\/png/ });
  await within(5, 'the picture alone', async () => (await drawn(dialog.getByRole('img'))) === 'true,64,48');
  await shot(page, 'picture');
  await page.keyboard.press('Escape');
  await within(5, 'it is closed', async () => (await dialog.count()) === 0);
  await page.finish();
});

test('conversation: what claims to be a picture and is none is not drawn, and runs nothing', async () => {
  const page = await open(server);
  await view(page, runOf('what is in this picture that is none?', runs), 'conversation');
  await main(page).getByText(/no picture or document/).first().waitFor();
  assert.equal(await main(page).getByRole('img', { name: /image/ }).count(), 0);
  assert.equal(await page.evaluate(() => window.__xss), undefined);
  await page.finish();
});

test('timeline: a bar for each step, and where the time went', async () => {
  const page = await open(server);
  await view(page, fix, 'timeline');
  await within(5, 'the budget', async () => /model/i.test(await main(page).innerText()) && /idle/i.test(await main(page).innerText()));
  await shot(page, 'timeline-whole');
  await page.finish();
});

test('flow: agents, models and tools, with their figures', async () => {
  const page = await open(server);
  await view(page, fix, 'flow');
  await within(5, 'the nodes', async () => {
    const text = await main(page).evaluate((m) => m.textContent);
    return ['claude-code', 'claude-sonnet-4-5', 'Bash', 'Write'].every((t) => text.includes(t));
  });
  await page.finish();
});

test('system: commands, files, exit statuses; what no tool call explains is flagged', async () => {
  const page = await open(server);
  const run = runOf('fix the failing tests of the other parser', runs);
  await view(page, run, 'system');
  await within(5, 'the commands', async () => /uname -a/.test(await main(page).innerText()));
  const words = await main(page).innerText();
  assert.match(words, /test_head\.py/);
  assert.match(words, /no tool call explains|unexplained/i);
  await page.finish();
});

test('assurance: what was denied, and that nothing confines the agent', async () => {
  const page = await open(server);
  await view(page, runOf('fetch what the rules forbid', runs), 'assurance');
  await within(5, 'the denial', async () => /127\.0\.0\.9/.test(await main(page).innerText()));
  assert.match(await main(page).innerText(), /deny \*/);
  await page.finish();
});

test('artifacts: text, code and markdown with hash and size, or why it was not kept; a page that was written is inert', async () => {
  const page = await open(server);
  await view(page, fix, 'artifacts');
  const listed = (await api(page, `runs/${fix.run_id}/artifacts`)).items;
  for (const [name, shown] of [['test_head.py', 'def test_head'], ['report.md', 'What was wrong'], ['page.html', 'window.__xss'], ['chart.png', 'Download']]) {
    const a = listed.find((x) => x.path.endsWith(name));
    assert.ok(a?.sha256 && (a.blob || a.reason), name);
    await main(page).getByText(name).first().click();
    await within(8, name, async () => {
      const text = await main(page).innerText();
      return text.includes(a.sha256.slice(0, 8)) && text.includes(shown);
    });
  }
  const chart = main(page).getByRole('img', { name: /chart\.png/ });
  await within(8, 'the chart', async () => (await drawn(chart)) === 'true,48,32');
  await page.finish();
});

test('cost: by model, the dearest steps; a model without a price is said', async () => {
  const page = await open(server);
  await view(page, fix, 'cost');
  await within(5, 'the cost', async () => (await main(page).innerText()).includes(cost(fix)));
  await view(page, runOf('without a price', runs), 'cost');
  await within(5, 'unpriced', async () => /unpriced|no price/i.test(await main(page).innerText()));
  await page.finish();
});

test('sub-agents are in the tree, with their own calls', async () => {
  const page = await open(server, { height: 2000 });
  const run = runOf('MAIN-TASK', runs);
  await view(page, run, 'steps');
  await within(5, 'two sub-agents', async () => (await rows(page).filter({ hasText: 'PART-' }).count()) >= 2);
  const agents = spansOf(run).filter((s) => s.attributes['sonde.step.kind'] === 'agent');
  assert.equal(agents.length, 3);
  for (const s of agents) await page.locator(`[id="step-${s.span_id}"]`).waitFor();
  await page.finish();
});

test('what was lost stands on its step, and on the run', async () => {
  const page = await open(server);
  const run = runs.find((r) => r.lost_bytes);
  await view(page, run, 'steps');
  await within(5, 'the loss', async () => /lost 60 B/.test(await tree(page).innerText()));
  assert.match(await main(page).innerText(), /not captured/);
  await page.finish();
});

test('similar runs are listed beside', async () => {
  const page = await open(server);
  await view(page, fix, 'steps');
  const similar = (await api(page, `runs/${fix.run_id}/similar`)).items;
  assert.ok(similar.length >= 2);
  await main(page).getByText(/similar/i).first().waitFor();
  await page.finish();
});

test('export of one run: an HTML page, and NDJSON with each of its spans', async () => {
  const page = await open(server);
  await view(page, fix, 'steps');
  await main(page).locator('summary', { hasText: 'Export' }).first().click();
  const hrefs = await main(page).getByRole('link', { name: /NDJSON|HTML/ }).evaluateAll((l) => l.map((a) => a.href));
  assert.ok(hrefs.length >= 2);
  const texts = await page.evaluate((list) => Promise.all(list.map(async (h) => (await fetch(h)).text())), hrefs);
  assert.deepEqual(texts.filter((t) => t.startsWith('{"error"')), []);
  const lines = texts.find((t) => t.startsWith('{')).trim().split('\n').map((l) => JSON.parse(l)).filter((l) => l.span_id);
  assert.deepEqual(new Set(lines.map((l) => l.span_id)), new Set(spansOf(fix).map((s) => s.span_id)));
  assert.match(texts.find((t) => !t.startsWith('{')), /<!doctype html>/i);
  await page.finish();
});

test('a run that is not there is said', async () => {
  const page = await open(server);
  await page.goto(`${server.origin}/run/ffffffffffffffffffffffffffffffff`);
  await main(page).getByRole('alert').waitFor();
  await page.finish({ allow: [/404/] });
});
