// On a standby, which cannot write: every contract says that the service is
// unavailable, and tells a bad token from that.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';
import { badToken, bytes, call, missingToken, protocols, services } from './lib/rpc.mjs';
import { startStandby } from './lib/standby.mjs';
import { unavailable } from './lib/unavailable.mjs';

let [standby, user] = [];
let stop = async () => {};
before(async () => {
  user = await newUser();
  standby = await startStandby();
  const postgrest = await startPostgrest(['--database', database(standby.directory), '--standby', 'yes']);
  const nginx = await startNginx(['--socket', postgrest.socket, '--standby', 'yes']);
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
  stop = async () => {
    await nginx.stop();
    await postgrest.stop();
    await standby.stop();
  };
  for (let i = 0; i < 200 && (await get('/rpc/caller_tenants')).status !== 200; i++) await new Promise((resolve) => setTimeout(resolve, 100));
});
after(() => stop());

test('a standby is read from', async () => {
  assert.equal((await get(`/rpc/user_status?user_id=${user}`, { token: env.OPERATOR_TOKEN })).json.state, 'active');
});

// Functions of the native interface that the operator may call, with the parameters they take.
const functions = (volatility) => sql(`SELECT json_agg(json_build_object('name', proname, 'body',
    (SELECT coalesce(json_object_agg(name, CASE name WHEN 'user_ids' THEN '{x}' WHEN 'user_id' THEN '${user}' END), '{}')
     FROM unnest(proargnames[1:pronargs - pronargdefaults]) AS name))) FROM pg_proc
  WHERE pronamespace = 'userlock'::regnamespace AND provolatile ${volatility} AND has_function_privilege('operator', oid, 'EXECUTE')
    AND prokind = 'f' AND prorettype <> 'trigger'::regtype AND NOT has_function_privilege('public', oid, 'EXECUTE')`).then(JSON.parse);

test('on a standby, every function that may write says natively that it is one', async () => {
  const found = await functions("= 'v'");
  assert.ok(found.length > 12, `${found.length} functions`);
  for (const { name, body } of found) {
    for (const options of [{}, { token: null }, { body: JSON.stringify(body).padEnd(20_000) }]) {
      const { status, headers, json } = await rpc(name, body, options);
      assert.deepEqual([name, status, json], [name, 503, { code: 'PT503', details: null, hint: 'Call the primary.', message: 'A standby changes nothing' }]);
      assert.equal(headers.get('retry-after'), '1');
      assert.equal(headers.get('access-control-allow-origin'), '*');
    }
  }
});

test('on a standby, every function that only reads answers a POST as on the primary', async () => {
  const found = await functions("<> 'v'");
  assert.ok(found.length > 5, `${found.length} functions`);
  for (const { name, body } of found) {
    const { status, text } = await rpc(name, body);
    assert.ok([200, 204].includes(status), `${name}: ${status} ${text}`);
  }
  assert.equal((await rpc('user_status', { user_id: user })).json.state, 'active');
  assert.equal((await rpc('find_users', { filter: { user_id: user } })).json[0].user_id, user);
  for (const [expected, name, body, options] of [
    [404, 'user_status', { user_id: 'nobody' }], [404, 'no_such_function', {}], [400, 'user_status', '{'], [422, 'find_users', { filter: { no: 'such' } }],
    [401, 'whoami', {}, { token: 'nonsense' }], [403, 'user_status', { user_id: user }, { token: env.STRANGER_TOKEN }],
  ]) assert.equal((await rpc(name, body, options)).status, expected, name);
});

test('on a standby, GET cannot change anything, as everywhere', async () => {
  assert.equal((await get(`/rpc/lock_user?user_id=${user}`, { token: env.OPERATOR_TOKEN })).status, 405);
});

for (const [name, answers] of unavailable({ reads: false })) test(`on a standby, ${name} says that it is unavailable`, answers);

