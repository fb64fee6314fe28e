// Who is out, since and until when, why and by whom; and how they are let in again.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { sql } from '../http/lib/client.mjs';
import { consoleUrl, newTenant, startBrowser } from './lib/console.mjs';

let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser.stop());

const names = (page) => page.$$eval('tbody th a', (all) => all.map((link) => link.textContent));

test('a locked user is found and unlocked in three keystrokes or clicks', async () => {
  const tenant = await newTenant();
  await tenant.user('alice', 'lock_user', { reason: 'failed logins', until: '30 minutes' });
  const { page, says, has, click, close, complaints } = await browser.open(tenant.address());
  await says('1 user is out');
  await click('Unlock alice');
  await has('Unlock alice', 'dialog');
  await page.keyboard.press('Enter');
  await says('alice is unlocked.');
  await says('Nobody is out.');
  assert.equal(await tenant.lastEvent('alice'), `unlocked|${tenant.operator}|`);
  assert.deepEqual(complaints, []);
  await close();
});

test('the list says who, since, until with a countdown, why and by whom, of lock and block', async () => {
  const tenant = await newTenant();
  await tenant.user('alice', 'lock_user', { reason: 'phished', until: '90 minutes' }, { userName: 'ally', displayName: 'Alice A.', emails: [{ value: 'alice@example.com' }] });
  await tenant.user('bob', 'block_user', { reason: 'left' });
  await tenant.call('lock_user', 'bob', { actor: 'robot' });
  const { page, says, texts, close } = await browser.open(tenant.address(), { language: 'en-GB', zone: 'Asia/Kolkata' });
  await says('2 users are out');
  const rows = await texts('tbody tr');
  const alice = rows.find((row) => row.includes('Alice A.'));
  for (const part of ['alice@example.com', 'Locked', 'phished', 'night-watch', /in (89 minutes|90 minutes|1 hour)/]) assert.match(alice, new RegExp(part));
  const [at] = (await sql(`SELECT to_char(locked_until AT TIME ZONE 'Asia/Kolkata', 'HH24:MI') FROM userlock_private.account WHERE user_id = 'alice' AND tenant = '${tenant.tenant}'`)).split('\n');
  assert.ok(alice.includes(at), `${alice} has ${at}`);
  const bob = rows.find((row) => row.includes('bob'));
  for (const part of ['Locked and blocked', 'Lock:\\s*no reason given', 'Block:\\s*left', 'Lock:\\s*robot', 'Block:\\s*night-watch', 'lifted']) assert.match(bob, new RegExp(part));
  await close();
});

test('a countdown goes on, and whoever is let in by an end that passes leaves the list', async () => {
  const tenant = await newTenant();
  await tenant.user('alice', 'lock_user', { until: '4 seconds' });
  const { page, says, close } = await browser.open(tenant.address());
  await says('1 user is out');
  const first = await page.$eval('[data-until]', (element) => element.textContent);
  await page.waitForFunction((text) => document.querySelector('[data-until]')?.textContent !== text, {}, first);
  await says('Nobody is out.');
  await close();
});

test('the list is filtered by state, reason and tenant, and says so in the address', async () => {
  const [tenant, other] = [await newTenant(), await newTenant()];
  await tenant.user('locked-1', 'lock_user', { reason: '100% "phished", (maybe)' });
  await tenant.user('locked-2', 'lock_user', { reason: 'failed logins' });
  await tenant.user('blocked-1', 'block_user', { reason: 'left\\gone' });
  await tenant.user('both-1', 'block_user', { reason: 'left' });
  await tenant.call('lock_user', 'both-1', { reason: 'failed logins' });
  await other.user('elsewhere', 'lock_user');
  const token = await tenant.tokenOf({ tenants: [other.tenant] });
  const { page, says, fill, count, close } = await browser.open(`${consoleUrl}#token=${token}`);
  const choose = (name, value) => page.locator(`::-p-aria(${name})`).fill(value);
  const shows = async (...expected) => {
    await page.waitForFunction((wanted) => JSON.stringify([...document.querySelectorAll('tbody th a')].map((link) => link.textContent).sort()) === wanted, {}, JSON.stringify(expected.sort()))
      .catch(async () => assert.deepEqual((await names(page)).sort(), expected));
  };
  await shows('both-1', 'blocked-1', 'locked-1', 'locked-2');
  await choose('State', 'locked');
  await shows('both-1', 'locked-1', 'locked-2');
  await choose('State', 'blocked');
  await shows('both-1', 'blocked-1');
  await choose('State', 'both');
  await shows('both-1');
  await choose('State', '');
  for (const [reason, ...found] of [['FAILED', 'both-1', 'locked-2'], ['100% "phi', 'locked-1'], ['", (m', 'locked-1'], ['t\\g', 'blocked-1'], ['1_0'], ['left', 'both-1', 'blocked-1']]) {
    await fill('Reason contains', reason);
    await shows(...found);
  }
  assert.match(page.url(), /reason=left/);
  await page.reload();
  await shows('both-1', 'blocked-1');
  await fill('Reason contains', '');
  await shows('both-1', 'blocked-1', 'locked-1', 'locked-2');
  await choose('Tenant', other.tenant);
  await shows('elsewhere');
  await choose('Tenant', '');
  await shows('both-1', 'blocked-1', 'elsewhere', 'locked-1', 'locked-2');
  await says('5 users are out');
  assert.equal(await count('Unlock elsewhere', 'button'), 1);
  await close();
});

