// SPDX-License-Identifier: BSD-2-Clause
// What web.sh measures: the API's answers, the first paint of the runs page, and a long run that is opened and scrolled.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { browser, cleanUp, SONDE, STORE, start, lineOf } from './harness.mjs';

const LONG = process.env.LONG;
const API_MS = 50;
const PAINT_MS = 1000;
const FRAME_MS = 1000 / 60;
const TIMES = Number(process.env.TIMES ?? 40);

let bad = 0;
function told(name, value, limit, more = '') {
  const over = value > limit;
  bad += over;
  console.log(`${name.padEnd(44)} ${value.toFixed(1).padStart(8)} ms${more}${over ? `   more than ${limit.toFixed(0)}` : ''}`);
}

// Seconds that a process has computed: what a busy machine does not make longer.
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));
function computed(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

const percentile = (list, p) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.ceil((p / 100) * list.length) - 1)];

async function serve(db) {
  const child = start(SONDE, ['serve', '--db', db, '--listen', '127.0.0.1:0']);
  const [url] = await lineOf(child, /https?:\/\/[^\s]+/);
  const { origin } = new URL(url);
  const answer = await fetch(url, { redirect: 'manual' });
  const [name, value] = answer.headers.get('set-cookie').split(';')[0].split('=');
  return { origin, pid: child.pid, cookies: [{ name, value, url: origin }], headers: { Cookie: `${name}=${value}` } };
}

// --- the API ---

// Chance, the same each time.
let state = 88172645463325252n;
function chance(below) {
  state ^= (state << 13n) & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= (state << 17n) & 0xffffffffffffffffn;
  return Number((state >> 11n) % BigInt(below));
}
const one = (list) => list[chance(list.length)];

const agents = ['claude-code', 'codex', 'gemini-cli', 'copilot', 'script.py', 'opencode'];
const models = ['claude-sonnet-4-5', 'gpt-5.5', 'gemini-3-pro', 'claude-haiku-4-5', 'gpt-5-mini', 'glm-5'];
const providers = ['anthropic', 'openai', 'gcp.gemini', 'zai'];
const tools = ['Bash', 'Read', 'Edit', 'Grep', 'Write', 'Glob', 'Task', 'WebFetch', 'TodoWrite', 'NotebookEdit'];
const words = ['fix', 'the', 'parser', 'tests', 'release', 'docs', 'refactor', 'login', 'cache', 'deploy'];

// As tests/bench/store.c makes them.
const filters = {
  'no filter': () => '',
  agent: () => `agent:${one(agents)}`,
  model: () => `model:${one(models)}`,
  provider: () => `provider:${one(providers)}`,
  status: () => `status:${one(['failed', 'completed', 'cancelled', 'running'])}`,
  tool: () => `tool:${one(tools)}`,
  user: () => `user:${one(['alice', 'bob'])}`,
  project: () => `project:/proj/project-${chance(40)}`,
  trigger: () => `trigger:${one(['terminal', 'cron'])}`,
  workflow: () => `workflow:${one(['nightly', '"claude-code in /proj"'])}`,
  words: () => `${one(words)}${chance(40)}`,
};

function questions(from, to) {
  const until = () => new Date((from + (to - from) * (0.1 + (chance(1000) / 1000) * 0.9)) / 1e6).toISOString().slice(0, 16) + 'Z';
  const out = {};
  const ask = (path, query) => `${path}?${new URLSearchParams(Object.fromEntries(Object.entries(query).filter(([, v]) => v !== '')))}`;
  for (const [name, filter] of Object.entries(filters)) {
    out[`runs, ${name}`] = () => ask('runs', { filter: filter(), until: until(), limit: 100 });
    out[`counts of runs, ${name}`] = () => ask('runs/counts', { filter: filter(), until: until() });
    out[`spans, ${name}`] = () => ask('spans', { filter: filter(), until: until(), limit: 100 });
  }
  // A month that ends somewhere in a day, as pages ask; and all of it.
  const month = () => {
    const end = Date.parse(until());
    return { since: new Date(end - 30 * 86400e3).toISOString(), until: new Date(end).toISOString() };
  };
  for (const [name, time] of [['a month', month], ['any time', () => ({})]]) {
    for (const by of ['agent', 'model', 'provider', 'project', 'user', 'day']) out[`cost by ${by}, ${name}`] = () => ask('cost', { by, ...time() });
    out[`agents, ${name}`] = () => ask('agents', time());
    out[`tools, ${name}`] = () => ask('tools', time());
  }
  for (const bucket of ['hour', 'day', 'week']) out[`metrics by ${bucket}, a month`] = () => ask('metrics', { bucket, ...month() });
  out.sessions = () => ask('sessions', { until: until(), limit: 100 });
  return out;
}

