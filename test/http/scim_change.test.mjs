// SCIM: PUT and PATCH, what they leave of a user, and If-Match.
import assert from 'node:assert/strict';
import test from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { env, eventsOf, newUser, rpc, sql, stateOf } from './lib/client.mjs';
import { check, vectors } from './lib/contract.mjs';
import {
  attributesOf, checkUser, core, create, enterprise, list, newName, newScimUser, notFound, patch, patchOp, pathOf, problem, profileOf, put, read, send, type, versionOf,
} from './lib/scim.mjs';

const withoutName = (json) => (({ userName, active, ...rest }) => rest)(attributesOf(json));
const [invalidPath, invalidSyntax, invalidValue, noTarget, mutability] = ['invalidPath', 'invalidSyntax', 'invalidValue', 'noTarget', 'mutability'].map((scimType) => problem(400, scimType));
const manager = { value: 'm', displayName: 'M' };
const mail = (value, more = {}) => ({ value, ...more });
const [work, home] = [mail('w@example.com', { type: 'work', primary: true }), mail('h@example.com', { type: 'home' })];

// Rows of [what the user has, the operations, what they have then].
const patches = {
  'replace with a path': [{ title: 'a' }, [{ op: 'replace', path: 'title', value: 'b' }], { title: 'b' }],
  'replace of what is not there': [{}, [{ op: 'replace', path: 'title', value: 'b' }], { title: 'b' }],
  'add of what is there': [{ title: 'a' }, [{ op: 'add', path: 'title', value: 'b' }], { title: 'b' }],
  'remove': [{ title: 'a', nickName: 'n' }, [{ op: 'remove', path: 'title' }], { nickName: 'n' }],
  'remove of what is not there': [{ nickName: 'n' }, [{ op: 'remove', path: 'title' }], { nickName: 'n' }],
  'names in any case': [{ title: 'a', name: { givenName: 'g' } }, [{ op: 'RePlAcE', path: 'TITLE', value: 'b' }, { op: 'ADD', path: 'NAME.FAMILYNAME', value: 'f' }], { title: 'b', name: { givenName: 'g', familyName: 'f' } }],
  'with the schema before it': [{ title: 'a' }, [{ op: 'replace', path: `${core}:title`, value: 'b' }, { op: 'add', path: `${core}:name.givenName`, value: 'g' }], { title: 'b', name: { givenName: 'g' } }],
  'without a path': [{ title: 'a', nickName: 'n' }, [{ op: 'replace', value: { title: 'b', displayName: 'd' } }], { title: 'b', nickName: 'n', displayName: 'd' }],
  'without a path, add': [{ title: 'a' }, [{ op: 'add', value: { nickName: 'n', emails: [home] } }], { title: 'a', nickName: 'n', emails: [home] }],
  'dotted keys': [{ name: { familyName: 'f' } }, [{ op: 'replace', value: { 'name.givenName': 'g', title: 't' } }], { name: { familyName: 'f', givenName: 'g' }, title: 't' }],
  'keys that are paths': [{ emails: [work] }, [{ op: 'replace', value: { 'emails[type eq "work"].value': 'n@example.com' } }], { emails: [{ ...work, value: 'n@example.com' }] }],
  'a complex attribute is merged by add': [{ name: { familyName: 'f', givenName: 'g' } }, [{ op: 'add', path: 'name', value: { givenName: 'h' } }], { name: { familyName: 'f', givenName: 'h' } }],
  'a part of a complex attribute': [{ name: { familyName: 'f', givenName: 'g' } }, [{ op: 'remove', path: 'name.givenName' }], { name: { familyName: 'f' } }],
  'the last part of a complex attribute': [{ name: { familyName: 'f' }, title: 't' }, [{ op: 'remove', path: 'name.familyName' }], { title: 't' }],
  'an empty string removes': [{ title: 'a', nickName: 'n' }, [{ op: 'replace', path: 'title', value: '' }], { nickName: 'n' }],
  'null removes': [{ title: 'a', nickName: 'n' }, [{ op: 'replace', path: 'title', value: null }, { op: 'add', value: { nickName: null } }], {}],
  'add to several': [{ emails: [work] }, [{ op: 'add', path: 'emails', value: [home] }], { emails: [work, home] }],
  'add of one to several': [{ emails: [work] }, [{ op: 'add', path: 'emails', value: home }], { emails: [work, home] }],
  'add of what is among them': [{ emails: [work, home] }, [{ op: 'add', path: 'emails', value: [home] }], { emails: [work, home] }],
  'replace of several': [{ emails: [work] }, [{ op: 'replace', path: 'emails', value: [home] }], { emails: [home] }],
  'remove of several': [{ emails: [work, home], title: 't' }, [{ op: 'remove', path: 'emails' }], { title: 't' }],
  'a filter': [{ emails: [work, home] }, [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'n@example.com' }], { emails: [{ ...work, value: 'n@example.com' }, home] }],
  'a filter in any case': [{ emails: [work, home] }, [{ op: 'replace', path: 'Emails[Type EQ "WORK"].Value', value: 'n@example.com' }], { emails: [{ ...work, value: 'n@example.com' }, home] }],
  'a filter that is a truth value': [{ emails: [work, home] }, [{ op: 'replace', path: 'emails[primary eq true].value', value: 'n@example.com' }], { emails: [{ ...work, value: 'n@example.com' }, home] }],
  'a filter by value': [{ emails: [work, home] }, [{ op: 'remove', path: 'emails[value eq "h@example.com"]' }], { emails: [work] }],
  'a filter of two': [{ emails: [work, home] }, [{ op: 'remove', path: 'emails[type eq "work" and value eq "w@example.com"]' }], { emails: [home] }],
  'the last element': [{ emails: [work], title: 't' }, [{ op: 'remove', path: 'emails[type eq "work"]' }], { title: 't' }],
  'a part of an element': [{ emails: [work, home] }, [{ op: 'remove', path: 'emails[type eq "work"].primary' }], { emails: [{ value: work.value, type: 'work' }, home] }],
  'an element': [{ emails: [work, home] }, [{ op: 'replace', path: 'emails[type eq "home"]', value: { value: 'n@example.com' } }], { emails: [work, mail('n@example.com', { type: 'home' })] }],
  'add where a filter finds none makes one': [{ emails: [home] }, [{ op: 'add', path: 'emails[type eq "work"].value', value: 'n@example.com' }], { emails: [home, { type: 'work', value: 'n@example.com' }] }],
  'replace where a filter finds none makes one': [{}, [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'n@example.com' }], { emails: [{ type: 'work', value: 'n@example.com' }] }],
  'remove where a filter finds none does nothing': [{ emails: [home] }, [{ op: 'remove', path: 'emails[type eq "work"]' }, { op: 'remove', path: 'emails[type eq "work"].value' }], { emails: [home] }],
  'made by a filter, then filled': [{}, [
    { op: 'Add', path: 'addresses[type eq "work"].country', value: 'DE' }, { op: 'Add', path: 'addresses[type eq "work"].locality', value: 'Bonn' }],
    { addresses: [{ type: 'work', country: 'DE', locality: 'Bonn' }] }],
  'primary in words': [{}, [{ op: 'Add', path: 'roles', value: [{ value: 'r', primary: 'True' }] }], { roles: [{ value: 'r', primary: true }] }],
  'primary in words, by its path': [{ roles: [{ value: 'r' }] }, [{ op: 'Replace', path: 'roles[value eq "r"].primary', value: 'True' }], { roles: [{ value: 'r', primary: true }] }],
  'primary in words, in a filter': [{}, [{ op: 'Add', path: 'roles[primary eq "True"].value', value: 'r' }], { roles: [{ primary: true, value: 'r' }] }],
  'an extension': [{}, [{ op: 'add', path: `${enterprise}:department`, value: 'Sales' }], { [enterprise]: { department: 'Sales' } }],
  'an extension in a key': [{}, [{ op: 'replace', value: { [`${enterprise}:department`]: 'Sales', [`${enterprise}:employeeNumber`]: '7' } }], { [enterprise]: { department: 'Sales', employeeNumber: '7' } }],
  'an extension as an object': [{ [enterprise]: { division: 'D' } }, [{ op: 'add', value: { [enterprise]: { department: 'Sales' } } }], { [enterprise]: { division: 'D', department: 'Sales' } }],
  'an extension by its name alone': [{ [enterprise]: { division: 'D' }, title: 't' }, [{ op: 'remove', path: enterprise }], { title: 't' }],
  'the last of an extension': [{ [enterprise]: { division: 'D' }, title: 't' }, [{ op: 'remove', path: `${enterprise}:division` }], { title: 't' }],
  'deep in an extension': [{ [enterprise]: { manager } }, [{ op: 'replace', path: `${enterprise}:manager.value`, value: 'n' }], { [enterprise]: { manager: { ...manager, value: 'n' } } }],
  'a manager removed by an empty string': [{ [enterprise]: { manager, division: 'D' } }, [{ op: 'replace', path: `${enterprise}:manager`, value: '' }], { [enterprise]: { division: 'D' } }],
  'what is unknown is ignored': [{ title: 'a' }, [{ op: 'add', path: 'favourite', value: 'tea' }, { op: 'replace', value: { other: 1, title: 'b' } }, { op: 'remove', path: 'nothing' }], { title: 'b' }],
  'id, meta and groups are nobody\'s to change': [{ title: 'a' }, [{ op: 'replace', value: { id: 'x', meta: {}, schemas: [], groups: [{ value: 'g' }], title: 'b' } }, { op: 'replace', path: 'id', value: 'x' }], { title: 'b' }],
  'several operations, one after the other': [{}, [{ op: 'add', path: 'title', value: 'a' }, { op: 'replace', path: 'title', value: 'b' }, { op: 'remove', path: 'title' }, { op: 'add', path: 'nickName', value: 'n' }], { nickName: 'n' }],
};
for (const [name, [before, operations, after]] of Object.entries(patches)) {
  test(`SCIM PATCH: ${name}`, async () => {
    const user = await newScimUser(before);
    const answer = await patch(user.id, operations);
    assert.deepEqual(withoutName(checkUser(answer)), after);
    assert.equal((await read(user.id)).text, answer.text);
    assert.equal(answer.json.userName, user.userName);
    assert.equal(versionOf(answer), isDeepStrictEqual(withoutName(user), after) ? 1 : 2, 'one event');
  });
}

