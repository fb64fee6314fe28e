// The server goes, and comes back.
import assert from 'node:assert/strict';
import { rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { startNginx } from '../http/lib/nginx.mjs';
import { startPostgrest } from '../http/lib/postgrest.mjs';
import { newTenant, startBrowser } from './lib/console.mjs';

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
});
after(() => browser.stop());

test('while PostgREST is gone the page says so and waits, and goes on by itself', async () => {
  let postgrest = await startPostgrest([]);
  // Where nginx looks for it, whichever it is.
  const socket = join(tmpdir(), `userlock-console-${process.pid}.sock`);
  await symlink(postgrest.socket, socket);
  const nginx = await startNginx(['--socket', socket]);
  try {
    await tenant.user('alice', 'lock_user');
    const { page, says, has, click, go, close } = await browser.open(tenant.address(nginx.httpUrl));
    await has('Unlock alice');
    await postgrest.stop();
    // What changes something is not sent twice, and says that nobody knows.
    await click('Unlock alice');
    await page.keyboard.press('Enter');
    await says('The server did not answer', 'dialog');
    await click('Cancel');
    // What reads waits.
    await says('The server does not answer. Trying again…', '#connection');
    await go('#/numbers');
    postgrest = await startPostgrest([]);
    await rm(socket);
    await symlink(postgrest.socket, socket);
    await says('The server answers again.');
    await says('Users by state');
    assert.equal(await page.$eval('#connection', (banner) => banner.innerText), '');
    assert.equal(await tenant.stateOf('alice'), 'locked');
    await go('#/out');
    await click('Unlock alice');
    await page.keyboard.press('Enter');
    await says('alice is unlocked.');
    await close();
  } finally {
    await nginx.stop();
    await postgrest.stop();
    await rm(socket, { force: true });
  }
});

test('where nginx is gone as well, the page that is open waits too', async () => {
  const { page, says, go, close } = await browser.open(tenant.address());
  await says('Out now', 'h1');
  await page.setOfflineMode(true);
  await go('#/numbers');
  await says('The server does not answer. Trying again…', '#connection');
  await page.setOfflineMode(false);
  await says('Users by state');
  await close();
});