test('ten thousand who are out are counted exactly, sorted and paged', async () => {
  const tenant = await newTenant();
  await sql(`SELECT count(userlock.register_user('user-' || lpad(n::text, 5, '0'), '${tenant.tenant}')) FROM generate_series(1, 10000) AS n`);
  await sql(`SELECT count(*) FROM userlock.lock_users(ARRAY(SELECT 'user-' || lpad(n::text, 5, '0') FROM generate_series(1, 10000) AS n), 'flood', tenant => '${tenant.tenant}')`);
  const { page, says, click, close, count } = await browser.open(tenant.address());
  await says('10,000 users are out');
  await says('1 to 50 of 10,000');
  await click('User', 'button');
  await page.waitForFunction(() => document.querySelector('tbody th a')?.textContent === 'user-00001');
  assert.equal(await page.$eval('th[aria-sort=ascending]', (header) => header.innerText.trim().split(/\s/)[0]), 'User');
  assert.equal((await names(page)).length, 50);
  await click('Next page');
  await says('51 to 100 of 10,000');
  assert.equal((await names(page))[0], 'user-00051');
  await page.reload();
  await says('51 to 100 of 10,000');
  await click('Previous page');
  await says('1 to 50 of 10,000');
  await click('User', 'button');
  await page.waitForFunction(() => document.querySelector('tbody th a')?.textContent === 'user-10000');
  // A page that is no more shows the last one.
  await page.evaluate(() => { location.hash = '#/out?sort=user&order=ascending&page=1000'; });
  await says('9,951 to 10,000 of 10,000');
  assert.equal(await count('Next page', 'button'), 1);
  await close();
});

test('many are unlocked at once, each with an outcome, and nobody who has changed since they were shown', async () => {
  const tenant = await newTenant();
  for (let i = 1; i <= 9; i++) await tenant.user(`user-${i}`, 'lock_user');
  const { page, says, click, close, texts, complaints } = await browser.open(tenant.address());
  await says('9 users are out');
  await click('Select all of this page', 'checkbox');
  await says('9 selected');
  await click('Select user-9', 'checkbox');
  await says('8 selected');
  // Somebody is faster with two of them.
  await tenant.call('unlock_user', 'user-1');
  await tenant.call('block_user', 'user-2', { reason: 'worse' });
  await page.locator('.selection button.unlock').click();
  await says('Unlock: 8 users', 'dialog');
  await page.keyboard.type('all is well');
  await page.keyboard.press('Enter');
  await says('6 users changed, 2 refused.', 'dialog');
  const outcomes = (await texts('dialog li')).sort();
  assert.deepEqual(outcomes.slice(2), [3, 4, 5, 6, 7, 8].map((i) => `user-${i}: Unlocked`));
  for (const outcome of outcomes.slice(0, 2)) assert.match(outcome, /^user-[12]: .*sequence|has changed|expected/i);
  assert.equal(await page.$eval('dialog progress', (bar) => bar.value), 8);
  await click('Close');
  await says('2 users are out');
  assert.equal(await tenant.lastEvent('user-3'), `unlocked|${tenant.operator}|all is well`);
  assert.equal(await tenant.stateOf('user-2'), 'locked+blocked');
  assert.deepEqual(complaints, []);
  await close();
});

test('many at once show how far they are, and can be stopped', async () => {
  const tenant = await newTenant();
  await sql(`SELECT userlock.register_user('user-' || n, '${tenant.tenant}') FROM generate_series(1, 40) AS n`);
  await sql(`SELECT userlock.block_users(ARRAY(SELECT 'user-' || n FROM generate_series(1, 40) AS n), tenant => '${tenant.tenant}')`);
  const { page, says, click, close, texts } = await browser.open(tenant.address());
  await says('40 users are out');
  await click('Select all of this page', 'checkbox');
  // So slow that somebody can stop it.
  await page.emulateNetworkConditions({ download: 1e6, upload: 1e6, latency: 400 });
  await page.locator('.selection button.unblock').click();
  await page.locator('dialog button[type=submit]').click();
  await page.waitForFunction(() => document.querySelector('dialog progress')?.value >= 6);
  await click('Stop', 'button');
  await says('not tried.', 'dialog');
  await page.emulateNetworkConditions(null);
  const outcomes = await texts('dialog li');
  const stopped = outcomes.filter((outcome) => outcome.endsWith('Not tried: you stopped.')).length;
  assert.equal(outcomes.length, 40);
  assert.ok(stopped > 0 && stopped <= 34, `${stopped} were not tried`);
  await says(`${40 - stopped} users changed, 0 refused, ${stopped} not tried.`, 'dialog');
  await click('Close', 'button');
  await says(`${stopped} users are out`);
  assert.equal(await sql(`SELECT count(*) FROM userlock.users WHERE tenant = '${tenant.tenant}' AND user_id LIKE 'user-%' AND state = 'blocked'`), String(stopped));
  await close();
});