const someone = (await newScimUser({ title: 'kept', emails: [work] })).id;
const refused = [
  ...[' ', '[', 'title[', 'emails[type eq "work"', 'emails[type eq]', 'emails[]', 'emails[type eq "work"]value', 'emails[type eq "work"].', '.title', 'title.', 'name..givenName', 'a b', '"title"', 'emails[type eq "work"].value.x.y',
    'emails[type eq "work"][primary eq true]', 'urn:', `${'['.repeat(10_000)}`].map((path) => [`the path ${JSON.stringify(path).slice(0, 40)}`, [{ op: 'replace', path, value: 'x' }], invalidPath]),
  ...['move', 'test', '', 5, null, undefined, ['add']].map((op) => [`the operation ${JSON.stringify(op)}`, [{ op, path: 'title', value: 'x' }], invalidSyntax]),
  ...[['title', 5], ['displayName', {}], ['name', 'x'], ['emails', 5], ['name.givenName', ['x']]].map(([path, value]) => [`a wrong type for ${path}`, [{ op: 'replace', path, value }], invalidValue]),
  ...[5, null, 'x', [], true].map((operation) => [`no operation: ${JSON.stringify(operation)}`, [operation], invalidSyntax]),
  ...[undefined, null, {}, 'x', 5, []].map((operations) => [`no operations: ${JSON.stringify(operations)}`, operations, invalidSyntax]),
  ['remove without a path', [{ op: 'remove' }], noTarget], ['remove without a path, with a value', [{ op: 'remove', value: { title: 'x' } }], noTarget],
  ['one good and one bad', [{ op: 'replace', path: 'title', value: 'x' }, { op: 'move', path: 'title' }], invalidSyntax],
  ['without a path, no object', [{ op: 'replace', value: 'x' }], invalidValue], ['a user name of a wrong type', [{ op: 'replace', path: 'userName', value: 5 }], invalidValue],
  ['a user name that is too long', [{ op: 'replace', path: 'userName', value: 'x'.repeat(321) }], invalidValue], ['a user name removed', [{ op: 'remove', path: 'userName' }], mutability], ['a user name emptied', [{ op: 'replace', value: { userName: '' } }], invalidValue],
  ['a profile that is too large', [{ op: 'replace', path: 'title', value: 'x'.repeat(70_000) }], invalidValue],
];
vectors('SCIM PATCH', refused.map(([name, operations, expected]) => [name, () => patch(someone, operations), expected]));
test('SCIM PATCH: what was refused has changed nothing', async () => {
  const { title, emails } = checkUser(await read(someone));
  assert.deepEqual([title, emails], ['kept', [work]]);
  assert.equal(await eventsOf(someone), 'registered');
});

