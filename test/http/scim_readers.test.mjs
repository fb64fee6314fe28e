// SCIM: what others read and write as SCIM is what we do: scimmy parses every answer, and
// scim-patch makes of a user what our PATCH does.
import assert from 'node:assert/strict';
import test from 'node:test';
import scimPatchLibrary from 'scim-patch';
import SCIMMY from 'scimmy';
import { env, get, newUser, request, rpc, sign } from './lib/client.mjs';
import { check } from './lib/contract.mjs';
import { attributesOf, checkUser, core, create, enterprise, list, newName, newScimUser, patch, pathOf, problem, put, read, remove, send, users } from './lib/scim.mjs';

const { patchBodyValidation, scimPatch } = scimPatchLibrary;

// Answers, as scimmy takes them for a client.

// What scimmy has understood of a user is what was sent, but for what it does not know.
function readsUser(json) {
  const read = JSON.parse(JSON.stringify(new SCIMMY.Schemas.User(structuredClone(json), 'out')));
  assert.deepEqual([read.id, read.userName, read.active, read.meta.version, read.meta.location], [json.id, json.userName, json.active, json.meta.version, json.meta.location]);
  const known = Object.entries(json).filter(([name]) => !name.startsWith('urn:') && name !== 'meta');
  for (const [name, value] of known) assert.deepEqual(read[name], value, name);
}
function readsList(json) {
  const { totalResults, startIndex, itemsPerPage, Resources } = new SCIMMY.Messages.ListResponse(structuredClone(json));
  assert.deepEqual({ totalResults, startIndex, itemsPerPage }, { totalResults: json.totalResults, startIndex: json.startIndex, itemsPerPage: json.itemsPerPage });
  assert.equal(Resources.length, json.Resources.length);
  for (const one of json.Resources) readsUser(one);
}
// It throws the error that it has read; what is no error of SCIM's, it calls a TypeError.
function readsError({ status, json }) {
  assert.throws(() => new SCIMMY.Messages.ErrorResponse(json), (thrown) => {
    assert.deepEqual([thrown.name, Number(thrown.status), thrown.message], ['SCIMError', status, json.detail], JSON.stringify(json));
    // And has written as its own, it is the same.
    const { scimType } = json;
    assert.deepEqual({ ...new SCIMMY.Messages.ErrorResponse({ status, scimType, detail: json.detail }) }, { schemas: json.schemas, status: json.status, ...(scimType && { scimType }), detail: json.detail });
    return true;
  });
}

const everything = {
  externalId: 'E-17', name: { formatted: 'Dr. Dale Mohr', familyName: 'Mohr', givenName: 'Dale', middleName: 'K', honorificPrefix: 'Dr.', honorificSuffix: 'III' }, displayName: 'Dale',
  nickName: 'D', profileUrl: 'https://example.com/dale', title: 'Guide', userType: 'Employee', preferredLanguage: 'en-US', locale: 'en-US', timezone: 'Europe/Berlin',
  emails: [{ value: 'dale@example.com', display: 'Dale', type: 'work', primary: true }, { value: 'dale@example.org', type: 'home', primary: false }],
  phoneNumbers: [{ value: 'tel:+1-201-555-0123', type: 'mobile' }], ims: [{ value: 'dale', type: 'xmpp' }], photos: [{ value: 'https://example.com/dale.png', type: 'photo' }],
  addresses: [{ formatted: '1 Main\nBonn', streetAddress: '1 Main', locality: 'Bonn', region: 'NRW', postalCode: '53111', country: 'DE', type: 'work', primary: true }],
  entitlements: [{ value: 'e' }], roles: [{ value: 'admin', display: 'Administrator', primary: true }], x509Certificates: [{ value: 'MIIDQzCCAqw=' }],
  [enterprise]: { employeeNumber: '701984', department: 'Sales', manager: { value: 'm' } },
};

