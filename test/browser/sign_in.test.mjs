// Who may come in to the console, how, and how they are told that it is over.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { env, request, rpc, sql } from '../http/lib/client.mjs';
import { consoleUrl, newTenant, startBrowser } from './lib/console.mjs';

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
});
after(() => browser.stop());

const stored = (page) => page.evaluate(() => ({ ...sessionStorage }));

test('the page is served with a policy that lets in no script, frame or origin of others', async () => {
  for (const path of ['', 'main.js', 'style.css', 'config.json']) {
    const { status, headers } = await request('GET', `/console/${path}`);
    assert.equal(status, 200, path);
    assert.match(headers.get('content-security-policy'), /^default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.equal(headers.get('cache-control'), 'no-cache');
  }
});

test('what is no file of the console is not found, and nothing but reading is allowed', async () => {
  for (const path of ['/console/nothing', '/console/views/', '/console/.env', '/console/%2e%2e/nginx.conf']) assert.equal((await request('GET', path)).status, 404, path);
  const { status, headers } = await request('POST', '/console/', { body: {} });
  assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD, OPTIONS']);
  const moved = await fetch(`${env.HTTP_URL}/console`, { redirect: 'manual' });
  assert.deepEqual([moved.status, moved.headers.get('location')], [308, '/console/']);
});

test('the link that the stack prints signs in, and the token is in no address', async () => {
  const link = execFileSync(fileURLToPath(new URL('../../tools/stack', import.meta.url)), ['console'], { encoding: 'utf8' }).trim();
  const { page, says, complaints, close } = await browser.open(link);
  await says('Signed in as support@example.com');
  await says('Out now', 'h1');
  assert.ok(!page.url().includes('token'));
  const history = await (await page.createCDPSession()).send('Page.getNavigationHistory');
  assert.ok(history.entries.every(({ url }) => !url.includes('token=')), JSON.stringify(history.entries.map(({ url }) => url)));
  assert.deepEqual(complaints, []);
  await close();
});

test('a token that is pasted signs in, is kept for the tab alone, and goes when one signs out', async () => {
  const { page, fill, click, says, close } = await browser.open(consoleUrl);
  await says('Sign in', 'h1');
  assert.equal(await page.evaluate(() => document.activeElement.type), 'password');
  await fill('Token', ` Bearer ${tenant.token}\n`);
  await click('Sign in', 'button');
  await says(`Signed in as ${tenant.operator}`);
  assert.deepEqual(await stored(page), { 'userlock.token': tenant.token });
  assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie]), [0, '']);
  await page.reload();
  await says(`Signed in as ${tenant.operator}`);
  await click('Sign out');
  await says('You have signed out.');
  assert.deepEqual(await stored(page), {});
  await page.reload();
  await says('Sign in', 'h1');
  await close();
});

test('a token that is none, or has ended, is refused in the words of the server', async () => {
  for (const [token, words] of [[env.EXPIRED_TOKEN, 'JWT expired'], ['x.y.z', 'JW'], ['no token', 'JW']]) {
    const { page, fill, click, says, close } = await browser.open(consoleUrl);
    await fill('Token', token);
    await click('Sign in', 'button');
    await says(words, '.problem');
    await says('Sign in', 'h1');
    assert.deepEqual(await stored(page), {});
    await close();
  }
});

test('a token that ends while one works signs out, and says why', async () => {
  // PostgREST takes a token for 30 seconds after its end, which have passed but for three.
  const short = await tenant.tokenOf({}, { lifetime: -26 });
  const { page, says, close } = await browser.open(`${consoleUrl}#token=${short}`, { config: { refresh: 1 } });
  await says('Out now', 'h1');
  await says('You were signed out:');
  await says('JWT expired', '.problem');
  assert.deepEqual(await stored(page), {});
  await close();
});

test('an operator who is locked is out at the next call, and is told so', async () => {
  const id = await tenant.user('careless@support');
  const { page, says, close } = await browser.open(`${consoleUrl}#token=${await tenant.tokenOf({ sub: id })}`, { config: { refresh: 1 } });
  await says(`Signed in as ${id}`);
  await tenant.call('lock_user', id, { reason: 'lost a laptop' });
  await says(`user "${id}" is locked`, '.problem');
  await says('Sign in', 'h1');
  assert.deepEqual(await stored(page), {});
  await close();
});

test('whoever may nothing is told so', async () => {
  const { says, page, close } = await browser.open(`${consoleUrl}#token=${env.STRANGER_TOKEN}`);
  await says('nothing here is yours');
  assert.equal((await page.$$('nav a')).length, 0);
  await close();
});

test('whoever may not even ask what is theirs is told so', async () => {
  const { page, says, close } = await browser.open(`${consoleUrl}#token=${await tenant.tokenOf({ role: 'anon' })}`);
  await says('permission denied for function whoami', '.problem');
  assert.deepEqual(await stored(page), {});
  await close();
});

test('where config.json cannot be read, the page says so and takes a token', async () => {
  const { says, has, close } = await browser.open(consoleUrl, { config: 'not JSON' });
  await says('config.json cannot be read.');
  await has('Token');
  await close();
});

test('a login function of the deployment signs in, and its refusal is told', async () => {
  // As the document has it, but for the function's name.
  const [, example] = (await readFile(new URL('../../docs/console.md', import.meta.url), 'utf8')).match(/^```\n(\{.*?)^```/ms);
  const config = JSON.parse(example.replace('/rpc/login', '/rpc/console_login'));
  await sql(`CREATE FUNCTION userlock.console_login(id text, password text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('response.status', CASE WHEN password = 'correct horse' THEN '200' ELSE '401' END, true);
      IF password = 'correct horse' THEN PERFORM set_config('response.headers', '[{"Authorization": "Bearer ${tenant.token}"}]', true); END IF;
    END $$; GRANT EXECUTE ON FUNCTION userlock.console_login TO anon; NOTIFY pgrst, 'reload schema'`);
  try {
    // Until PostgREST has read the schema anew.
    while ((await rpc('console_login', { id: 'x', password: '' }, { token: undefined })).status === 404) await new Promise((resolve) => setTimeout(resolve, 50));
    const { fill, click, says, count, close } = await browser.open(consoleUrl, { config });
    await fill('User name', 'zoe');
    await fill('Password', 'wrong');
    await click('Sign in', 'button');
    await says('That is not the right user name and password', '.problem');
    await fill('Password', 'correct horse');
    await click('Sign in', 'button');
    await says(`Signed in as ${tenant.operator}`);
    assert.equal(await count('Password'), 0);
    await close();
  } finally {
    await sql("DROP FUNCTION userlock.console_login; NOTIFY pgrst, 'reload schema'");
  }
});