vectors('SCIM PATCH and PUT', ['PATCH', 'PUT'].flatMap((verb) => [
  ...['', ' ', '{', '[]', 'null', '"x"', '{"a":"\\u0000"}', Buffer.from('{"a":"\xff"}', 'latin1'), '['.repeat(100_000)]
    .map((body) => [`${verb} ${String(body).slice(0, 30)}`, () => send(verb, pathOf(someone), body), invalidSyntax]),
  [`${verb} of nobody`, () => send(verb, pathOf('nobody'), { Operations: [{ op: 'replace', path: 'title', value: 'x' }] }), notFound],
]));

test('SCIM PATCH: a change that is none is no event', async () => {
  const { id } = await newScimUser({ title: 'a', active: true });
  const before = await read(id);
  for (const operations of [[{ op: 'replace', path: 'title', value: 'a' }], [{ op: 'replace', value: { active: true, title: 'a' } }], [{ op: 'add', path: 'other', value: 1 }]]) {
    check(await patch(id, operations), { status: 200, type, body: before.text, headers: { etag: 'W/"1"' } });
  }
  assert.equal(await eventsOf(id), 'registered');
});

test('SCIM PATCH: a user name that is another\'s, in any case', async () => {
  const { userName } = await newScimUser();
  const { id } = await newScimUser();
  for (const value of [userName, userName.toUpperCase()]) check(await patch(id, [{ op: 'replace', path: 'userName', value }]), problem(409, 'uniqueness'));
  check(await put(id, { schemas: [core], userName }), problem(409, 'uniqueness'));
  // Whoever has none goes by the id.
  const bare = await newUser();
  check(await patch(id, [{ op: 'replace', path: 'userName', value: bare }]), problem(409, 'uniqueness'));
  check(await put(id, { schemas: [core], userName: bare }), problem(409, 'uniqueness'));
  assert.deepEqual(checkUser(await put(id, { title: 'x', userName: bare, active: true })).userName, id);
  assert.equal(checkUser(await patch(bare, [{ op: 'replace', path: 'userName', value: bare }])).userName, bare);
  assert.equal(checkUser(await patch(id, [{ op: 'replace', path: 'userName', value: id.toUpperCase() }])).userName, id.toUpperCase());
  assert.equal(await eventsOf(id), 'registered profile_changed');
});

