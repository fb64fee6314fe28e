// How many are in which state, what happens in an hour, and what was refused.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { sql } from '../http/lib/client.mjs';
import { consoleUrl, newTenant, startBrowser } from './lib/console.mjs';

let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser.stop());

const figures = (page) => page.$$eval('.figures > div', (all) => Object.fromEntries(all.map((figure) => [figure.querySelector('dt').textContent, figure.querySelector('dd').textContent])));

test('users by state, events an hour and refusals are shown, and renewed without reloading', async () => {
  const tenant = await newTenant();
  await tenant.user('a', 'lock_user');
  await tenant.user('b', 'block_user');
  await tenant.call('lock_user', 'b');
  await sql(`SELECT userlock.record_login_failure('a', '${tenant.tenant}')`);
  const { page, says, go, close, complaints } = await browser.open(tenant.address(), { config: { refresh: 1 } });
  await says('Signed in as');
  await go('#/numbers');
  await says('Users by state');
  const shown = await figures(page);
  assert.deepEqual(await page.$$eval('section:first-child dd', (all) => all.map((figure) => figure.textContent)), ['1', '1', '0', '1']);
  assert.equal(shown.Registered, '3');
  assert.equal(shown['Refused, because there was one'], '1');
  assert.match(await page.$eval('svg.chart', (chart) => chart.getAttribute('aria-label')), /In all 6 events/);
  assert.ok((await page.$$('svg.chart rect')).length >= 2);
  await page.evaluate(() => { window.stayed = true; });
  await tenant.user('c', 'block_user');
  await page.waitForFunction(() => /In all 8 events/.test(document.querySelector('svg.chart').getAttribute('aria-label')));
  assert.equal(await page.evaluate(() => window.stayed), true);
  assert.deepEqual(complaints, []);
  await close();
});

test('the chart is a table as well, and stays open when it is renewed', async () => {
  const tenant = await newTenant();
  await tenant.user('a', 'lock_user');
  const { page, says, go, close } = await browser.open(tenant.address(), { config: { refresh: 1 } });
  await says('Signed in as');
  await go('#/numbers');
  await page.locator('summary').click();
  await tenant.call('unlock_user', 'a');
  await page.waitForFunction(() => document.querySelector('details[open] tbody td:nth-child(3)')?.textContent === '1');
  assert.deepEqual(await page.$$eval('details tbody tr:first-child td', (cells) => cells.map((cell) => cell.textContent)), ['1', '1', '2']);
  await close();
});

test('of several tenants one is shown, or all', async () => {
  const [tenant, other] = [await newTenant(), await newTenant()];
  await tenant.user('a', 'lock_user');
  await other.user('b', 'lock_user');
  const { page, says, go, fill, close } = await browser.open(`${consoleUrl}#token=${await tenant.tokenOf({ tenants: [other.tenant] })}`);
  await says('Signed in as');
  await go('#/numbers');
  const locked = (n) => page.waitForFunction((wanted) => [...document.querySelectorAll('.figures .locked dd')][0]?.textContent === wanted, {}, n);
  await locked('1');
  await fill('Tenant', '');
  await locked('2');
  await close();
});

test('failed logins are those of the last refresh, and say so', async () => {
  const tenant = await newTenant();
  await tenant.user('a', 'lock_user');
  await sql(`SELECT userlock.record_login_failure('a', '${tenant.tenant}')`);
  await sql('SELECT userlock.refresh_statistics()');
  try {
    await sql(`SELECT userlock.record_login_failure('a', '${tenant.tenant}')`);
    await tenant.user('b');
    const { page, says, go, close } = await browser.open(tenant.address());
    await says('Signed in as');
    await go('#/numbers');
    await says('Failed logins since');
    assert.equal((await figures(page))['Refused, because there was one'], '1');
    assert.match(await page.$eval('section:last-child p', (line) => line.textContent), /^As of /);
    // All the rest is as of now.
    assert.deepEqual(await page.$$eval('section:first-child dd', (all) => all.map((figure) => figure.textContent)), ['2', '1', '0', '0']);
    await close();
  } finally {
    await sql('TRUNCATE userlock_private.tally, userlock_private.counting');
  }
});
