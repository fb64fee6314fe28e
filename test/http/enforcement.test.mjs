// A locked user is out at the next request, on every path.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { before } from 'node:test';
import { check } from './lib/contract.mjs';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';
import { badToken, call, protocols } from './lib/rpc.mjs';

// A table of the application's, which only its row's owner sees, and only while allowed.
const table = `note_${process.pid}`;
before(async () => {
  await sql(`CREATE TABLE userlock.${table} (owner text, body text);
    ALTER TABLE userlock.${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON userlock.${table}
      USING (owner = current_setting('request.jwt.claims', true)::json ->> 'sub' AND (SELECT userlock.current_user_allowed()));
    GRANT SELECT ON userlock.${table} TO stranger; NOTIFY pgrst, 'reload schema'`);
  for (let i = 0; i < 100; i++) {
    if ((await get(`/${table}`, { token: env.STRANGER_TOKEN })).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('PostgREST does not see the table');
});

const now = () => Math.floor(Date.now() / 1000);
const tokenOf = (sub, claims = {}) => sign({ role: 'stranger', sub, tenant: env.TENANT, iat: now(), ...claims });
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));

// A user with a note, and a token.
async function newReader() {
  const id = await newUser();
  await sql(`INSERT INTO userlock.${table} VALUES ('${id}', 'hello')`);
  return { id, token: await tokenOf(id) };
}

test('a user reads; locked, the next request is 403; unlocked, the old token is 401 and a new one good', async () => {
  const { id, token } = await newReader();
  assert.deepEqual((await get(`/${table}`, { token })).json, [{ owner: id, body: 'hello' }]);
  await rpc('lock_user', { user_id: id, reason: 'five wrong passwords' });
  const locked = await get(`/${table}`, { token });
  assert.equal(locked.status, 403);
  const [example] = (await readFile(new URL('../../README.md', import.meta.url), 'utf8')).match(/^ *{"code":"PT403".*}$/m);
  const shown = JSON.parse(example.replace('4711', id));
  assert.deepEqual({ ...locked.json, ...shown }, locked.json, 'as the README shows it; newer PostgREST adds fields');
  assert.ok(!locked.text.includes('wrong passwords'));
  await rpc('unlock_user', { user_id: id });
  const old = await get(`/${table}`, { token });
  assert.equal(old.status, 401);
  assert.equal(old.json.code, 'PT401');
  assert.equal(old.json.message, 'token is void');
  await nextSecond();
  assert.deepEqual((await get(`/${table}`, { token: await tokenOf(id) })).json, [{ owner: id, body: 'hello' }]);
});

test('blocked is out as well, and so is whoever is deleted, or was never registered', async () => {
  const { id, token } = await newReader();
  await rpc('block_user', { user_id: id });
  assert.equal((await get(`/${table}`, { token })).json.message, `user "${id}" is blocked`);
  await rpc('delete_user', { user_id: id });
  const deleted = await get(`/${table}`, { token });
  assert.equal(deleted.status, 401);
  const unknown = await get(`/${table}`, { token: await tokenOf('nobody') });
  assert.equal(unknown.status, 401);
  assert.equal(unknown.text, deleted.text);
});

test('revoked access voids the tokens issued so far', async () => {
  const { id, token } = await newReader();
  await rpc('revoke_access', { user_id: id });
  assert.equal((await get(`/${table}`, { token })).status, 401);
  assert.equal((await get(`/${table}`, { token: await tokenOf(id, { iat: undefined }) })).status, 401);
});

test('a lock that ends by itself ends for requests at that moment', async () => {
  const { id } = await newReader();
  await rpc('lock_user', { user_id: id, until: new Date(Date.now() + 1500).toISOString() });
  await nextSecond();
  const token = await tokenOf(id);
  assert.equal((await get(`/${table}`, { token })).status, 403);
  await new Promise((resolve) => setTimeout(resolve, 1600));
  assert.equal((await get(`/${table}`, { token })).status, 200);
});