// What SCIM does not see: attributes of the application's, of other contracts, and values of wrong types.
const hidden = { favourite: 'tea', deep: { a: [1, null] }, 'urn:userlock:monocloud': { has_password: true }, locale: 5, 'urn:example:text': 'x' };

test('SCIM: what it does not show of a profile it does not change', async () => {
  const userName = newName();
  const id = await newUser(undefined, undefined, { ...hidden, userName, title: 'a', nickName: 'n' });
  const kept = (profile) => Object.fromEntries(Object.keys(hidden).map((name) => [name, profile[name]]));
  for (const change of [
    () => patch(id, [{ op: 'replace', path: 'title', value: 'b' }]), () => put(id, { schemas: [core], userName, title: 'c' }), () => put(id, { schemas: [core] }),
    () => patch(id, [{ op: 'remove', path: 'urn:userlock:monocloud' }, { op: 'add', path: 'title', value: 'd' }]),
    () => patch(id, [{ op: 'replace', value: { favourite: 'coffee', 'urn:userlock:monocloud': { has_password: false }, 'urn:userlock:monocloud:has_password': false, title: 'e' } }]),
    () => put(id, { schemas: [core], favourite: 'coffee', 'urn:userlock:monocloud': { has_password: false }, 'urn:userlock:guardhouse': { status: 1 }, title: 'f' }),
    () => patch(id, [{ op: 'add', path: 'urn:userlock:monocloud:has_password', value: false }]),
  ]) {
    checkUser(await change());
    assert.deepEqual(kept(await profileOf(id)), hidden);
  }
  assert.ok(!('urn:userlock:guardhouse' in await profileOf(id)));
  // A value of the right type takes the place of a wrong one.
  assert.equal(checkUser(await patch(id, [{ op: 'replace', path: 'locale', value: 'de' }])).locale, 'de');
  assert.equal((await profileOf(id)).locale, 'de');
});