test('scimmy reads a user, after whatever was done with them', async () => {
  const { id } = await newScimUser(everything);
  for (const answer of [
    await create({ userName: newName(), ...everything, active: false }), await read(id), await patch(id, [{ op: 'Replace', path: 'active', value: 'False' }]), await put(id, { title: 'x' }),
    await read(await newUser()), await patch(id, [{ op: 'Add', path: 'roles[primary eq "True"].value', value: 'x' }]),
    await create({ userName: newName(), emails: [{ value: 'a@example.com', primary: 'True' }, { value: 'b@example.com', primary: 'True' }], roles: 'admin', phoneNumbers: { value: '1', primary: 'False' } }),
  ]) readsUser(checkUser(answer, answer.status));
});

// Whatever an application has written: every attribute, and every part of one, with values of
// every type.  Left out are references that are no URL, and types that RFC 7643 does not
// suggest: those are strings to us, and scimmy takes neither.
const junk = [5, -1.5, true, false, null, 'x', '', '😀 " \\ \u2028', [], {}, [[]], [{}], [null, 5, 'x', [], {}, true], { a: 1 }, { value: 5 }, { value: 'x', primary: 'True' }, [{ value: 'x', primary: 'maybe' }, { value: 'y', primary: true }, { value: 'z', primary: true }]];
const isStrict = (name, value) => ['profileUrl', 'photos'].includes(name) && JSON.stringify(value ?? '').includes('"');
test('scimmy reads a user whatever their profile holds', async () => {
  // What users are found by, the core takes of the right type alone.
  const names = [...Object.keys(everything).filter((name) => !['externalId', 'displayName', 'emails'].includes(name)), 'groups', 'active', 'id', 'meta', 'schemas', 'password', '$ref', 'urn:', 'urn:x', 'urn:userlock:x', core];
  for (const [i, value] of junk.entries()) {
    const profile = Object.fromEntries(names.filter((name) => !isStrict(name, value)).map((name) => [name, value]));
    const id = await newUser();
    const answer = await rpc('set_profile', { user_id: id, profile });
    assert.equal(answer.status, 200, `${i} ${answer.text}`);
    readsUser(checkUser(await read(id)));
    readsList((await list({ filter: `id eq "${id}"` })).json);
  }
  for (const [name, parts] of Object.entries(everything).filter(([, value]) => typeof value === 'object' && !Array.isArray(value)).concat(
    Object.entries(everything).filter(([, value]) => Array.isArray(value)).map(([name, [first]]) => [name, first]))) {
    // What an application has put into an array of an extension, null too, is shown as it is.
    for (const value of junk.filter((one) => typeof one !== 'string' && !(name.includes(':') && JSON.stringify(one).includes('[null')))) {
      const wrong = Object.fromEntries(Object.keys(parts).map((part) => [part, value]));
      const id = await newUser();
      const { status } = await rpc('set_profile', { user_id: id, profile: { [name]: Array.isArray(everything[name]) ? [wrong, { ...wrong, value: parts.value }] : wrong } });
      assert.ok(status === 200 || (status === 422 && name === 'emails'));
      readsUser(checkUser(await read(id)));
    }
  }
});

test('scimmy reads lists and what there is to discover', async () => {
  // A tenant of their own: in others there are profiles that scimmy does not read.
  const token = await sign({ role: 'operator', tenant: newName() });
  for (const active of [true, false, true]) await create({ ...everything, userName: newName(), active }, { token });
  for (const [query, count] of [[{}, 3], [{ count: 0 }, 0], [{ startIndex: 3 }, 1], [{ startIndex: 10_000_000 }, 0], [{ filter: 'userName eq "nobody"' }, 0], [{ filter: 'active eq false', count: 5 }, 1]]) {
    const { json } = await list(query, { token });
    assert.equal(json.itemsPerPage, count, JSON.stringify(query));
    readsList(json);
  }
  readsList((await send('GET', '/scim/v2/Groups')).json);
  const { json: schema } = await get(`/scim/v2/Schemas/${core}`);
  const ours = new Map(schema.attributes.map((attribute) => [attribute.name, attribute]));
  // What we have of the schema is as scimmy has it, but for its words.
  const described = JSON.parse(JSON.stringify(SCIMMY.Schemas.User.definition.describe())).attributes;
  for (const theirs of described.filter(({ name }) => ours.has(name))) {
    const { type, multiValued, required } = ours.get(theirs.name);
    assert.deepEqual({ type, multiValued, required }, { type: theirs.type, multiValued: theirs.multiValued, required: theirs.required }, theirs.name);
    const parts = (attribute) => Object.fromEntries((attribute.subAttributes ?? []).filter(({ name }) => name !== '$ref').map(({ name, type }) => [name, type]));
    if (type === 'complex') assert.deepEqual(parts(ours.get(theirs.name)), parts(theirs), theirs.name);
  }
  assert.deepEqual([...ours.keys()].sort(), described.map(({ name }) => name).filter((name) => !['password', 'groups'].includes(name)).sort());
});

