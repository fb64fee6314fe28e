// Whom an identity provider deactivates is out at the next request, however it says so;
// and what it lifts is its own.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, rpc, sql, stateOf } from './lib/client.mjs';
import { withRole } from './lib/contract.mjs';
import { checkUser, core, enterprise, newScimUser, nextSecond, patch, patchOp, pathOf, put, read, send, signIn, tokenOf, visit } from './lib/scim.mjs';

const deactivations = {
  'Entra': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'Replace', path: 'active', value: 'False' }] }],
  'Entra with aadOptscim062020': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', path: 'active', value: false }] }],
  'Entra, in lower case': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'Replace', path: 'active', value: 'false' }] }],
  'Entra, Add': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'Add', path: 'active', value: 'False' }] }],
  'Okta OIN': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', value: { active: false } }] }],
  'Okta OIN without schemas': ['PATCH', { Operations: [{ op: 'replace', value: { active: false } }] }],
  'Okta AIW': ['PUT', (id, userName) => ({
    schemas: [core], id, userName, name: { givenName: 'Dale', familyName: 'Mohr' }, emails: [{ primary: true, value: userName, type: 'work' }],
    active: false, groups: [], meta: { resourceType: 'User' },
  })],
  'Operations before schemas': ['PATCH', { Operations: [{ op: 'Replace', path: 'active', value: 'False' }], schemas: [patchOp] }],
  'value before op': ['PATCH', { Operations: [{ value: 'False', path: 'active', op: 'Replace' }] }],
  'every name in another case': ['PATCH', { SCHEMAS: [patchOp], operations: [{ OP: 'REPLACE', PATH: 'ACTIVE', VALUE: 'FALSE' }] }],
  'add, without a path': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'add', value: { active: false } }] }],
  'without a path, a string': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', value: { Active: 'False' } }] }],
  'the path of the schema': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', path: `${core}:active`, value: false }] }],
  'the path of the schema as a key': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', value: { [`${core}:active`]: false } }] }],
  'among others, with dotted keys': ['PATCH', { schemas: [patchOp], Operations: [
    { op: 'Replace', value: { 'name.givenName': 'Dale', active: 'False', [`${enterprise}:department`]: 'Sales' } }] }],
  'the last of several operations': ['PATCH', { schemas: [patchOp], Operations: [
    { op: 'Add', path: 'emails[type eq "work"].value', value: 'dale@example.com' }, { op: 'Replace', path: 'displayName', value: 'Dale' },
    { op: 'Replace', path: 'active', value: 'False' }] }],
  'the last word counts': ['PATCH', { schemas: [patchOp], Operations: [
    { op: 'Replace', path: 'active', value: 'True' }, { op: 'Replace', path: 'active', value: 'False' }] }],
  'PUT with a string': ['PUT', (id, userName) => ({ schemas: [core], userName, active: 'False' })],
  'PUT of nothing else': ['PUT', () => ({ ACTIVE: false })],
  'application/json': ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', value: { active: false } }] }, { 'Content-Type': 'application/json; charset=utf-8' }],
};

for (const [who, [method, body, headers]] of Object.entries(deactivations)) {
  test(`${who} deactivates: the user's next request is refused`, async () => {
    const { id, userName } = await newScimUser({ name: { givenName: 'D', familyName: 'Mohr' } });
    const token = await signIn(id);
    assert.equal(await visit(token), 200);
    const answer = await send(method, pathOf(id), typeof body === 'function' ? body(id, userName) : body, { headers });
    assert.equal(await visit(token), 403);
    assert.equal(checkUser(answer).active, false);
    assert.equal(checkUser(await read(id)).active, false, 'and a later GET says so');
    assert.equal(await sql(`SELECT kind, actor, reason, details FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'blocked'`),
      'blocked|support@example.com|deactivated by the identity provider|{"scim": true}');
  });
}