test('SCIM: parts that it does not show go with the value that they belong to', async () => {
  const name = { givenName: 'G', pronouns: 'she' };
  const [first, second] = [`a-${newName()}`, `b-${newName()}`];
  const emails = [{ value: first, type: 'work', verified: true, primary: 'True' }, { value: second, VERIFIED: true, display: 5 }];
  const phoneNumbers = { value: '+1', verified: true };
  const id = await newUser(undefined, undefined, { name, emails, phoneNumbers, photos: 'https://example.com/p', title: 'a' });
  const kept = async () => (({ userName, title, nickName, ...rest }) => rest)(await profileOf(id));
  // What is about something else does not touch them.
  checkUser(await patch(id, [{ op: 'replace', path: 'title', value: 'b' }, { op: 'add', path: 'nickName', value: 'n' }]));
  assert.deepEqual(await kept(), { name, emails, phoneNumbers, photos: 'https://example.com/p' });
  checkUser(await put(id, { ...(await read(id)).json, title: 'c' }));
  assert.deepEqual(await kept(), { name, emails, phoneNumbers, photos: 'https://example.com/p' });
  // The name and the addresses change, and these are still the same.
  checkUser(await patch(id, [{ op: 'replace', path: 'name.givenName', value: 'H' }, { op: 'replace', path: 'emails[type eq "work"].display', value: 'W' },
    { op: 'add', path: 'emails', value: [{ value: `c-${second}` }] }]));
  assert.deepEqual((await profileOf(id)).name, { givenName: 'H', pronouns: 'she' });
  assert.deepEqual((await profileOf(id)).emails, [{ value: first, type: 'work', verified: true, primary: true, display: 'W' }, emails[1], { value: `c-${second}` }]);
  checkUser(await put(id, { emails: [{ value: second, type: 'home' }, { value: first }], name: { familyName: 'F' }, phoneNumbers: [{ value: '+1', type: 'work' }] }));
  assert.deepEqual(await kept(), {
    name: { familyName: 'F', pronouns: 'she' }, emails: [{ ...emails[1], type: 'home' }, { value: first, verified: true }], phoneNumbers: [{ value: '+1', type: 'work', verified: true }] });
  // Another address is not verified because the one before it was.
  checkUser(await patch(id, [{ op: 'replace', path: 'emails[type eq "home"].value', value: `d-${second}` }, { op: 'remove', path: 'phoneNumbers' }, { op: 'remove', path: 'name' }]));
  assert.deepEqual(await kept(), { emails: [{ value: `d-${second}`, type: 'home' }, { value: first, verified: true }] });
});

