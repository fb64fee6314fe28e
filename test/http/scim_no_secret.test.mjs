// SCIM: providers send passwords along; they are in no table, and in no log.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';
import { env, sql } from './lib/client.mjs';
import { core, create, enterprise, list, newKey, newName, newScimUser, patch, pathOf, put, read, send } from './lib/scim.mjs';

const own = 'urn:example:params:scim:schemas:own:2.0:User';

test('no password that comes by SCIM is kept, shown or logged, nor is the key it came with', async () => {
  const prefix = `hunter${process.pid}x`;
  let count = 0;
  const password = () => `${prefix}${++count}`;
  const key = await newKey('operator');
  const token = { token: key };
  const { id } = await newScimUser();
  const answers = [];
  const deep = () => ({ password: password(), login: { Password: password(), history: [{ newPassword: password(), at: 'x' }] } });
  for (const [description, send_] of Object.entries({
    POST: () => create({ userName: newName(), password: password(), PassWord: password(), [own]: deep(), [enterprise]: { password: password() }, name: { password: password() }, emails: [{ value: 'a@example.com', password: password() }] }, token),
    'POST that is refused': () => create({ userName: id, password: password() }, token),
    'POST without a user name': () => create({ password: password(), [own]: deep() }, token),
    'POST that is malformed': () => create(`{"password":"${password()}","userName":"\\u0000"}`, token),
    'POST that breaks off': () => create(`{"userName":"x","password":"${password()}"`, token),
    'POST that is too large': () => create({ password: password(), title: 'x'.repeat(1_100_000) }, token),
    PUT: () => put(id, { title: 'a', password: password(), [own]: deep() }, token),
    'PUT of nobody': () => put('nobody', { password: password() }, token),
    'PUT that is malformed': () => send('PUT', pathOf(id), `{"password":"${password()}\\ud800"}`, token),
    'PATCH with a path': () => patch(id, [{ op: 'replace', path: 'password', value: password() }, { op: 'Add', path: `${core}:Password`, value: password() }], token),
    'PATCH without a path': () => patch(id, [{ op: 'replace', value: { password: password(), PASSWORD: password(), [`${core}:password`]: password(), title: 'b' } }], token),
    'PATCH of an extension': () => patch(id, [{ op: 'add', path: `${own}:password`, value: password() }, { op: 'add', path: `${own}:login.password`, value: password() },
      { op: 'add', path: `${own}:login`, value: { passwordHash: password() } }, { op: 'add', path: `${own}:kept`, value: 'x' }, { op: 'add', value: { [own]: deep() } }, { op: 'add', path: own, value: deep() }], token),
    'PATCH of a part': () => patch(id, [{ op: 'add', path: 'name.password', value: password() }, { op: 'add', path: 'emails[type eq "work"].password', value: password() }], token),
    'PATCH that deactivates': () => patch(id, [{ op: 'replace', value: { active: false, password: password() } }], token),
    'PATCH that is refused': () => patch(id, [{ op: 'replace', path: 'password', value: password() }, { op: 'move' }], token),
    'PATCH of the user name to one too long': () => patch(id, [{ op: 'replace', path: 'userName', value: 'x'.repeat(400) }, { op: 'replace', path: 'password', value: password() }], token),
    'no permission': () => create({ userName: newName(), password: password() }, { token: env.STRANGER_TOKEN }),
    'a bad token': () => create({ userName: newName(), password: password() }, { token: env.EXPIRED_TOKEN }),
    'a wrong type': () => create(`password=${password()}`, { ...token, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
  })) {
    const answer = await send_();
    assert.ok(answer.status < 500, `${description} ${answer.text}`);
    answers.push(answer.text);
  }
  answers.push((await read(id)).text, (await list({ filter: `id eq "${id}"` })).text);
  assert.match((await read(id)).text, /"kept":"x"/, 'what stands beside it is kept');
  for (const text of answers) for (const one of [prefix, key]) assert.ok(!text.includes(one), `an answer holds a secret: ${text}`);

  const tables = (await sql("SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relnamespace IN ('userlock_private'::regnamespace) AND relkind = 'r'")).split(' ');
  assert.ok(tables.includes('userlock_private.profile'));
  for (const table of tables) assert.equal(await sql(`SELECT count(*) FROM ${table} AS t WHERE t::text ~ '${prefix}'`), '0', table);

  const files = (await readdir(env.PGHOST)).filter((name) => name.endsWith('.log'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const text = await readFile(`${env.PGHOST}/${file}`, 'utf8');
    for (const one of [prefix, key]) assert.ok(!text.includes(one), `${file} holds a secret`);
  }
});
