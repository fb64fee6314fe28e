// The console for everybody: by keyboard, by ear, enlarged, on a phone, in the dark, and
// in the reader's own language.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test, { after, before } from 'node:test';
import { consoleUrl, newTenant, startBrowser } from './lib/console.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let [browser, tenant, other] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
  other = await newTenant();
  await tenant.user('alice', 'lock_user', { reason: 'failed logins', until: '30 minutes' }, { userName: 'ally', displayName: 'Alice A.', emails: [{ value: 'alice@example.com' }] });
  await tenant.user('bob', 'block_user', { reason: 'left' });
  await tenant.call('lock_user', 'bob', { reason: 'phished', until: '1 day' });
  await tenant.user('carol');
});
after(() => browser.stop());

const signedIn = async (options) => {
  const opened = await browser.open(`${consoleUrl}#token=${await tenant.tokenOf({ tenants: [other.tenant] })}`, options);
  await opened.has('Unlock Alice A.');
  return opened;
};

// How each view is come to.
const views = {
  'Sign in': async (options) => {
    const opened = await browser.open(consoleUrl, { config: { login: { url: '/rpc/login' } }, ...options });
    await opened.page.locator('summary').click();
    return opened;
  },
  'Sign in, refused': async (options) => {
    const opened = await browser.open(`${consoleUrl}#token=x`, options);
    await opened.has('Token');
    await opened.page.waitForSelector('.problem');
    return opened;
  },
  'Out now': async (options) => {
    const opened = await signedIn(options);
    await opened.click('Select Alice A.', 'checkbox');
    await opened.says('1 selected');
    return opened;
  },
  'Out now, nobody': async (options) => {
    const opened = await signedIn(options);
    await opened.fill('Reason contains', 'no such reason');
    await opened.says('Nobody who is out matches.');
    return opened;
  },
  'The dialog': async (options) => {
    const opened = await signedIn(options);
    await opened.go(`#/users/${tenant.tenant}/carol`);
    await opened.click('Lock carol');
    await opened.fill('Ends', 'date');
    await opened.has('Date and time');
    return opened;
  },
  'The dialog for many': async (options) => {
    const opened = await signedIn(options);
    await opened.click('Select all of this page', 'checkbox');
    // A lock for those who are locked is refused, so that nothing changes.
    await opened.page.locator('.selection button.lock').click();
    await opened.page.locator('dialog button[type=submit]').click();
    await opened.says('refused.', 'dialog');
    return opened;
  },
  Find: async (options) => {
    const opened = await signedIn(options);
    await opened.go('#/find');
    await opened.fill('User id, user name or e-mail address', 'a');
    await opened.has('Unlock Alice A.');
    return opened;
  },
  'A person': async (options) => {
    const opened = await signedIn(options);
    await opened.go(`#/users/${tenant.tenant}/bob`);
    await opened.says('History');
    return opened;
  },
  Numbers: async (options) => {
    const opened = await signedIn(options);
    await opened.go('#/numbers');
    await opened.page.locator('summary').click();
    return opened;
  },
};

const fits = async (page) => assert.deepEqual(await page.evaluate(() => {
  const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  return wide ? [...document.querySelectorAll('main *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML.slice(0, 120)) : [];
}), []);

async function check(page) {
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, 'axe-core has looked at something');
  assert.deepEqual(violations.map(({ id, help, nodes }) => [id, help, nodes.map(({ html, failureSummary }) => [html, failureSummary])]), []);
}

for (const [name, show] of Object.entries(views)) {
  test(`axe-core finds no violation, and nothing is cut off: ${name}`, async () => {
    const { page, complaints, close } = await show({ scheme: 'light' });
    await page.evaluate(axe);
    await check(page);
    await fits(page);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    await page.setViewport({ width: 320, height: 640 });
    await check(page);
    await fits(page);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('at 200 %, and from right to left, nothing is cut off', async () => {
  for (const name of ['Out now', 'A person', 'Numbers', 'Find']) {
    const { page, close } = await views[name]({ width: 640, height: 450, scale: 2 });
    await fits(page);
    await page.evaluate(() => { document.documentElement.dir = 'rtl'; });
    await fits(page);
    await page.setViewport({ width: 320, height: 640 });
    await fits(page);
    await close();
  }
});

test('the keyboard alone reaches all that can be used, and always shows where it is', async () => {
  const { page, close } = await signedIn();
  const wanted = new Set(await page.$$eval('a, button, input, select', (all) => all.filter((one) => one.checkVisibility() && !one.disabled).map((one, i) => { one.dataset.n = i; return String(i); })));
  for (let i = 0; wanted.size && i < 100; i++) {
    await page.keyboard.press('Tab');
    const [n, outline] = await page.evaluate(() => [document.activeElement.dataset.n, getComputedStyle(document.activeElement).outlineStyle]);
    if (n === null) continue;
    assert.equal(outline, 'solid', `${n} shows that it has the focus`);
    wanted.delete(n);
  }
  assert.deepEqual([...wanted], []);
  await close();
});

test('a dialog is left by Escape, and the focus is back where it was', async () => {
  const { page, click, focused, close } = await signedIn();
  await click('Unlock Alice A.');
  await page.waitForSelector('dialog');
  assert.equal(await page.evaluate(() => document.activeElement.labels[0].innerText), 'Reason');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { hidden: true });
  assert.equal(await focused(), 'Unlock Alice A.');
  await close();
});

test('what has been done is said to those who do not see it', async () => {
  await tenant.user('heard', 'lock_user');
  const { page, click, says, close } = await signedIn();
  assert.deepEqual(await page.$$eval('[role=status], [role=alert]', (all) => all.map((place) => place.id).filter(Boolean)), ['connection', 'announcement']);
  await click('Unlock heard');
  await page.keyboard.press('Enter');
  await says('heard is unlocked.', '[role=status]');
  await close();
});

test('times are in the zone and the language of the reader', async () => {
  await tenant.call('lock_user', 'carol', { until: '3 days' });
  for (const [language, zone, month, soon] of [['de-DE', 'Europe/Berlin', /\d\d\.\d\d\.\d{4}, \d\d:\d\d/, /in [23] Tagen/], ['ar-EG', 'Africa/Cairo', /[٠-٩]{4}/, /خلال/], ['en-US', 'America/New_York', /[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d\s[AP]M/, /in [23] days/]]) {
    const { page, close } = await signedIn({ language, zone });
    const row = await page.$$eval('tbody tr', (all) => all.map((one) => one.innerText).find((text) => text.includes('carol')));
    assert.match(row, month);
    assert.match(row, soon);
    await close();
  }
  await tenant.call('unlock_user', 'carol');
});