test('SCIM: what changes nothing that it shows leaves no event, however the profile is written', async () => {
  const id = await newUser(undefined, undefined, { TITLE: 'a', emails: [{ value: newName(), primary: 'True' }], roles: 'admin', 'urn:example:2.0:x': { a: null, b: 1 } });
  const before = await profileOf(id);
  checkUser(await patch(id, [{ op: 'replace', path: 'title', value: 'a' }]));
  checkUser(await put(id, { ...(await read(id)).json, userName: undefined }));
  assert.deepEqual(await profileOf(id), before);
  assert.equal(await eventsOf(id), 'registered');
});

test('SCIM PUT: what it leaves out is gone, but for the user name, the id and the state', async () => {
  const { id, userName } = await newScimUser({ title: 'a', nickName: 'n', emails: [work], externalId: 'E', [enterprise]: { division: 'D' } });
  const answer = await put(id, { schemas: [core], id: 'other', displayName: 'D', meta: { version: 'x' }, groups: [{ value: 'g' }], password: 'x', TITLE: 'b', locale: null, timezone: 5 });
  assert.deepEqual(attributesOf(checkUser(answer)), { userName, displayName: 'D', title: 'b', active: true });
  assert.equal(answer.json.id, id);
  assert.equal(versionOf(answer), 2);
  assert.equal(await eventsOf(id), 'registered profile_changed');
  assert.deepEqual(withoutName(checkUser(await put(id, {}))), {});
});

test('SCIM PUT: what was read and is sent back changes nothing', async () => {
  const { id } = await newScimUser({ title: 'a', name: { givenName: 'g' }, emails: [work, home], [enterprise]: { manager }, externalId: 'E' });
  const before = await read(id);
  check(await put(id, before.json), { status: 200, type, body: before.text });
  assert.equal(await eventsOf(id), 'registered');
  // Of a user without a profile as well, whose user name is their id.
  const bare = await newUser();
  const seen = await read(bare);
  assert.deepEqual(attributesOf(checkUser(await put(bare, seen.json))), attributesOf(seen.json));
});

test('SCIM PUT: attributes and the state at once', async () => {
  const { id, userName } = await newScimUser({ title: 'a' });
  const answer = await put(id, { schemas: [core], userName, title: 'b', active: false });
  assert.deepEqual(attributesOf(checkUser(answer)), { userName, title: 'b', active: false });
  assert.equal(versionOf(answer), 3);
  assert.deepEqual((await eventsOf(id)).split(' ').sort(), ['blocked', 'profile_changed', 'registered']);
});

vectors('SCIM PUT', [
  ...[5, '', ['x'], 'x'.repeat(321)].map((userName) => [`the user name ${JSON.stringify(userName).slice(0, 30)}`, () => put(someone, { schemas: [core], userName }), invalidValue]),
  ['a profile that is too large', () => put(someone, { title: 'x'.repeat(70_000) }), invalidValue],
]);

test('SCIM PUT: a user name of a wrong type is left out where the state is told', async () => {
  const { id, userName } = await newScimUser();
  for (const wrong of [5, 'x'.repeat(321), {}]) {
    const user = checkUser(await put(id, { userName: wrong, active: false }));
    assert.deepEqual([user.userName, user.active], [userName, false]);
  }
  assert.equal(await stateOf(id), 'blocked');
});

// If-Match