test('scimmy reads every error', async () => {
  const { id, userName } = await newScimUser();
  const statuses = new Set();
  for (const answer of [
    await list({ filter: 'x' }), await list({ count: 'x' }), await create('{'), await create({}), await create({ userName }), await create(`{"userName":"${'x'.repeat(1_100_000)}"}`),
    await patch(id, [{ op: 'move' }]), await patch(id, [{ op: 'replace', path: '[', value: 1 }]), await patch(id, [{ op: 'remove' }]), await patch(id, [{ op: 'remove', path: 'active' }]),
    await patch(id, [], { headers: { 'If-Match': '"7"' } }), await put(id, { title: 'x' }, { headers: { 'If-Match': '"7"' } }), await remove('nobody'), await read('nobody'),
    await read(id, { token: env.STRANGER_TOKEN }), await read(id, { token: env.EXPIRED_TOKEN }), await request('GET', users), await send('POST', '/scim/v2/Bulk', {}),
    await send('GET', '/scim/v2/Me'), await get('/scim/v2/nothing'), await get(`${users}/%ff`, { token: env.OPERATOR_TOKEN }),
  ]) {
    assert.ok(answer.status >= 400, answer.text);
    readsError(answer);
    statuses.add(answer.status);
  }
  assert.deepEqual([...statuses].sort(), [400, 401, 403, 404, 409, 412, 413, 501]);
  // The one status of ours that RFC 7644 has not.
  check(await send('DELETE', users), problem(405, undefined, { allow: 'GET, HEAD, POST' }));
});

// PATCH, as scim-patch does it.

// Numbers that are the same each time.
function generator(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, one: (list) => list[below(list.length)] };
}

const simple = ['title', 'nickName', 'displayName', 'userType', 'locale', 'timezone', 'preferredLanguage', 'externalId'];
const parts = { name: ['familyName', 'givenName', 'middleName', 'formatted'] };
const several = { emails: ['value', 'display'], phoneNumbers: ['value', 'display'], roles: ['value', 'display'], addresses: ['locality', 'country', 'formatted'] };
const extension = ['department', 'division', 'employeeNumber'];

