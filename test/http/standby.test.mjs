// Reads from a standby, changes at the primary, behind the nginx of docs/standbys.md:
// how old an answer is, and that a lock which waited for remote_apply refuses at once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';
import { freePort, startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';
import { startStandby } from './lib/standby.mjs';

const document = await readFile(new URL('../../docs/standbys.md', import.meta.url), 'utf8');
const [example] = document.match(/^upstream changes .*?^\}$(?=\n```)/ms);
const attributes = [...document.matchAll(/target_session_attrs=[a-z-]+/g)].map(([text]) => text);

let standby;
const toStop = [];
before(async () => {
  standby = await startStandby();
  toStop.push(standby.stop);
  // Both know both servers, and each finds its own, whichever stands first.
  const urls = [];
  for (const [i, hosts] of [[0, [standby.directory, env.PGHOST]], [1, [env.PGHOST, standby.directory]]]) {
    const options = i ? ['--standby', 'yes'] : [];
    const uri = `${database(hosts.join(',')).replace(/5432$/, '5432,5432')}&${attributes[i]}`;
    const postgrest = await startPostgrest(['--database', uri, ...options]);
    const nginx = await startNginx(['--socket', postgrest.socket, ...options]);
    toStop.unshift(nginx.stop, postgrest.stop);
    urls.push(nginx.httpUrl);
  }
  const directory = await mkdtemp(join(tmpdir(), 'userlock-front-'));
  const { uid, gid } = await stat(env.PGHOST);
  const port = await freePort();
  const site = example.replace('127.0.0.1:8000', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8080', new URL(urls[0]).host).replaceAll('127.0.0.1:8090', new URL(urls[1]).host);
  await writeFile(join(directory, 'nginx.conf'), `pid "${directory}/nginx.pid"; error_log "${directory}/log"; events {}
    http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path "${directory}/${name}";`).join(' ')} ${site} }`);
  execFileSync('chown', ['-R', `${uid}:${gid}`, directory]);
  execFileSync('nginx', ['-e', `${directory}/log`, '-c', `${directory}/nginx.conf`], { uid, gid, env: { PATH: `${env.PATH}:/usr/sbin` } });
  toStop.unshift(async () => {
    process.kill(Number(await readFile(`${directory}/nginx.pid`, 'utf8')), 'SIGTERM');
    await rm(directory, { recursive: true, maxRetries: 5 });
  });
  env.HTTP_URL = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 200; i++) {
    if ((await get('/rpc/caller_tenants')).status === 200 && (await rpc('whoami', {})).status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
after(async () => {
  for (const stop of toStop) await stop();
  // The stack's database waits for nobody any more.
  await sql('ALTER SYSTEM RESET synchronous_standby_names');
  await sql('ALTER ROLE authenticator RESET synchronous_commit; SELECT pg_reload_conf()');
});

const token = { token: env.OPERATOR_TOKEN };
const stateThere = async (user) => (await get(`/rpc/user_status?user_id=${user}`, token)).json.state;
const until = async (isSo) => {
  for (let i = 0; i < 300 && !(await isSo()); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(await isSo());
};
const arrives = async (user) => until(async () => (await get(`/rpc/user_status?user_id=${user}`, token)).status === 200);

test('changes go to the primary, by the native interface and by contracts; reads come from the standby', async () => {
  const user = await newUser();
  await arrives(user);
  await standby.sql('SELECT pg_wal_replay_pause()');
  await until(async () => (await standby.sql('SELECT pg_get_wal_replay_pause_state()')) === 'paused');
  assert.equal((await rpc('lock_user', { user_id: user })).json.state, 'locked');
  assert.equal(await stateThere(user), 'active');
  assert.equal((await get(`/v2/users/${user}`, token)).json.user.state, 'USER_STATE_ACTIVE');
  assert.equal((await request('POST', `/v2/users/${user}/unlock`, token)).status, 200);
  assert.equal((await request('POST', `/v1/users/${user}/ban`, token)).status, 200);
  // What reads by POST is asked at the primary.
  assert.equal((await rpc('user_status', { user_id: user })).json.state, 'blocked');
  assert.equal((await rpc('lock_user', { user_id: user, expected_sequence: 1 })).status, 412);
  assert.equal(await stateThere(user), 'active');
  await standby.sql('SELECT pg_wal_replay_resume()');
  await until(async () => (await stateThere(user)) === 'blocked');
});

test('a user who was locked with remote_apply is refused by the standby at the next request', async () => {
  await sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
  await sql('ALTER ROLE authenticator SET synchronous_commit = remote_apply; SELECT pg_reload_conf()');
  // Connections of PostgREST's from before go on without it.
  await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'authenticator'");
  await until(async () => (await sql('SELECT sync_state FROM pg_stat_replication')) === 'sync');
  await until(async () => (await rpc('whoami', {})).status === 200 && (await get('/rpc/whoami', token)).status === 200);
  for (let i = 0; i < 20; i++) {
    const user = await newUser();
    // Registering has raised no floor yet: the user's token is good at once.
    const theirs = { token: await sign({ role: 'stranger', sub: user, tenant: env.TENANT, iat: Math.floor(Date.now() / 1000) + 5 }) };
    assert.equal((await get('/rpc/whoami', theirs)).status, 200);
    const locked = i % 2 ? await rpc('lock_user', { user_id: user }) : await request('POST', `/v2/users/${user}/lock`, token);
    assert.equal(locked.status, 200);
    const { status, json } = await get('/rpc/whoami', theirs);
    assert.deepEqual([status, json.message], [403, `user "${user}" is locked`], `round ${i}`);
  }
});

test('when the standby does not answer, reads come from the primary', async () => {
  const user = await newUser();
  const stop = toStop.splice(1, 2);
  for (const end of stop) await end();
  assert.equal(await stateThere(user), 'active');
  assert.equal((await rpc('lock_user', { user_id: user })).status, 200);
  assert.equal(await stateThere(user), 'locked');
});
