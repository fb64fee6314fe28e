// What the database says is text, whatever it looks like.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { newTenant, startBrowser } from './lib/console.mjs';

const names = {
  markup: '<script>window.hit = 1</script><img src=x onerror="window.hit = 1">',
  override: 'eve\u202Egpj.exe',
  arabic: 'أحمد (مدير)',
  address: 'javascript:alert(1)',
  path: '../../rpc/verify?x=1#/users/a/b',
  percent: '100%zz%00 "quoted" \'single\' \\ & ; ,()',
  emoji: '👩‍👩‍👧‍👦',
  long: 'x'.repeat(200),
  wide: '\u{10ffff}',
};

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
  for (const name of Object.values(names)) await tenant.user(name, 'lock_user', { reason: `because ${name}`, actor: name.slice(0, 100) }, { userName: name, displayName: `Name ${name}` });
});
after(() => browser.stop());

const intact = async ({ page, complaints }) => {
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll('main script, main img, main iframe').length), 0);
  assert.deepEqual(complaints, []);
  // Nothing is wider than the page.
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'the page scrolls to the side');
};

test('the list shows names, reasons and actors as they are, each isolated from what is beside it', async () => {
  for (const width of [1280, 360]) {
    const opened = await browser.open(tenant.address(), { width });
    await opened.says('9 users are out');
    const shown = await opened.page.$$eval('tbody th a bdi', (all) => all.map((name) => name.textContent));
    assert.deepEqual(shown.sort(), Object.values(names).map((name) => `Name ${name}`).sort());
    const reasons = await opened.page.$$eval('td[data-label=Why] bdi', (all) => all.map((name) => name.textContent));
    assert.deepEqual(reasons.sort(), Object.values(names).map((name) => `because ${name}`).sort());
    await intact(opened);
    await opened.close();
  }
});

for (const [kind, name] of Object.entries(names)) {
  test(`a user of a hostile name is found, opened and unlocked: ${kind}`, async () => {
    const opened = await browser.open(tenant.address(), { width: 360 });
    const { page, says, fill, close } = opened;
    await says('Signed in as');
    await opened.go('#/find');
    await fill('User id, user name or e-mail address', name);
    await page.waitForFunction((wanted) => document.querySelector('.found a')?.textContent === wanted, {}, `Name ${name}`);
    await intact(opened);
    await page.locator('.found a').click();
    await page.waitForFunction((wanted) => document.querySelector('h1 bdi')?.textContent === wanted, {}, `Name ${name}`);
    await intact(opened);
    await page.locator('button.unlock').click();
    await page.waitForSelector('dialog');
    await intact(opened);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#announcement').textContent.includes(' is unlocked.'));
    await intact(opened);
    await page.waitForFunction(() => document.querySelector('.history strong')?.textContent === 'Unlocked');
    assert.equal(await tenant.stateOf(name), 'active');
    await close();
  });
}