test('SCIM: a change of what has changed since is refused', async () => {
  const changes = {
    'PATCH of an attribute': (id, headers) => patch(id, [{ op: 'replace', path: 'title', value: newName() }], { headers }),
    'deactivation by PATCH': (id, headers) => patch(id, [{ op: 'replace', path: 'active', value: false }], { headers }),
    'PUT of an attribute': (id, headers) => put(id, { title: newName() }, { headers }),
    'PUT of both': (id, headers) => put(id, { title: newName(), active: false }, { headers }),
    'DELETE': (id, headers) => send('DELETE', pathOf(id), undefined, { headers }),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { id } = await newScimUser();
    for (const value of ['W/"2"', '"0"', 'W/"x"', '"x"', '1', 'W/1', '\xfc', '""', 'W/"99999999999999999999"']) {
      check(await change(id, { 'If-Match': value }), problem(412), `${name} ${value}`);
    }
    assert.equal(await eventsOf(id), 'registered', name);
    for (const value of ['W/"1"', '"1"', '*', 'W/"7", W/"1"']) {
      const other = (await newScimUser()).id;
      assert.ok([200, 204].includes((await change(other, { 'If-Match': value })).status), `${name} ${value}`);
    }
    check(await change('nobody', { 'If-Match': 'W/"1"' }), notFound);
  }
});

test('SCIM: the version moves with each event, whoever caused it, and tells the latest', async () => {
  const { id } = await newScimUser();
  const version = async () => versionOf(await read(id));
  const seen = [await version()];
  for (const change of [
    () => patch(id, [{ op: 'replace', path: 'title', value: 'x' }]), () => patch(id, [{ op: 'replace', path: 'active', value: false }]), () => patch(id, [{ op: 'replace', path: 'active', value: true }]),
    () => rpc('lock_user', { user_id: id }), () => rpc('unlock_user', { user_id: id }), () => rpc('set_profile', { user_id: id, profile: { title: 'y' } }),
  ]) {
    await change();
    seen.push(await version());
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(await sql(`SELECT count(*) FROM userlock_private.event WHERE tenant = '${env.TENANT}' AND user_id = '${id}'`), '7');
});

test('SCIM: of two who change what they both have read, one is refused', async () => {
  const { id } = await newScimUser();
  const headers = { 'If-Match': 'W/"1"' };
  const statuses = await Promise.all(Array.from({ length: 8 }, async (_, i) => (await patch(id, [{ op: 'replace', path: 'title', value: `t${i}` }], { headers })).status));
  assert.deepEqual(statuses.sort(), [200, 412, 412, 412, 412, 412, 412, 412]);
  assert.equal(versionOf(await read(id)), 2);
});

test('SCIM: without If-Match no change is lost', async () => {
  const { id } = await newScimUser();
  const names = ['title', 'nickName', 'displayName', 'userType', 'locale', 'timezone', 'preferredLanguage', 'externalId'];
  const answers = await Promise.all(names.map((name) => patch(id, [{ op: 'add', path: name, value: name }])));
  assert.deepEqual(answers.map(({ status }) => status), names.map(() => 200));
  assert.deepEqual(withoutName(checkUser(await read(id))), Object.fromEntries(names.map((name) => [name, name])));
  assert.equal((await list({ filter: 'externalId eq "externalId" and userName eq "' + id + '"' })).json.totalResults, 1);
});

test('SCIM PATCH: too many operations are refused before they are looked at', async () => {
  const { id } = await newScimUser();
  const operations = (count) => [...Array(count - 1).fill({}), { op: 'replace', path: 'active', value: false }];
  check(await patch(id, operations(1001)), invalidSyntax);
  check(await patch(id, operations(1001), { token: env.STRANGER_TOKEN }), problem(403));
  assert.equal(await eventsOf(id), 'registered');
  assert.equal(checkUser(await patch(id, operations(1000))).active, false);
});

test('SCIM PATCH: schemas may be missing, and whatever else', async () => {
  const { id } = await newScimUser();
  for (const [i, extra] of [{}, { schemas: [patchOp] }, { schemas: ['urn:x'] }, { schemas: 5 }, { other: 1 }].entries()) {
    assert.equal(checkUser(await send('PATCH', pathOf(id), { ...extra, Operations: [{ op: 'replace', path: 'title', value: `t${i}` }] })).title, `t${i}`);
  }
  assert.equal((await create({ schemas: 'x', userName: newName() })).status, 201);
});