test('no way round it: every verb, every path, every contract', async () => {
  const id = await newUser();
  const token = await sign({ role: 'operator', sub: id, tenant: env.TENANT, iat: now() });
  const victim = await newUser('lock_user');
  await rpc('block_user', { user_id: id });
  for (const path of ['/', `/${table}`, '/restricted_users', `/rpc/user_status?user_id=${id}`, '/no_such_table']) {
    assert.ok([401, 403].includes((await get(path, { token })).status), path);
  }
  assert.equal((await rpc('unlock_user', { user_id: victim }, { token })).status, 403);
  assert.equal((await rpc('unlock_user', { user_id: id }, { token })).status, 403, 'not even of themselves');
  check(await request('POST', `/v2/users/${victim}/unlock`, { token, body: '{}' }), {
    status: 401, type: 'application/json', body: /^\{"code":16,"message":"Errors\.Token\.Invalid \(AUTH-7fs1e\)"/,
  });
  for (const protocol of Object.values(protocols)) {
    protocol.check(await call(protocol, '/zitadel.user.v2.UserService/UnlockUser', protocol.request(victim), { token }), badToken, protocol.type);
  }
  assert.equal((await request('PATCH', '/api/v1/users/1/unblock', { token, body: {} })).text, '{"error":"invalid_token"}');
});

test('a service token has no subject and passes; nobody does too, as far as anonymous callers may', async () => {
  assert.equal((await get('/restricted_users', { token: await sign({ role: 'operator', tenant: env.TENANT }) })).status, 200);
  assert.equal((await get('/')).status, 200);
});

test('claims that are not what they should be are 401, never an internal error', async () => {
  const { id } = await newReader();
  for (const claims of [
    { sub: 5 }, { sub: '' }, { sub: 'x'.repeat(10_000) }, { sub: 'a\0b' }, { tenant: 7 }, { tenant: '' }, { iat: now() + 3600 }, { iat: 'now' }, { tenants: 'x' },
    { deep: JSON.parse('['.repeat(3000) + ']'.repeat(3000)) },
  ]) {
    const { status, text } = await get(`/${table}`, { token: await tokenOf(id, claims) });
    assert.equal(status, 401, JSON.stringify(claims).slice(0, 100) + text);
  }
  for (const claims of [{ iat: now() - 0.5 }, { iat: undefined }, { tenants: ['elsewhere'] }]) {
    assert.equal((await get(`/${table}`, { token: await tokenOf(id, claims) })).status, 200, JSON.stringify(claims));
  }
});

test('the five minutes of README.md: from a table of users to a refused request', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [section] = readme.match(/\n## Protect a PostgREST API in five minutes\n.*?(?=\n## )/s);
  const [adopt, grant, policy, lock] = [...section.matchAll(/```sql\n(.*?)```/gs)].map(([, text]) => text);
  const [, refusal] = section.match(/```\n +(\{.*\})\n/);
  const id = `holder-${process.pid}`;
  await sql(`CREATE TABLE account_holder (id text PRIMARY KEY); INSERT INTO account_holder VALUES ('${id}'); CREATE ROLE app; GRANT app TO authenticator;
    CREATE TABLE note (body text); ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY everyone ON note USING (true); GRANT SELECT ON note TO app;
    INSERT INTO note VALUES ('hello'); GRANT SELECT ON userlock.${table} TO app; NOTIFY pgrst, 'reload config'`);
  try {
    for (const statement of [adopt, grant, policy]) await sql(statement);
    const token = await sign({ role: 'app', sub: id, tenant: env.TENANT, iat: now() });
    const select = `SET ROLE app; SET request.jwt.claims = '{"sub":"${id}","iat":${now()}}'; SELECT count(*) FROM note`;
    assert.equal((await get(`/${table}`, { token })).status, 200);
    assert.equal(await sql(select), '1');
    await sql(lock.replace('4711', id));
    const answer = await get(`/${table}`, { token });
    assert.equal(answer.status, 403);
    assert.equal(answer.text.replace(id, '4711'), refusal);
    assert.equal(await sql(select), '0');
  } finally {
    await sql('DROP TABLE note, account_holder; DROP OWNED BY app; DROP ROLE app');
  }
});
