// One user: what is shown of them, and what is done with them, maybe by two at once.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { sql } from '../http/lib/client.mjs';
import { consoleUrl, newTenant, startBrowser } from './lib/console.mjs';

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
});
after(() => browser.stop());

// Opens a user's page as the operator, or with another token.
const open = async (userId, { token = tenant.token, ...options } = {}) => {
  const opened = await browser.open(`${consoleUrl}#token=${token}`, options);
  await opened.says('Signed in as');
  await opened.go(`#/users/${tenant.tenant}/${encodeURIComponent(userId)}`);
  return opened;
};

test('a person is shown with state, ends, floor, history and failed logins', async () => {
  const id = await tenant.user('alice', 'block_user', { reason: 'left', until: '1 day' },
    { userName: 'ally', displayName: 'Alice A.', externalId: 'E-1', emails: [{ value: 'alice@example.com' }] });
  await tenant.call('unblock_user', id, { reason: 'is back' });
  for (let i = 0; i < 3; i++) await sql(`SELECT userlock.record_login_failure('${id}', '${tenant.tenant}')`);
  await tenant.call('lock_user', id, { reason: 'phished', until: '2 hours' });
  const { page, says, texts, text, close, complaints } = await open(id);
  await says('Alice A.', 'h1');
  const sections = Object.fromEntries((await texts('section')).map((section) => section.split(/\n+/)).map(([title, ...rest]) => [title, rest.join(' ')]));
  for (const part of ['Locked', 'phished', 'night-watch', 'in 2 hours|in 1 hour|in 119 minutes', 'Tokens count if issued after']) assert.match(sections.Restrictions, new RegExp(part));
  for (const part of [id, tenant.tenant, 'Alice A\\.', 'ally', 'alice@example.com', 'E-1']) assert.match(sections.User, new RegExp(part));
  assert.match(sections['Failed logins'], /May not log in/);
  const history = await texts('.history li');
  assert.deepEqual(history.map((line) => line.split(/\s+#/)[0]), ['Locked', 'Unblocked', 'Blocked', 'Registered']);
  assert.match(history[0], /#4[^]*by night-watch[^]*phished/);
  assert.match(await page.$eval('svg[role=img]', (image) => image.getAttribute('aria-label')), /The state is Locked\./);
  assert.equal(await page.$eval('.present text', (label) => label.textContent), 'locked');
  assert.match(await text('.buttons'), /Unlock/);
  assert.deepEqual(complaints, []);
  await close();
});

test('a history that was pruned begins where it was, and the floor is still known', async () => {
  const id = await tenant.user('old', 'revoke_access', { reason: 'long ago' });
  await sql(`UPDATE userlock_private.event SET at = at - interval '1 year' WHERE tenant = '${tenant.tenant}' AND user_id = '${id}';
    SELECT userlock.prune_history(now() - interval '1 month', '${tenant.tenant}')`);
  const { says, texts, close, complaints } = await open(id);
  await says('Older events dropped', '.history');
  const floor = (await texts('section')).find((section) => section.includes('Tokens count'));
  assert.doesNotMatch(floor, /whenever they were issued/);
  assert.deepEqual((await texts('.history li')).map((line) => line.split(/\s+#/)[0]), ['Older events dropped']);
  assert.deepEqual(complaints, []);
  await close();
});

test('failed logins that count say how many attempts are left', async () => {
  const id = await tenant.user('clumsy');
  for (let i = 0; i < 3; i++) await sql(`SELECT userlock.record_login_failure('${id}', '${tenant.tenant}')`);
  const { says, close } = await open(id);
  await says('7 attempts left before a lock.');
  await says('May come in.');
  await close();
});

test('a long history comes in pages', async () => {
  const id = await tenant.user('busy');
  await sql(`DO $$ BEGIN FOR i IN 1..30 LOOP PERFORM userlock.lock_user('${id}', tenant => '${tenant.tenant}'), userlock.unlock_user('${id}', tenant => '${tenant.tenant}'); END LOOP; END $$`);
  const { page, says, click, texts, close } = await open(id);
  await says('#61', '.history');
  assert.equal((await texts('.history li')).length, 50);
  await click('Show older events');
  await says('Registered', '.history');
  assert.equal((await texts('.history li')).length, 61);
  assert.equal(await page.$$eval('.history + button', ([button]) => button.hidden), true);
  await close();
});

test('nobody of that name is told as such', async () => {
  const { says, buttons, close } = await open('nobody');
  await says('There is no such user.');
  assert.deepEqual(await buttons(), []);
  await close();
});

test('lock, block, unlock, unblock and revoke access do what they say, with reason and end', async () => {
  const id = await tenant.user('zoe');
  const { page, says, click, fill, buttons, close, complaints } = await open(id);
  await says('zoe', 'h1');
  assert.deepEqual(await buttons(), ['Lock zoe', 'Block zoe', 'Revoke access zoe']);
  const act = async (action, reason, end) => {
    await click(`${action} zoe`);
    await fill('Reason', reason);
    if (end) await fill('Ends', end);
    await page.locator('dialog button[type=submit]').click();
    await page.waitForSelector('dialog', { hidden: true });
  };
  await act('Lock', 'first', '480');
  await says('zoe is locked.');
  await says('Unlock zoe'.split(' ')[0], '.actions');
  assert.equal(await tenant.lastEvent(id), `locked|${tenant.operator}|first`);
  assert.equal(await sql(`SELECT round(extract(epoch FROM until - at) / 60) FROM userlock_private.event WHERE user_id = 'zoe' AND tenant = '${tenant.tenant}' AND kind = 'locked'`), '480');
  await act('Block', 'second', '');
  await says('Locked and blocked', 'main .badge');
  assert.deepEqual(await buttons(), ['Unlock zoe', 'Unblock zoe', 'Revoke access zoe']);
  await act('Unlock', '');
  await says('zoe is unlocked.');
  assert.equal(await tenant.lastEvent(id), `unlocked|${tenant.operator}|`);
  await act('Unblock', '  third  ');
  await says('Active', 'main .badge');
  assert.equal(await tenant.lastEvent(id), `unblocked|${tenant.operator}|third`);
  await act('Revoke access', 'lost a phone');
  await says('Access revoked', '.history');
  assert.equal(await tenant.lastEvent(id), `access_revoked|${tenant.operator}|lost a phone`);
  assert.deepEqual(complaints, []);
  await close();
});

test('a restriction ends at a date that is chosen, in the zone of whoever chooses', async () => {
  const id = await tenant.user('dated');
  const { page, says, click, fill, close } = await open(id, { zone: 'America/New_York' });
  await says('dated', 'h1');
  await click('Lock dated');
  await fill('Ends', 'date');
  await page.$eval('input[type=datetime-local]', (field) => { field.value = '2099-07-01T12:30'; });
  await page.locator('dialog button[type=submit]').click();
  await says('dated is locked.');
  assert.equal(await sql(`SELECT locked_until AT TIME ZONE 'UTC' FROM userlock_private.account WHERE user_id = 'dated' AND tenant = '${tenant.tenant}'`), '2099-07-01 16:30:00');
  await close();
});

test('what the server refuses is shown in its words, and can be mended', async () => {
  const id = await tenant.user('picky');
  const { page, says, click, fill, close } = await open(id);
  await says('picky', 'h1');
  await click('Lock picky');
  await fill('Ends', 'date');
  await page.$eval('input[type=datetime-local]', (field) => { field.removeAttribute('min'); field.value = '2001-01-01T00:00'; });
  await page.locator('dialog button[type=submit]').click();
  await says('until', 'dialog .problem');
  await fill('Ends', '30');
  await page.locator('dialog button[type=submit]').click();
  await says('picky is locked.');
  await close();
});

test('a role with EXECUTE on unlock_user and SELECT on the views sees unlock and nothing else', async () => {
  // As the document has it.
  const [, create, grants] = (await readFile(new URL('../../docs/console.md', import.meta.url), 'utf8')).match(/```sql\n(CREATE ROLE phone_support .*?;)(.*?)```/s);
  await sql(`DO $$ BEGIN ${create} EXCEPTION WHEN duplicate_object THEN END $$; ${grants}`);
  const tenant = await newTenant();
  await tenant.user('locked-one', 'lock_user', {}, { userName: 'Lola' });
  await tenant.user('blocked-one', 'block_user');
  const token = await tenant.tokenOf({ role: 'phone_support' });
  const { page, says, has, buttons, texts, click, go, fill, close } = await browser.open(`${consoleUrl}#token=${token}`);
  await has('Unlock Lola');
  assert.deepEqual(await texts('nav a'), ['Out now', 'Find']);
  assert.deepEqual((await buttons()).filter((name) => /lock|revoke/i.test(name) && !/Select/.test(name)), ['Unlock Lola']);
  await click('Select Lola', 'checkbox');
  assert.deepEqual(await page.$$eval('.selection button', (all) => all.map((button) => button.innerText)), ['Unlock']);
  await go(`#/users/${tenant.tenant}/blocked-one`);
  await says('Blocked', 'main .badge');
  assert.deepEqual(await buttons(), []);
  await go('#/find');
  await fill('User id, user name or e-mail address', 'LOL');
  await has('Unlock Lola');
  await click('Unlock Lola');
  await page.keyboard.press('Enter');
  await says('Lola is unlocked.');
  assert.equal(await tenant.stateOf('locked-one'), 'active');
  await close();
});

test('of two at one case the second is shown what the first has done, and is asked again', async () => {
  const id = await tenant.user('contested', 'lock_user', { reason: 'failed logins' });
  const colleague = await tenant.user('colleague@support');
  const first = await open(id);
  const second = await open(id, { token: await tenant.tokenOf({ sub: colleague }) });
  for (const one of [first, second]) await one.has('Unlock contested');
  await second.click('Unlock contested');
  await first.click('Block contested');
  await first.fill('Reason', 'called by a stranger');
  await first.page.keyboard.press('Enter');
  await first.says('contested is blocked.');
  await second.page.keyboard.press('Enter');
  await second.says('Somebody was here in the meantime.', 'dialog');
  await second.says(`Blocked, `, 'dialog');
  await second.says(`${tenant.operator}: called by a stranger`, 'dialog');
  await second.says('Locked and blocked', 'dialog');
  assert.equal(await tenant.stateOf(id), 'locked+blocked');
  await second.click('Unlock all the same');
  await second.says('contested is unlocked.');
  assert.equal(await tenant.lastEvent(id), `unlocked|${colleague}|`);
  await first.close();
  await second.close();
});

test('where the first has done it already, the second is not asked', async () => {
  const id = await tenant.user('done-twice', 'lock_user');
  const { page, has, click, says, buttons, close } = await open(id);
  await has('Unlock done-twice');
  await click('Unlock done-twice');
  await tenant.call('unlock_user', id, { reason: 'was quicker' });
  await page.keyboard.press('Enter');
  await says('was quicker', 'dialog');
  await click('Close');
  await says('Active', 'main .badge');
  assert.ok(!(await buttons()).includes('Unlock done-twice'));
  await close();
});

test('what somebody else does is shown without reloading', async () => {
  const id = await tenant.user('watched');
  const { says, close } = await open(id, { config: { refresh: 1 } });
  await says('Active', 'main .badge');
  await tenant.call('lock_user', id, { reason: 'seen' });
  await says('seen', '.history');
  await says('Locked', 'main .badge');
  await close();
});