test('on a standby, Zitadel\'s users are found, over every protocol', async () => {
  const token = env.OPERATOR_TOKEN;
  const found = { queries: [{ inUserIdsQuery: { userIds: [user] } }] };
  assert.equal((await get(`/v2/users/${user}`, { token })).json.user.state, 'USER_STATE_ACTIVE');
  assert.equal((await get(`/management/v1/users/${user}`, { token })).json.user.id, user);
  assert.equal((await request('POST', '/v2/users', { token, body: found })).json.result[0].userId, user);
  assert.equal((await request('POST', '/management/v1/users/_search', { token, body: found })).json.result[0].id, user);
  assert.equal((await get('/v2/users/nobody', { token })).status, 404);
  assert.equal((await get(`/v2/users/${user}`, { token: env.STRANGER_TOKEN })).status, 403);
  for (const [name, protocol] of Object.entries(protocols)) {
    for (const { path } of Object.values(services)) {
      if (protocol.isConnect && path.includes('.v1.')) continue;
      const got = await call(protocol, `${path}GetUserByID`, protocol.request(user));
      assert.ok(got.body.includes(user), `${path} ${name}`);
      const listed = await call(protocol, `${path}ListUsers`, protocol.encode ? protocol.encode(bytes(3, bytes(10, bytes(1, user)))) : JSON.stringify(found));
      assert.ok(listed.body.includes(user), `${path} ${name}`);
      protocol.check(await call(protocol, `${path}ListUsers`, protocol.request('x'), { token: null }), missingToken, protocol.type);
    }
  }
});

test('on a standby, the contracts read', async () => {
  const key = { headers: { 'X-API-KEY': env.MONOCLOUD_API_KEY } };
  const token = { token: env.OPERATOR_TOKEN };
  assert.equal((await get(`/api/users/${user}`, key)).json.user_id, user);
  assert.equal((await get(`/api/users?filter=user_id:${user}`, key)).json[0].user_id, user);
  assert.equal((await get('/api/v1/users', token)).json.total, Number(await sql("SELECT userlock.count_users('{\"integer_id\": true}')")));
  assert.equal((await get('/api/v1/users/999999999', token)).text, 'User not found');
  assert.equal((await get(`/v1/users/${user}`, token)).json.id, user);
  assert.equal((await get(`/v1/users/${user}`, { token: env.MONOCLOUD_API_KEY })).json.id, user);
  for (const credential of [env.OPERATOR_TOKEN, env.MONOCLOUD_API_KEY]) {
    assert.equal((await get(`/scim/v2/Users/${user}`, { token: credential })).json.active, true);
    assert.equal((await get(`/scim/v2/Users?filter=id+eq+"${user}"`, { token: credential })).json.totalResults, 1);
  }
  assert.equal((await get('/v1/admin/users?perPage=1', token)).json.items.length, 1);
  assert.equal((await get('/v1/admin/users/00000000-0000-4000-8000-000000000000', token)).json.code, 404014);
});

test('on a standby, a token whose role does not exist is a bad token', async () => {
  const token = await sign({ role: 'nobody', sub: 'x', tenant: env.TENANT });
  assert.equal((await request('PATCH', '/api/v1/users/1/unblock', { token })).status, 401);
  assert.equal((await request('POST', '/v2/users/x/unlock', { token })).status, 401);
});

// From here on it is no standby.
test('once promoted, it takes changes, through the same PostgREST and nginx', async () => {
  standby.promote();
  assert.equal((await rpc('lock_user', { user_id: user })).json.state, 'locked');
  const again = await rpc('lock_user', { user_id: user });
  assert.deepEqual([again.status, again.json.code], [400, 'PT400']);
  assert.equal((await request('POST', `/v2/users/${user}/unlock`, { token: env.OPERATOR_TOKEN })).status, 200);
});

test('when its server is gone, everything says that it is unavailable, and once when to come again', async () => {
  standby.halt();
  for (const [method, path] of [['POST', '/rpc/unlock_user'], ['GET', '/users'], ['GET', '/rpc/whoami']]) {
    const { status, headers } = await request(method, path, { token: env.OPERATOR_TOKEN });
    assert.deepEqual([path, status, headers.get('retry-after')], [path, 503, '1']);
  }
  for (const [, answers] of unavailable()) await answers();
});
