// The pictures of docs/console.md.  USERLOCK_SCREENSHOTS=docs/console tools/test
// browser/screenshots makes them anew.
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from '../http/lib/client.mjs';
import { newTenant, startBrowser } from './lib/console.mjs';

const top = new URL('../../', import.meta.url);
const document = await readFile(new URL('docs/console.md', top), 'utf8');
const directory = process.env.USERLOCK_SCREENSHOTS && resolve(fileURLToPath(top), process.env.USERLOCK_SCREENSHOTS);

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
  const people = [['u-1041', 'Zoë Ziegler', 'zoe'], ['u-1042', 'Ahmad Karimi', 'ahmad'], ['u-1043', 'Maria Silva', 'maria'], ['u-1044', 'Chen Wei', 'chen'], ['u-1045', 'Olga Petrova', 'olga']];
  for (const [id, displayName, userName] of people) await tenant.user(id, null, {}, { userName, displayName, emails: [{ value: `${userName}@example.com` }] });
  await sql(`SELECT userlock.register_user('u-' || n, '${tenant.tenant}') FROM generate_series(2001, 2004) AS n`);
  // A week of others, so that the chart has something to show.  Nobody can have events of
  // then any more, so these go again.
  await sql(`INSERT INTO userlock_private.event (tenant, user_id, sequence, kind, from_state, to_state, at, actor)
    SELECT '${tenant.tenant}', 'gone-' || h, n, kind.name, 'active', 'active', now() - h * interval '1 hour', 'night-watch'
    FROM generate_series(1, 167) AS h, (VALUES ('locked', 7), ('unlocked', 5), ('registered', 3)) AS kind (name, most),
      LATERAL (SELECT kind.most * 100 + i AS n FROM generate_series(1, (h * kind.most * 13 % 11) * kind.most / 10) AS i) AS each`);
  for (let i = 0; i < 10; i++) await sql(`SELECT userlock.record_login_failure('u-1041', '${tenant.tenant}')`);
  await tenant.call('lock_user', 'u-1042', { reason: 'lost his phone', until: '8 hours', actor: 'night-watch' });
  await tenant.call('block_user', 'u-1043', { reason: 'left the company', actor: 'hr@example.com' });
  await tenant.call('lock_user', 'u-1043', { reason: 'token seen on the web', actor: 'night-watch' });
  await tenant.call('block_user', 'u-1044', { reason: 'unpaid', until: '14 days', actor: 'billing' });
  await tenant.call('lock_user', 'u-1045', { reason: 'phished', until: '1 hour' });
  await tenant.call('unlock_user', 'u-1045', { reason: 'called in' });
});
after(async () => {
  await sql(`DELETE FROM userlock_private.event WHERE tenant = '${tenant.tenant}' AND user_id LIKE 'gone-%'`);
  await browser.stop();
});

const views = {
  'out-now': async ({ click, says }) => {
    await says('users are out');
    await click('Select Ahmad Karimi', 'checkbox');
    await says('1 selected');
  },
  person: async ({ go, click, says }) => {
    await go(`#/users/${tenant.tenant}/u-1041`);
    await click('Unlock Zoë Ziegler', 'button');
    await says('Reason', 'dialog');
    await click('Cancel', 'button');
  },
  find: async ({ go, fill, says }) => {
    await go('#/find');
    await fill('User id, user name or e-mail address', 'u-104');
    await says('Maria Silva');
  },
  numbers: async ({ go, says }) => {
    await go('#/numbers');
    await says('Users by state');
  },
};

for (const [name, show] of Object.entries(views)) {
  test(`a picture of the console: ${name}`, async () => {
    const opened = await browser.open(tenant.address(), { width: 1000, height: name === 'person' ? 980 : 720, language: 'en-GB', zone: 'UTC', scheme: name === 'numbers' ? 'dark' : 'light' });
    await opened.says('Signed in as');
    await show(opened);
    const picture = Buffer.from(await opened.page.screenshot({ type: 'webp', quality: 60 }));
    assert.ok(picture.length > 5_000 && picture.length < 60_000, `${picture.length} bytes`);
    if (directory) {
      await mkdir(directory, { recursive: true });
      await writeFile(`${directory}/${name}.webp`, picture);
    }
    await opened.close();
  });
}

test('the document shows the pictures that there are, and no others', async () => {
  const shown = [...document.matchAll(/!\[[^\]]+\]\(console\/([\w-]+\.webp)\)/g)].map(([, name]) => name).sort();
  assert.deepEqual(shown, Object.keys(views).map((name) => `${name}.webp`).sort());
  assert.deepEqual((await readdir(new URL('docs/console/', top))).sort(), shown);
});
