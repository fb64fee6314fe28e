// What an HTTP request did is one batch, under the id that nginx gave the request.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, get, newUser, request, rpc, sql } from './lib/client.mjs';

const batchesOf = async (user_id) =>
  (await sql(`SELECT coalesce(batch::text, 'none') FROM userlock_private.event WHERE user_id = '${user_id}' ORDER BY sequence`)).split('\n');
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('every request has a batch of its own, through PostgREST and through a contract', async () => {
  const user_id = await newUser('lock_user');
  const unlocked = await request('POST', `/v2/users/${user_id}/unlock`, { token: env.OPERATOR_TOKEN, body: {} });
  assert.equal(unlocked.status, 200);
  const batches = await batchesOf(user_id);
  assert.equal(batches.length, 3);
  for (const batch of batches) assert.match(batch, uuid);
  assert.equal(new Set(batches).size, 3);
});

test('the events of one request share it: a set-based call, and what a contract writes beside', async () => {
  const users = [await newUser(), await newUser()];
  const outcomes = (await rpc('lock_users', { user_ids: users })).json;
  const [one, other] = await Promise.all(users.map(batchesOf));
  assert.equal(one[1], other[1]);
  assert.deepEqual(outcomes.map(({ batch }) => batch), [one[1], one[1]]);
});

test('a client has no say in it', async () => {
  const id = '00000000-0000-4000-8000-000000000001';
  const user_id = await newUser();
  for (const [method, path] of [['POST', '/rpc/lock_user'], ['POST', `/v2/users/${user_id}/unlock`]]) {
    const { status } = await request(method, path, {
      token: env.OPERATOR_TOKEN, body: path.includes('rpc') ? { user_id } : {}, headers: { 'X-Request-Id': id },
    });
    assert.equal(status, 200);
  }
  assert.ok(!(await batchesOf(user_id)).includes(id));
});

test('undo restores what a request changed and nobody has changed since', async () => {
  const users = [await newUser(), await newUser()];
  const [{ batch }] = (await rpc('block_users', { user_ids: users, reason: 'wrong list' })).json;
  await rpc('unblock_user', { user_id: users[0] });
  const undone = await rpc('undo', { batch, reason: 'sorry' });
  assert.equal(undone.status, 200);
  const outcomes = Object.fromEntries(undone.json.map(({ user_id, outcome }) => [user_id, outcome]));
  assert.deepEqual(outcomes, { [users[0]]: 'sequence_differs', [users[1]]: 'changed' });
  const { json: [last] } = await get(`/user_history?user_id=eq.${users[1]}&order=sequence.desc&limit=1`, { token: env.OPERATOR_TOKEN });
  assert.deepEqual([last.kind, last.reason, last.details], ['unblocked', 'sorry', { undo: batch }]);
});

test('undo of what is not there is 404, of another tenant too, and without permission 403', async () => {
  const user_id = await newUser();
  const [{ batch }] = (await rpc('lock_users', { user_ids: [user_id] })).json;
  assert.equal((await rpc('undo', { batch: '00000000-0000-4000-8000-00000000beef' })).json.message, 'batch 00000000-0000-4000-8000-00000000beef not found');
  assert.equal((await rpc('undo', { batch }, { token: env.OTHER_TENANT_TOKEN })).status, 404);
  assert.equal((await rpc('undo', { batch }, { token: env.STRANGER_TOKEN })).status, 403);
  assert.equal((await rpc('undo', { batch, dry_run: true })).json[0].outcome, 'changed');
});

test('a dry run over HTTP changes nothing', async () => {
  const user_id = await newUser();
  const [{ outcome, status, batch }] = (await rpc('lock_users', { user_ids: [user_id], dry_run: true })).json;
  assert.deepEqual([outcome, status.state, batch], ['changed', 'locked', null]);
  assert.equal((await rpc('user_status', { user_id })).json.state, 'active');
});
