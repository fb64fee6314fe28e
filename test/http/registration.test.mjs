// An API whose users live elsewhere, in an identity provider: nobody registers them, and
// whoever support locks is out at the next request all the same.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, before } from 'node:test';
import { env, eventsOf, get, newUser, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';
import { badToken, call, protocols } from './lib/rpc.mjs';

// A role to connect as, for whose sessions the setting is on; and a table of the API's.
const login = `elsewhere_${process.pid}`;
const table = `order_${process.pid}`;
const stack = env.HTTP_URL;
let stop = async () => {};
before(async () => {
  await sql(`CREATE ROLE ${login} LOGIN NOINHERIT; GRANT anon, operator, stranger TO ${login};
    ALTER ROLE ${login} SET userlock.registration = 'on_demand';
    CREATE TABLE userlock.${table} (owner text); ALTER TABLE userlock.${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON userlock.${table} USING ((SELECT userlock.current_user_allowed()));
    GRANT SELECT ON userlock.${table} TO stranger; INSERT INTO userlock.${table} VALUES ('anybody')`);
  const postgrest = await startPostgrest(['--database', database(env.PGHOST).replace('authenticator', login)]);
  const nginx = await startNginx(['--socket', postgrest.socket]);
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
  stop = async () => {
    await nginx.stop();
    await postgrest.stop();
  };
  for (let i = 0; i < 200 && (await get(`/${table}`, { token: env.STRANGER_TOKEN })).status !== 200; i++) await new Promise((resolve) => setTimeout(resolve, 50));
});
after(async () => {
  await stop();
  await sql(`DROP TABLE userlock.${table}; DROP OWNED BY ${login}; DROP ROLE ${login}; NOTIFY pgrst, 'reload schema'`);
});

const now = () => Math.floor(Date.now() / 1000);
const tokenOf = (sub, claims = {}) => sign({ role: 'stranger', sub, tenant: env.TENANT, iat: now(), ...claims });
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));
const newId = () => `idp|${randomUUID()}`;
const reads = async (token) => (await get(`/${table}`, { token })).status;

test('a token never seen passes; its user is locked, out at the next request, and back with a new token', async () => {
  const id = newId();
  const token = await tokenOf(id);
  assert.deepEqual((await get(`/${table}`, { token })).json, [{ owner: 'anybody' }]);
  assert.equal(await eventsOf(id), '', 'nobody is registered by coming in');
  const locked = await rpc('lock_user', { user_id: id, reason: 'phished' });
  assert.equal(locked.status, 200);
  assert.equal(locked.json.state, 'locked');
  assert.equal(locked.json.sequence, 2);
  assert.equal(await eventsOf(id), 'registered locked');
  const refused = await get(`/${table}`, { token });
  assert.equal(refused.status, 403);
  assert.match(refused.json.hint, /\[user_locked\]$/);
  assert.equal((await rpc('unlock_user', { user_id: id })).json.state, 'active');
  assert.equal(await reads(token), 401, 'the old token');
  assert.equal(await reads(await tokenOf(id, { iat: undefined })), 401, 'one that does not say when');
  await nextSecond();
  assert.equal(await reads(await tokenOf(id)), 200);
});

test('whoever was erased is nobody ever seen, but for their old tokens', async () => {
  const id = newId();
  const token = await tokenOf(id);
  assert.equal((await rpc('block_user', { user_id: id, reason: 'fraud' })).status, 200);
  assert.equal((await rpc('erase_user', { user_id: id })).status, 403, 'support may not erase');
  await sql(`SELECT userlock.erase_user('${id}', '${env.TENANT}')`);
  assert.equal(await eventsOf(id), '');
  const refused = await get(`/${table}`, { token });
  assert.equal(refused.status, 401);
  assert.match(refused.json.hint, /\[token_void\]$/);
  await nextSecond();
  assert.equal(await reads(await tokenOf(id)), 200, 'a new token');
  assert.equal(await reads(token), 401, 'the old one');
});

test('revoked access registers as well, and voids what was issued', async () => {
  const id = newId();
  const token = await tokenOf(id);
  assert.equal(await reads(token), 200);
  assert.equal((await rpc('revoke_access', { user_id: id })).status, 200);
  assert.equal(await reads(token), 401);
  assert.equal(await eventsOf(id), 'registered access_revoked');
});

test('many at once, most of whom were never seen', async () => {
  const [first, second] = [newId(), newId()];
  const known = await newUser('lock_user');
  const { status, json } = await rpc('lock_users', { user_ids: [first, known, second] });
  assert.equal(status, 200);
  assert.deepEqual(Object.fromEntries(json.map(({ user_id, outcome }) => [user_id, outcome])), { [first]: 'changed', [known]: 'user_already_locked', [second]: 'changed' });
  assert.equal(await reads(await tokenOf(second)), 403);
});

test('deleted users stay out, and are not locked', async () => {
  const id = await newUser();
  await rpc('delete_user', { user_id: id });
  assert.equal(await reads(await tokenOf(id)), 401);
  assert.equal((await rpc('lock_user', { user_id: id })).status, 404);
  assert.equal(await eventsOf(id), 'registered deleted');
});

test('who lifts, deletes, asks or expects something is told that there is no such user', async () => {
  const user_id = newId();
  for (const [name, body] of [['unlock_user'], ['unblock_user', { idempotent: true }], ['delete_user'], ['user_status'], ['lock_user', { expected_sequence: 1 }]]) {
    const { status, json } = await rpc(name, { user_id, ...body });
    assert.equal(status, 404, name);
    assert.equal(json.code, 'PT404', name);
  }
  assert.equal(await eventsOf(user_id), '');
});

