// On a standby, which cannot write: every contract says that the service is
// unavailable, and tells a bad token from that.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat, chown, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';
import { badToken, bytes, call, missingToken, protocols, services } from './lib/rpc.mjs';
import { unavailable } from './lib/unavailable.mjs';

const stack = env.PGHOST;
let stop = async () => {};
let user;
before(async () => {
  user = await newUser();
  const directory = await mkdtemp(join(tmpdir(), 'userlock-standby-'));
  const { uid, gid } = await stat(stack);
  await chown(directory, uid, gid);
  const bin = execFileSync(env.PG_CONFIG ?? 'pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
  const run = (program, ...parameters) => execFileSync(join(bin, program), parameters, { uid, gid, stdio: 'ignore', cwd: directory });
  run('pg_basebackup', '--host', stack, '--username', 'postgres', '--pgdata', join(directory, 'data'), '--write-recovery-conf', '--checkpoint', 'fast');
  await appendFile(join(directory, 'data/postgresql.auto.conf'), `unix_socket_directories = '${directory}'\nhot_standby = on\n`);
  run('pg_ctl', '--pgdata', join(directory, 'data'), '--log', join(directory, 'log'), '--wait', 'start');
  const postgrest = await startPostgrest(['--database', database(directory)], { PGRST_DB_CHANNEL_ENABLED: 'false' });
  const nginx = await startNginx(['--socket', postgrest.socket]);
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
  stop = async () => {
    await nginx.stop();
    await postgrest.stop();
    run('pg_ctl', '--pgdata', join(directory, 'data'), '--mode', 'immediate', '--wait', 'stop');
    await rm(directory, { recursive: true, maxRetries: 5 });
  };
  for (let i = 0; i < 200 && (await get('/rpc/caller_tenants')).status !== 200; i++) await new Promise((resolve) => setTimeout(resolve, 100));
});
after(() => stop());

test('a standby is read from', async () => {
  assert.equal((await get(`/rpc/user_status?user_id=${user}`, { token: env.OPERATOR_TOKEN })).json.state, 'active');
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