// An operation on a document that both must take alike.  Where they need not, none is made:
// - no other case of letters, nor values with a colon: scim-patch takes names and values as they
//   are, and looks for the last colon of a path; RFC 7643 (2.1) has names in any case.
// - no second primary: RFC 7644 (3.5.2) has the server take it away from the first.
// - an object without a path, for what is complex: scim-patch replaces it whole, and does not find
//   an extension by its name alone; RFC 7644 (3.5.2.1) merges.
// - one value, not in an array, where there are none: scim-patch makes it the attribute.
// - one value to replace several: scim-patch changes each of them.
// - a remove whose brackets find none, and a replace of a whole value that they do not find:
//   scim-patch calls that an error; ours is to do nothing, and to make it, as Entra ID needs.
// - a part of each of several, where there are none: scim-patch makes an object of them.
function operation({ one, below }, document, unique) {
  const word = () => `w${unique()}`;
  const element = (attribute, kind) => ({ type: kind, ...Object.fromEntries(several[attribute].map((part) => [part, word()])) });
  const types = ['work', 'home', 'other'];
  const op = one(['add', 'replace', 'Add', 'Replace']);
  const attribute = one(Object.keys(several));
  const present = document[attribute] ?? [];
  const kind = one(types);
  const chosen = present.filter(({ type }) => type === kind);
  const part = one(several[attribute]);
  const made = [
    () => ({ op, path: one(simple), value: word() }),
    () => ({ op: one(['remove', 'Remove']), path: one(simple) }),
    () => ({ op, path: `${core}:${one(simple)}`, value: word() }),
    () => ({ op, path: `name.${one(parts.name)}`, value: word() }),
    () => ({ op: 'remove', path: `name.${one(parts.name)}` }),
    () => ({ op: 'remove', path: 'name' }),
    () => ({ op, path: 'name', value: Object.fromEntries(parts.name.slice(below(3)).map((name) => [name, word()])) }),
    () => ({ op, value: Object.fromEntries([one(simple), one(simple), `name.${one(parts.name)}`].map((name) => [name, word()])) }),
    () => ({ op, value: { [attribute]: [element(attribute, kind)] } }),
    () => ({ op: 'add', path: attribute, value: [element(attribute, kind), ...present.slice(0, below(2))] }),
    () => ({ op: 'replace', path: attribute, value: types.slice(below(3)).map((type, i) => ({ ...element(attribute, type), ...(i === 0 && { primary: true }) })) }),
    () => ({ op: 'remove', path: attribute }),
    () => present.length && { op: 'add', path: attribute, value: element(attribute, kind) },
    () => present.length && { op: 'remove', path: attribute, value: [one(present)] },
    () => present.length && { op: 'remove', path: `${attribute}[type eq "${kind}"]` },
    () => chosen.length && { op: 'remove', path: `${attribute}[type eq "${kind}"].${part}` },
    () => ({ op, path: `${attribute}[type eq "${kind}"].${part}`, value: word() }),
    () => chosen.length && { op, path: `${attribute}[type eq "${kind}"]`, value: { [part]: word() } },
    () => chosen[0]?.[part] && { op, path: `${attribute}[type eq "${kind}" and ${part} eq "${chosen[0][part]}"].${one(several[attribute])}`, value: word() },
    () => present.some(({ primary }) => primary) && { op, path: `${attribute}[primary eq true].${part}`, value: word() },
    () => present.length && { op, path: `${attribute}.${part}`, value: word() },
    () => ({ op, path: `${enterprise}:${one(extension)}`, value: word() }),
    () => ({ op: 'remove', path: `${enterprise}:${one(extension)}` }),
    () => ({ op, path: `${enterprise}:manager`, value: { value: word(), ...(below(2) && { displayName: word() }) } }),
    () => ({ op, path: `${enterprise}:manager.displayName`, value: word() }),
    () => ({ op, value: { [`${enterprise}:${one(extension)}`]: word() } }),
    () => ({ op, path: 'active', value: below(2) === 1 }),
    () => ({ op, value: { active: below(2) === 1 } }),
  ];
  for (;;) {
    const one = made[below(made.length)]();
    if (one) return one;
  }
}

// Without what is empty, which is as good as not there (RFC 7643, 2.5).
function pruned(value) {
  if (Array.isArray(value)) return value.map(pruned).filter((one) => one !== undefined);
  if (typeof value !== 'object') return value;
  const members = Object.entries(value).map(([name, one]) => [name, pruned(one)]).filter(([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0));
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

for (const seed of Array.from({ length: 12 }, (_, i) => i + 1)) {
  test(`scim-patch makes of a user what PATCH does: 30 requests, one after the other, seed ${seed}`, async () => {
    const random = generator(seed);
    let count = 0;
    const unique = () => ++count;
    const { id, userName } = await newScimUser({ title: 'a' });
    let document = { userName, title: 'a', active: true };
    for (let i = 0; i < 30; i++) {
      const operations = [];
      let expected = document;
      for (let length = 1 + random.below(3); length > 0; length--) {
        // What each of several does is seen by the next.
        const next = operation(random, expected, unique);
        operations.push(next);
        patchBodyValidation({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [next] });
        expected = pruned(scimPatch(structuredClone(expected), [structuredClone(next)], { mutateDocument: true, treatMissingAsAdd: true }));
      }
      const answer = await patch(id, operations);
      assert.deepEqual(attributesOf(checkUser(answer)), expected, `${JSON.stringify(document)}\n${JSON.stringify(operations)}`);
      document = expected;
    }
    assert.equal((await send('GET', pathOf(id))).json.userName, userName);
  });
}