test('every contract locks or blocks whoever was never seen, and lifts nothing of theirs', async () => {
  const authorization = { Authorization: `Bearer ${env.OPERATOR_TOKEN}` };
  const integer = () => String(1_000_000_000 + Math.floor(Math.random() * 1_000_000_000));
  for (const [name, make, verb, path, lift, headers, status, state, body = {}] of [
    ['Zitadel v2', newId, 'POST', (id) => `/v2/users/${id}/lock`, (id) => `/v2/users/${id}/unlock`, authorization, 200, 'locked'],
    ['Zitadel v2', newId, 'POST', (id) => `/v2/users/${id}/deactivate`, (id) => `/v2/users/${id}/reactivate`, authorization, 200, 'blocked'],
    ['Zitadel v1', newId, 'POST', (id) => `/management/v1/users/${id}/_lock`, (id) => `/management/v1/users/${id}/_unlock`, authorization, 200, 'locked'],
    ['Guardhouse', integer, 'PATCH', (id) => `/api/v1/users/${id}/block`, (id) => `/api/v1/users/${id}/unblock`, authorization, 204, 'blocked',
      { triggerWebhook: false, notifyUserViaEmail: false, suspensionReason: 'spam', blockedByUserId: 9001 }],
    ['MonoCloud', randomUUID, 'POST', (id) => `/api/users/${id}/disable`, (id) => `/api/users/${id}/enable`, { 'X-API-KEY': env.MONOCLOUD_API_KEY }, 200, 'blocked'],
    ['Clerk', newId, 'POST', (id) => `/v1/users/${id}/lock`, (id) => `/v1/users/${id}/unlock`, authorization, 200, 'locked'],
    ['Clerk', newId, 'POST', (id) => `/v1/users/${id}/ban`, (id) => `/v1/users/${id}/unban`, authorization, 200, 'blocked'],
    ['Xekout', randomUUID, 'POST', (id) => `/v1/admin/tenant/user/block/${id}`, (id) => `/v1/admin/tenant/user/revoke/${id}`, authorization, 204, 'blocked'],
    ['Okta', newId, 'POST', (id) => `/api/v1/users/${id}/lifecycle/suspend`, (id) => `/api/v1/users/${id}/lifecycle/unsuspend`, authorization, 200, 'blocked'],
  ]) {
    const id = make();
    const send = (to) => request(verb, to(encodeURIComponent(id)), { headers, body });
    assert.equal((await send(lift)).status, 404, name);
    assert.equal(await eventsOf(id), '', name);
    const answer = await send(path);
    assert.equal(answer.status, status, `${name} ${answer.text}`);
    assert.equal(await stateOf(id), state, name);
    assert.equal(await reads(await tokenOf(id)), 403, name);
    assert.equal((await send(lift)).status, status, name);
    assert.equal(await stateOf(id), 'active', name);
  }
});

test('who may not lock registers nobody, and nobody anywhere but in their tenants', async () => {
  const user_id = newId();
  for (const token of [env.STRANGER_TOKEN, await tokenOf(newId()), undefined]) {
    for (const name of ['lock_user', 'block_user', 'revoke_access']) {
      assert.equal((await rpc(name, { user_id }, { token })).status, token ? 403 : 401, name);
    }
  }
  assert.equal((await rpc('lock_user', { user_id, tenant: env.TENANT }, { token: env.OTHER_TENANT_TOKEN })).status, 403);
  assert.equal((await request('POST', `/v2/users/${encodeURIComponent(user_id)}/lock`, { token: env.STRANGER_TOKEN, body: {} })).status, 403);
  assert.equal(await sql(`SELECT count(*) FROM userlock_private.event WHERE user_id = '${user_id}'`), '0');
  // In their own tenant it is somebody else, who is locked there and nowhere else.
  assert.equal((await rpc('lock_user', { user_id }, { token: env.OTHER_TENANT_TOKEN })).status, 200);
  assert.equal(await reads(await tokenOf(user_id)), 200);
});

test('support staff need not be registered either, and are out when they are locked', async () => {
  const id = newId();
  const token = await tokenOf(id, { role: 'operator' });
  const victim = newId();
  assert.equal((await rpc('lock_user', { user_id: victim }, { token })).status, 200);
  assert.equal(await sql(`SELECT DISTINCT actor FROM userlock_private.event WHERE user_id = '${victim}'`), id);
  await rpc('block_user', { user_id: id });
  assert.equal((await rpc('unlock_user', { user_id: victim }, { token })).status, 403);
  for (const protocol of Object.values(protocols)) {
    protocol.check(await call(protocol, '/zitadel.user.v2.UserService/UnlockUser', protocol.request(victim), { token }), badToken, protocol.type);
  }
});

test('what is no id, or comes from the future, is refused as ever', async () => {
  for (const claims of [{ sub: '' }, { sub: 'x'.repeat(201) }, { sub: 5 }, { sub: 'a\0b' }, { tenant: '' }, { tenant: 'x'.repeat(201) }, { iat: now() + 3600 }]) {
    assert.equal(await reads(await tokenOf(newId(), claims)), 401, JSON.stringify(claims).slice(0, 100));
  }
  assert.equal((await rpc('lock_user', { user_id: 'x'.repeat(201) })).status, 422);
});

test('it is on for those who connect so, and for nobody else', async () => {
  const token = await tokenOf(newId());
  assert.equal(await reads(token), 200);
  assert.equal((await fetch(`${stack}/${table}`, { headers: { Authorization: `Bearer ${token}` } })).status, 401);
});
