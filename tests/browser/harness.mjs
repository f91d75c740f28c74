// SPDX-License-Identifier: BSD-2-Clause
// What every browser test needs: sonde's server over a store, a Chromium, pages that are watched, axe-core.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const SONDE = process.env.SONDE;
export const STORE = process.env.STORE;
export const SHOTS = join(process.env.BROWSER_DIR, 'shots');
export const ORDINARY = 65534; // the user id that serves
mkdirSync(SHOTS, { recursive: true });

const undone = [];

// Whatever a test file has started ends with it.
export async function cleanUp() {
  for (const f of undone.reverse()) await f();
}

export function scratch() {
  const dir = mkdtempSync(join(tmpdir(), 'sonde-browser-'));
  chmodSync(dir, 0o755);
  undone.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// --- the program ---

export function sonde(...args) {
  return execFileSync(SONDE, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
}

export function sondeJson(...args) {
  return sonde(...args, '--json')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

// The lines that a child says on stdout and stderr, until one matches.
export function lineOf(child, pattern, seconds = 30) {
  let said = '';
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`never said ${pattern}: ${said}`)), seconds * 1000);
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        said += `${line}\n`;
        const m = pattern.exec(line);
        if (m) {
          clearTimeout(late);
          resolve(m);
        }
      });
    child.on('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`ended with ${code}: ${said}`));
    });
  });
}

export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  undone.push(() => stop(child));
  return child;
}

// `sonde serve` as an ordinary user over a copy of the store: { url: what it printed, origin, child, store }
export async function serve({ store = STORE, options = [] } = {}) {
  const dir = scratch();
  const copy = join(dir, 'sonde.db');
  const program = join(dir, 'sonde');
  copyFileSync(store, copy);
  copyFileSync(SONDE, program);
  chmodSync(program, 0o755);
  for (const path of [dir, copy]) chownSync(path, ORDINARY, ORDINARY);
  const child = start(program, ['serve', '--db', copy, '--listen', '127.0.0.1:0', ...options], {
    uid: ORDINARY,
    gid: ORDINARY,
    env: { PATH: process.env.PATH, HOME: dir, TMPDIR: dir, LANG: 'C.UTF-8' },
  });
  const [url] = await lineOf(child, /https?:\/\/[^\s]+/);
  return { url, origin: new URL(url).origin, child, store: copy, dir };
}

// --- the browser ---

let shared;

export async function browser() {
  if (!shared) {
    shared = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
    });
    undone.push(() => shared.close());
  }
  return shared;
}

// What a page must never do; @seen: where it is written down.
function watch(page, origin, seen) {
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') seen.console.push(`${m.text()} ${m.location().url}`);
  });
  page.on('pageerror', (e) => seen.console.push(String(e.stack ?? e)));
  page.on('dialog', (d) => {
    seen.dialogs.push(d.message());
    d.dismiss().catch(() => {});
  });
  page.on('request', (r) => {
    const url = new URL(r.url());
    seen.requests.push(url);
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== origin) seen.elsewhere.push(r.url());
  });
}

/*
 * A page that is logged in at @server: with its own storage; after use(), finish() shows what went wrong: errors on the
 * console, requests to elsewhere, dialogs, script that came from data.
 */
export async function open(server, { width = 1280, height = 800, dark = false } = {}) {
  const context = await (await browser()).newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  const seen = { console: [], dialogs: [], requests: [], elsewhere: [] };
  watch(page, server.origin, seen);
  if (server.cookies) await context.addCookies(server.cookies);
  else {
    await page.goto(server.url);
    server.cookies = await context.cookies(); // the code in the URL works once
  }
  page.seen = seen;
  page.origin = server.origin;
  page.to = async (path) => {
    await page.goto(server.origin + path);
    await settled(page);
  };
  page.finish = async ({ allow = [] } = {}) => {
    const xss = await page.evaluate(() => window.__xss ?? null).catch(() => null);
    await context.close();
    const errors = seen.console.filter((line) => !allow.some((a) => a.test(line)));
    assert.deepEqual({ errors, dialogs: seen.dialogs, elsewhere: seen.elsewhere, xss }, { errors: [], dialogs: [], elsewhere: [], xss: null });
  };
  return page;
}

// Nothing is loading any more. A live stream never ends, so the network is not asked; the page's Content-Security-Policy
// does not let Playwright's own waiting evaluate.
export async function settled(page) {
  await within(10, `${page.url()} is there`, () =>
    page.evaluate(() => !!document.querySelector('main')?.textContent.trim() && !document.querySelector('main [aria-busy="true"]')).catch(() => false),
  );
}

export async function shot(page, name) {
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: false });
}

// Findings of axe-core that are serious or worse.
export async function axe(page) {
  // Through the debugger, which the page's Content-Security-Policy does not hold.
  await page.evaluate(AXE);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations
    .filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').split('\n').slice(1, 2).join('').trim()).join(' | ')}`);
}

// How far the page is wider than the window.
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

// The API's answer, as the page would get it.
export async function api(page, path) {
  const r = await page.context().request.get(`${page.origin}/api/v1/${path}`);
  return r.ok() ? r.json() : { status: r.status(), ...(await r.json().catch(() => ({}))) };
}

export async function within(seconds, what, condition) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

// --- what is in the store ---

// Runs as the command line tells them, newest first.
export function storedRuns(...options) {
  return sondeJson('runs', '--db', STORE, '--limit', '1000', ...options);
}

export function runOf(task, runs = storedRuns()) {
  const found = runs.find((r) => (r.task ?? r.command ?? '').includes(task));
  assert.ok(found, `no run of the task "${task}"`);
  return found;
}

// The pages that the menu has, and the views of a run.
export const PAGES = ['runs', 'live', 'traces', 'sessions', 'agents', 'tools', 'cost', 'metrics', 'health'];
export const RUN_VIEWS = ['steps', 'conversation', 'timeline', 'flow', 'system', 'assurance', 'artifacts', 'cost'];