// What else is in a request that deactivates is wrong.
const wrong = [
  { op: 'Replace', path: 'emails[type eq', value: 'x' }, { op: 'Replace', path: 'no.such.attribute', value: 1 }, { op: 'Replace', path: 'userName', value: 5 },
  { op: 'Replace', path: 'userName', value: 'x'.repeat(400) }, { op: 'Remove' }, { op: 'Move', path: 'title', value: 'x' }, { op: 5, path: 'title' },
  { path: 'title', value: 'x' }, { op: 'Replace', value: 'x' }, { op: 'Replace', path: 7, value: 'x' }, {}, 5, null, 'x', [],
  { op: 'Replace', path: 'displayName', value: { a: 1 } }, { op: 'Add', path: 'emails[value eq "x"', value: [] }, { op: 'Remove', path: 'userName' },
];
test('nothing else that is wrong in a PATCH keeps a user active', async () => {
  const deactivate = { op: 'Replace', path: 'active', value: 'False' };
  for (const operations of [...wrong.flatMap((one) => [[one, deactivate], [deactivate, one]]), [...wrong, deactivate, ...wrong]]) {
    const id = await newUser();
    assert.equal(checkUser(await patch(id, operations)).active, false, JSON.stringify(operations));
    assert.equal(await stateOf(id), 'blocked');
  }
});

test('the operations beside it that can be applied are', async () => {
  const { id, userName } = await newScimUser({ title: 'a' });
  const user = checkUser(await patch(id, [
    { op: 'Replace', path: 'displayName', value: 'Dale' }, { op: 'Replace', path: 'emails[', value: 'x' }, { op: 'Replace', path: 'active', value: 'False' },
    { op: 'Remove', path: 'title' }]));
  assert.deepEqual([user.userName, user.displayName, user.title, user.active], [userName, 'Dale', undefined, false]);
});

test('a user name that is another\'s is left out, and keeps nobody active', async () => {
  const taken = (await newScimUser()).userName;
  for (const deactivate of [
    (id) => patch(id, [{ op: 'Replace', value: { userName: taken, active: false } }]),
    (id) => put(id, { schemas: [core], userName: taken, active: false }),
  ]) {
    const { id, userName } = await newScimUser();
    const token = await signIn(id);
    assert.equal(checkUser(await deactivate(id)).active, false);
    assert.equal(await visit(token), 403);
    assert.equal(checkUser(await read(id)).userName, userName);
  }
});

test('who may block but not change profiles deactivates all the same', async () => {
  const { id } = await newScimUser({ title: 'kept' });
  await withRole(['user_status', 'user_profile', 'block_user', 'unblock_user'], async (role) => {
    const token = await tokenOf(role);
    const body = [{ op: 'Replace', path: 'title', value: 'new' }, { op: 'Replace', path: 'active', value: 'False' }];
    const { active, title } = checkUser(await patch(id, body, { token }));
    assert.deepEqual([active, title], [false, 'kept']);
    assert.equal((await patch(id, [body[0]], { token })).status, 403);
  });
  assert.equal(await stateOf(id), 'blocked');
});

test('deactivated twice is deactivated once', async () => {
  const { id } = await newScimUser();
  const first = await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }]);
  const second = await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }]);
  assert.equal(second.status, 200);
  assert.equal(second.text, first.text);
  assert.equal(await eventsOf(id), 'registered blocked');
});

// What a nightly synchronization sends of users who are active in the directory.
const synchronizations = {
  PUT: async (id) => put(id, { ...(await read(id)).json, active: true }),
  PATCH: (id) => patch(id, [{ op: 'Replace', path: 'active', value: 'True' }]),
  'PATCH without a path': (id) => patch(id, [{ op: 'replace', value: { active: true } }]),
};
for (const [how, synchronize] of Object.entries(synchronizations)) {
  test(`a synchronization (${how}) does not lift what support has blocked`, async () => {
    const { id } = await newScimUser();
    await rpc('block_user', { user_id: id, reason: 'fraud' });
    const token = await signIn(id);
    const before = await read(id);
    assert.equal(checkUser(before).active, false);
    const answer = await synchronize(id);
    assert.equal(checkUser(answer).active, false);
    assert.equal(answer.text, before.text);
    assert.equal(await eventsOf(id), 'registered blocked');
    assert.equal(await visit(token), 403);
  });

  test(`a synchronization (${how}) lifts what it has blocked itself`, async () => {
    const { id } = await newScimUser();
    await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }]);
    assert.equal(checkUser(await synchronize(id)).active, true);
    assert.equal(await eventsOf(id), 'registered blocked unblocked');
    await nextSecond();
    assert.equal(await visit(await signIn(id)), 200);
  });

  test(`a synchronization (${how}) leaves a lock alone, and a locked user is active`, async () => {
    const { id } = await newScimUser();
    await rpc('lock_user', { user_id: id });
    const token = await signIn(id);
    assert.equal(checkUser(await synchronize(id)).active, true);
    assert.equal(await stateOf(id), 'locked');
    assert.equal(await eventsOf(id), 'registered locked');
    assert.equal(await visit(token), 403);
  });
}