async function ask(server, path) {
  const began = performance.now();
  const answer = await fetch(`${server.origin}/api/v1/${path}`, { headers: server.headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`);
  return { ms: performance.now() - began, text };
}

async function askAll(server) {
  const newest = JSON.parse((await ask(server, 'runs?limit=1')).text).items[0].start_time_unix_nano;
  const oldest = JSON.parse((await ask(server, 'runs?limit=1&sort=start&order=asc')).text).items[0].start_time_unix_nano;
  for (const [name, question] of Object.entries(questions(oldest, newest))) {
    if (process.argv[2] && !name.includes(process.argv[2])) continue;
    const times = [];
    const before = computed(server.pid);
    try {
      for (let i = 0; i < TIMES; i++) times.push((await ask(server, question())).ms);
      const each = (1000 * (computed(server.pid) - before)) / TIMES;
      told(`${name}, p95`, percentile(times, 95), API_MS, `  (median ${percentile(times, 50).toFixed(1)}, computing ${each.toFixed(1)})`);
    } catch (e) {
      bad++;
      console.log(`${name}: ${e.message.trim()}`);
    }
  }
}

// --- pages ---

// When @selector is first there, in ms since the page was asked for.
async function firstSeen(page, url, selector) {
  await page.addInitScript((s) => {
    const look = () => {
      if (document.querySelector(s)) requestAnimationFrame(() => (window.__seen ??= performance.now()));
      else setTimeout(look, 5);
    };
    look();
  }, selector);
  await page.goto(url);
  for (;;) {
    const seen = await page.evaluate(() => window.__seen);
    if (seen) return seen;
    await new Promise((r) => setTimeout(r, 20));
  }
}

async function newPage(server) {
  const context = await (await browser()).newContext({ viewport: { width: 1280, height: 800 } });
  await context.addCookies(server.cookies);
  return context.newPage();
}

async function opens(server, path, selector, name) {
  const times = [];
  for (let i = 0; i < 5; i++) {
    const page = await newPage(server); // an empty cache
    times.push(await firstSeen(page, server.origin + path, selector));
    await page.context().close();
  }
  told(`${name}, median of 5`, percentile(times, 50), PAINT_MS);
}

async function scrolls(server, path) {
  const page = await newPage(server);
  await firstSeen(page, server.origin + path, '[role=treeitem]');
  const frames = await page.evaluate(async () => {
    let box = document.querySelector('[role=treeitem]');
    while (box && !(box.scrollHeight > box.clientHeight + 10 && /auto|scroll/.test(getComputedStyle(box).overflowY))) box = box.parentElement;
    box ??= document.scrollingElement;
    const list = [];
    let last = await new Promise(requestAnimationFrame);
    while (list.length < 240) {
      box.scrollTop += 300;
      const now = await new Promise(requestAnimationFrame);
      list.push(now - last);
      last = now;
    }
    return { list, at: box.scrollTop, empty: document.querySelectorAll('[role=treeitem]').length };
  });
  await page.context().close();
  if (frames.at < 10000 || !frames.empty) throw new Error(`it did not scroll: ${frames.at} px`);
  told('scrolling 10,000 steps: a frame, median', percentile(frames.list, 50), FRAME_MS * 1.1);
  told('scrolling 10,000 steps: a frame, p95', percentile(frames.list, 95), FRAME_MS * 2.1);
}

try {
  const server = await serve(STORE);
  await askAll(server);
  await opens(server, '/runs?since=all', 'main tbody tr[data-row]', 'runs page, rows are there');
  const long = await serve(LONG);
  const run = JSON.parse((await ask(long, 'runs?limit=1')).text).items[0].run_id;
  const steps = JSON.parse((await ask(long, `runs/${run}/steps`)).text);
  console.log(`a run of ${steps.total} steps`);
  await opens(long, `/run/${run}`, '[role=treeitem]', 'its page, steps are there');
  await scrolls(long, `/run/${run}`);
} finally {
  await cleanUp();
}
process.exit(bad ? 1 : 0);
