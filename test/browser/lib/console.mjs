// The console in a real browser, as several people at once have it open.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { env, sign, sql } from '../../http/lib/client.mjs';

// Talks to nobody else; without its sandbox, which root does not have.
export async function startBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'userlock-browser-'));
  const browser = await puppeteer.launch({
    executablePath: execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim(),
    headless: true, userDataDir: profile, env: { ...process.env, HOME: profile },
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
  return {
    // A window of somebody's own, in a session of its own.
    async open(address, options) { return open(await browser.createBrowserContext(), address, options); },
    async stop() {
      await browser.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function open(context, address, { width = 1280, height = 900, language, zone, scheme, config, scale = 1 } = {}) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  // What a browser itself complains of, such as the policy or an exception.
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type()) && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  await page.setViewport({ width, height, deviceScaleFactor: scale });
  if (language) {
    await (await page.createCDPSession()).send('Emulation.setUserAgentOverride', { userAgent: await page.browser().userAgent(), acceptLanguage: language });
  }
  if (zone) await page.emulateTimezone(zone);
  if (scheme) await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  if (config) {
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/console/config.json') request.respond({ contentType: 'application/json', body: typeof config === 'string' ? config : JSON.stringify(config) });
      else request.continue();
    });
  }
  await page.goto(address);
  const named = (name, role) => `::-p-aria([name="${name.replace(/["\\]/g, '\\$&')}"]${role ? `[role="${role}"]` : ''})`;
  return {
    page,
    complaints,
    // Clicks, or fills, what has this accessible name.
    click: (name, role) => page.locator(named(name, role)).click(),
    async fill(name, text) {
      await page.locator(named(name)).fill(text);
      // Puppeteer does not say so where there is nothing left.
      if (text === '' && await page.$eval(named(name), (field) => field.tagName === 'INPUT')) await page.$eval(named(name), (field) => { field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true })); });
    },
    has: (name, role) => page.waitForSelector(named(name, role)),
    count: async (name, role) => (await page.$$(named(name, role))).length,
    // Until the text of the page, or of a part, says so.
    async says(text, selector = 'body') {
      const holds = ([wanted, where]) => [...document.querySelectorAll(where)].some((element) => element.innerText.includes(wanted));
      await page.waitForFunction(holds, {}, [text, selector]).catch(async (error) => {
        throw new Error(`${selector} does not say "${text}", but: ${await page.$$eval(selector, (all) => all.map((element) => element.innerText).join('\n')).catch(() => error)}`);
      });
    },
    text: (selector = 'body') => page.$eval(selector, (element) => element.innerText),
    texts: (selector) => page.$$eval(selector, (all) => all.map((element) => element.innerText.trim())),
    // The names of the buttons in sight.
    buttons: () => page.$$eval('main button', (all) => all.filter((button) => button.checkVisibility()).map((button) => button.getAttribute('aria-label') ?? button.innerText)),
    focused: () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? document.activeElement.id),
    async go(hash) { await page.evaluate((to) => { location.hash = to; }, hash); },
    close: () => context.close(),
  };
}

// A tenant of a test's own with an operator, and what belongs to it.
let count = 0;
export async function newTenant() {
  const tenant = `browser-${process.pid}-${++count}`;
  const operator = `support@${tenant}`;
  await sql(`SELECT userlock.register_user('${operator}', '${tenant}')`);
  const token = await sign({ role: 'operator', sub: operator, tenant, iat: Math.floor(Date.now() / 1000) });
  const literal = (value) => (value === undefined || value === null ? 'NULL' : `'${String(value).replaceAll("'", "''")}'`);
  // Plain SQL in somebody's name, who has no token.
  const callOf = (name, userId, { reason, until, actor = 'night-watch' } = {}) => `SELECT set_config('request.jwt.claims', ${literal(JSON.stringify({ sub: actor, tenant }))}, false);
    SELECT userlock.${name}(${literal(userId)}, reason => ${literal(reason)}, tenant => '${tenant}'${until ? `, until => now() + interval '${until}'` : ''});`;
  return {
    tenant, operator, token,
    call: (...of) => sql(callOf(...of)),
    address: (url = env.HTTP_URL, hash = '') => `${url}/console/${hash}#token=${token}`,
    // A token of another role or person of this tenant.
    tokenOf: (claims, options) => sign({ role: 'operator', sub: operator, tenant, iat: Math.floor(Date.now() / 1000), ...claims }, options),
    async user(userId, restriction, options, profile) {
      await sql(`SELECT userlock.register_user(${literal(userId)}, '${tenant}', ${literal(profile && JSON.stringify(profile))});
        ${restriction ? callOf(restriction, userId, options) : ''}`);
      return userId;
    },
    stateOf: (userId) => sql(`SELECT state FROM userlock_private.account WHERE tenant = '${tenant}' AND user_id = ${literal(userId)}`),
    lastEvent: (userId) => sql(`SELECT kind, actor, reason FROM userlock_private.event WHERE tenant = '${tenant}' AND user_id = ${literal(userId)} ORDER BY sequence DESC LIMIT 1`),
  };
}

export const consoleUrl = `${env.HTTP_URL}/console/`;