test('a block of support\'s that SCIM asked for again stays support\'s', async () => {
  const { id } = await newScimUser();
  await rpc('block_user', { user_id: id, reason: 'fraud' });
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }])).active, false);
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: 'True' }])).active, false);
  assert.equal(await sql(`SELECT block_reason FROM userlock.restricted_users WHERE user_id = '${id}'`), 'fraud');
  await rpc('unblock_user', { user_id: id });
  assert.equal(checkUser(await read(id)).active, true);
});

test('a block of SCIM\'s own is support\'s to lift, and a block after that theirs', async () => {
  const { id } = await newScimUser();
  await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }]);
  await rpc('unblock_user', { user_id: id });
  assert.equal(checkUser(await read(id)).active, true);
  await rpc('block_user', { user_id: id });
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: 'True' }])).active, false);
});

test('locked and deactivated: activating lifts the block, and the lock stays', async () => {
  const { id } = await newScimUser();
  await rpc('lock_user', { user_id: id });
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: false }])).active, false);
  assert.equal(await stateOf(id), 'locked+blocked');
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: true }])).active, true);
  assert.equal(await stateOf(id), 'locked');
});

test('a block that has ended is none', async () => {
  const { id } = await newScimUser();
  await rpc('block_user', { user_id: id, until: new Date(Date.now() + 1200).toISOString() });
  assert.equal(checkUser(await read(id)).active, false);
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.equal(checkUser(await read(id)).active, true);
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: true }])).active, true);
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: false }])).active, false);
  assert.equal(await stateOf(id), 'blocked');
});

test('what is no truth value changes nothing', async () => {
  const { id } = await newScimUser({ title: 'kept' });
  for (const value of ['no', '', 0, 1, 'Falsey', ' false', {}, [], [false], { value: false }]) {
    for (const answer of [
      await patch(id, [{ op: 'Replace', path: 'title', value: 'x' }, { op: 'Replace', path: 'active', value }]),
      await patch(id, [{ op: 'Replace', value: { title: 'x', active: value } }]), await put(id, { schemas: [core], title: 'x', active: value }),
    ]) {
      assert.equal(answer.status, 400, `${JSON.stringify(value)} ${answer.text}`);
      assert.equal(answer.json.scimType, 'invalidValue');
    }
  }
  for (const operations of [[{ op: 'Remove', path: 'active' }], [{ op: 'Remove', path: 'Active', value: false }]]) {
    const answer = await patch(id, operations);
    assert.deepEqual([answer.status, answer.json.scimType], [400, 'invalidValue'], answer.text);
  }
  const { active, title } = checkUser(await read(id));
  assert.deepEqual([active, title], [true, 'kept']);
  assert.equal(await eventsOf(id), 'registered');
});

test('a PUT that says nothing of active leaves the state', async () => {
  const { id, userName } = await newScimUser();
  for (const active of [undefined, null]) {
    assert.equal(checkUser(await put(id, { schemas: [core], userName, active })).active, true);
  }
  await patch(id, [{ op: 'Replace', path: 'active', value: false }]);
  for (const active of [undefined, null]) {
    assert.equal(checkUser(await put(id, { schemas: [core], userName, active })).active, false);
  }
  assert.equal(await eventsOf(id), 'registered blocked');
});

test('an API key deactivates as a token does, and history names it', async () => {
  const name = `scim-${Date.now()}`;
  const key = await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`);
  const { id } = await newScimUser();
  assert.equal(checkUser(await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }], { token: key })).active, false);
  assert.equal(await sql(`SELECT actor FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'blocked'`), `api_key:${name}`);
});
