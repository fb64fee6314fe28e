// A person is found by how id, user name or e-mail address begin, as one types.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { sql } from '../http/lib/client.mjs';
import { newTenant, startBrowser } from './lib/console.mjs';

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
  await tenant.user('u-1', 'lock_user', { reason: 'failed logins' }, { userName: 'Zoë', displayName: 'Zoë Ziegler', emails: [{ value: 'Ziegler@example.com' }] });
  await tenant.user('u-2', 'block_user', {}, { userName: 'zorro' });
  await tenant.user('x-"(,)"-1');
  await sql(`SELECT userlock.register_user('many-' || n, '${tenant.tenant}') FROM generate_series(1, 30) AS n`);
});
after(() => browser.stop());

const field = 'User id, user name or e-mail address';
const open = async () => {
  const opened = await browser.open(tenant.address());
  await opened.says('Signed in as');
  await opened.go('#/find');
  await opened.has(field);
  return opened;
};

test('who is looked for is found while one types', async () => {
  const { page, fill, says, texts, close, complaints } = await open();
  const shows = async (text, expected) => {
    await fill(field, text);
    await page.waitForFunction((wanted) => [...document.querySelectorAll('.found a')].map((link) => link.textContent).sort().join() === wanted, {}, expected.sort().join())
      .catch(async () => assert.deepEqual(await texts('.found a'), expected));
  };
  await shows('u-', ['Zoë Ziegler', 'zorro']);
  await shows('zo', ['Zoë Ziegler', 'zorro']);
  await shows('ZOR', ['zorro']);
  await shows('ziegler@', ['Zoë Ziegler']);
  await shows('x-"(,)', ['x-"(,)"-1']);
  await shows('nobody at all', []);
  await says('Nobody is called so.');
  await fill(field, 'many-');
  await says('The first 20');
  assert.equal((await texts('.found li')).length, 20);
  assert.match(page.url(), /text=many-/);
  await page.reload();
  await says('The first 20');
  assert.deepEqual(complaints, []);
  await close();
});

test('without a mouse: typed, found, opened and unlocked', async () => {
  const { page, says, has, close } = await open();
  await page.waitForFunction(() => document.activeElement.type === 'search');
  // Enter comes long before an answer.
  await page.emulateNetworkConditions({ download: 1e6, upload: 1e6, latency: 400 });
  await page.keyboard.type('zoë');
  await page.keyboard.press('Enter');
  await says('Zoë Ziegler', 'h1');
  await has('Unlock Zoë Ziegler');
  await page.waitForFunction(() => document.activeElement.classList.contains('unlock'));
  await page.keyboard.press('Enter');
  await has('Reason');
  await page.keyboard.type('called in');
  await page.keyboard.press('Enter');
  await says('Zoë Ziegler is unlocked.');
  assert.equal(await tenant.lastEvent('u-1'), `unlocked|${tenant.operator}|called in`);
  await close();
});

test('who is out is let in from the list of those who were found', async () => {
  const { page, fill, click, says, close } = await open();
  await fill(field, 'zorro');
  await click('Unblock zorro');
  await page.keyboard.press('Enter');
  await says('zorro is unblocked.');
  await says('Active', '.found');
  await close();
});
