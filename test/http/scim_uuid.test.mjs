// SCIM: where new users are to have ids of their own, not their user names.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { env, eventsOf, get, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';
import { checkUser, core, create, list, newName, nextSecond, patch, problem, read, remove, signIn, visit } from './lib/scim.mjs';
import { check } from './lib/contract.mjs';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// A role to connect as, for whose sessions the setting is made.
const login = `uuid_${process.pid}`;
let stop = async () => {};
before(async () => {
  await sql(`CREATE ROLE ${login} LOGIN NOINHERIT; GRANT anon, operator, stranger TO ${login}; ALTER ROLE ${login} SET userlock_http.scim_user_id = 'uuid'`);
  const postgrest = await startPostgrest(['--database', database(env.PGHOST).replace('authenticator', login)]);
  const nginx = await startNginx(['--socket', postgrest.socket]);
  env.HTTP_URL = nginx.httpUrl;
  stop = async () => {
    await nginx.stop();
    await postgrest.stop();
  };
  for (let i = 0; i < 200 && (await get('/rpc/whoami', { token: env.OPERATOR_TOKEN })).status !== 200; i++) await new Promise((resolve) => setTimeout(resolve, 50));
});
after(async () => {
  await stop();
  await sql(`DROP OWNED BY ${login}; DROP ROLE ${login}`);
});

test('SCIM POST: the id is a UUID, by which the user is known to everybody', async () => {
  const userName = newName();
  const { id } = checkUser(await create({ schemas: [core], userName, active: true }), 201);
  assert.match(id, uuid);
  assert.equal(await eventsOf(id), 'registered');
  assert.equal(checkUser(await read(id)).userName, userName);
  assert.equal((await read(userName)).status, 404);
  assert.deepEqual((await list({ filter: `userName eq "${userName}"` })).json.Resources.map((one) => one.id), [id]);
  const token = await signIn(id);
  assert.equal(await visit(token), 200);
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }])).active, false);
  assert.equal(await visit(token), 403);
});

test('SCIM POST: a user name is one user\'s all the same', async () => {
  const userName = newName();
  checkUser(await create({ userName }), 201);
  for (const taken of [userName, userName.toUpperCase()]) check(await create({ userName: taken }), problem(409, 'uniqueness'));
  // Also of whoever was adopted from a table, and has no profile.
  const adopted = newName('adopted');
  await sql(`SELECT userlock.register_user('${adopted}', '${env.TENANT}')`);
  check(await create({ userName: adopted }), problem(409, 'uniqueness'));
});

test('SCIM POST: whoever was deleted is somebody else when they come back', async () => {
  const userName = newName();
  const first = checkUser(await create({ userName }), 201).id;
  await remove(first);
  const { id } = checkUser(await create({ userName }), 201);
  assert.match(id, uuid);
  assert.notEqual(id, first);
  await nextSecond();
  assert.equal(await visit(await signIn(first)), 401);
  assert.equal(await visit(await signIn(id)), 200);
});

test('SCIM POST: a user name may be longer than an id', async () => {
  const userName = newName().padEnd(320, 'x');
  assert.equal(checkUser(await create({ userName }), 201).userName, userName);
});

test('SCIM POST: a request that is refused registers nobody', async () => {
  const count = () => sql(`SELECT count(*) FROM userlock_private.account WHERE tenant = '${env.TENANT}' AND user_id ~ '^[0-9a-f-]{36}$'`);
  const before = await count();
  for (const body of [{}, { userName: '' }, { userName: 5 }, { userName: 'x'.repeat(321) }, { userName: newName(), active: 'maybe' }]) check(await create(body), problem(400, 'invalidValue'));
  assert.equal(await count(), before);
});
