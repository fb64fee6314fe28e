// SCIM: users are found by a filter, and listed in pages.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, get, newUser, rpc, sql } from './lib/client.mjs';
import { commonListErrors, check, vectors } from './lib/contract.mjs';
import {
  attributesOf, checkUser, core, create, forbidden, list, listResponse, newName, newScimUser, newTenant, notFound, patch, pathOf, problem, read, remove, send, tokenOf, type,
  unauthorized, users,
} from './lib/scim.mjs';

// Users of a tenant of the test's own, whose total is known.
const { tenant, token } = await newTenant();
const address = (name) => `${name}@example.com`;
for (const [name, attributes] of Object.entries({
  ann: { externalId: 'E-1', emails: [{ value: 'Ann@Work.example', type: 'work' }, { value: 'ann@home.example', type: 'home' }] },
  bob: { externalId: 'e-1', emails: [{ value: 'bob@work.example', type: 'work' }, { value: 'bob@home.example', type: 'home', primary: true }] },
  cid: { externalId: 'a "quoted" \\ é', emails: [{ value: 'cid@work.example', type: 'Work', primary: true }] },
  dee: { active: false, emails: [{ value: 'dee@home.example', type: 'home' }] },
  eve: { displayName: 'Eve and only' },
})) checkUser(await create({ schemas: [core], userName: address(name), ...attributes }, { token }), 201);
const provisioner = 'provisioning';
const everybody = [...['ann', 'bob', 'cid', 'dee', 'eve'].map(address), provisioner];

const find = async (query) => {
  const answer = await list(query, { token });
  assert.equal(answer.status, 200, `${JSON.stringify(query)} ${answer.text}`);
  assert.equal(answer.headers.get('content-type'), type);
  assert.equal(answer.text, JSON.stringify(answer.json), 'compact');
  assert.deepEqual(Object.keys(answer.json), ['schemas', 'totalResults', 'startIndex', 'itemsPerPage', 'Resources']);
  assert.deepEqual(answer.json.schemas, [listResponse]);
  assert.equal(answer.json.itemsPerPage, answer.json.Resources.length);
  return answer.json;
};
const idsOf = ({ Resources }) => Resources.map(({ id }) => id);

test('SCIM list: each user as they are when read alone', async () => {
  const { Resources, totalResults } = await find({});
  assert.deepEqual(Resources.map(({ id }) => id), everybody);
  assert.equal(totalResults, everybody.length);
  for (const one of Resources) assert.deepEqual(one, (await read(one.id, { token })).json);
  assert.deepEqual(Resources.map(({ active }) => active), [true, true, true, false, true, true]);
});

test('SCIM list: nobody is an empty list, to the byte', async () => {
  check(await list({ filter: 'userName eq "no-such@example.com"' }, { token }), {
    status: 200, type, body: `{"schemas":["${listResponse}"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`,
  });
});

const work = (value) => `emails[type eq "work"].value eq "${value}"`;
for (const [filter, ...names] of [
  // The forms that identity providers send.
  ['userName eq "ann@example.com"', 'ann'], ['userName eq "ANN@Example.com"', 'ann'], ['username EQ "ann@example.com"', 'ann'], ['USERNAME eq "ann@example.com"', 'ann'],
  [`${core}:userName eq "ann@example.com"`, 'ann'], [`${core.toUpperCase()}:username Eq "ann@example.com"`, 'ann'], ['userName eq ann@example.com', 'ann'],
  ['userName  eq   "ann@example.com" ', 'ann'], ['userName eq "ann"'], ['userName eq ""'], ['userName eq "\\u0061nn@example.com"', 'ann'],
  // Who has no user name has their id.
  ['userName eq "provisioning"', provisioner], ['userName eq "PROVISIONING"'],
  ['externalId eq "E-1"', 'ann'], ['externalId eq "e-1"', 'bob'], ['externalId eq E-1', 'ann'], ['externalId eq "a \\"quoted\\" \\\\ é"', 'cid'], [`${core}:externalId eq "E-1"`, 'ann'],
  ['id eq "ann@example.com"', 'ann'], ['id eq "ANN@example.com"'], ['ID eq "provisioning"', provisioner],
  ['active eq true', 'ann', 'bob', 'cid', 'eve', provisioner], ['active eq false', 'dee'], ['active eq "False"', 'dee'], ['active eq True', 'ann', 'bob', 'cid', 'eve', provisioner],
  ['emails.value eq "ann@work.example"', 'ann'], ['emails.value eq "BOB@home.example"', 'bob'], ['Emails.Value eq "dee@home.example"', 'dee'],
  // By the primary address, else the first; of type work only where that is one of work.
  [work('ann@work.example'), 'ann'], [work('ANN@WORK.EXAMPLE'), 'ann'], [work('cid@work.example'), 'cid'], [work('bob@home.example')], [work('dee@home.example')], [work('ann@home.example')],
  ['emails[type EQ "Work"].value eq "ann@work.example"', 'ann'], ['emails[ type eq "work" ].value eq "ann@work.example"', 'ann'], [`${core}:${work('ann@work.example')}`, 'ann'],
  ['userName eq "ann@example.com" and active eq true', 'ann'], ['userName eq "dee@example.com" and active eq true'], ['userName eq "dee@example.com" AND active eq "false" and id eq "dee@example.com"', 'dee'],
  ['externalId eq "E-1" and emails.value eq "ann@work.example"', 'ann'], ['active eq true and active eq false'], ['userName eq " and "'],
]) {
  test(`SCIM list: filter ${filter}`, async () => {
    const expected = names.map((name) => (name === provisioner ? name : address(name)));
    const found = await find({ filter });
    assert.deepEqual(idsOf(found), expected);
    assert.equal(found.totalResults, expected.length);
    for (const page of [{ count: 0 }, { count: 1 }, { startIndex: 2 }, { startIndex: 2147483647 }]) assert.equal((await find({ filter, ...page })).totalResults, expected.length);
  });
}

vectors('SCIM list', [
  ...['x', 'userName', 'userName eq', 'userName ne "x"', 'userName co "x"', 'userName sw "x"', 'userName pr', 'displayName eq "x"', 'name.familyName eq "x"', 'userName eq "x" or id eq "x"',
    'not (userName eq "x")', '(userName eq "x")', 'userName eq "x" and', 'and userName eq "x"', 'userName eq "x" id eq "x"', 'userName eq "x', 'userName eq "x" "y"', 'userName eq "\\x"', 'userName eq "\\ud800"',
    'userName eq "\\u0000"', 'emails[type eq "work"].display eq "x"', 'emails[type eq "work".value eq "x"',
    'active eq 1', 'active eq "maybe"', 'active eq null', 'userName gt "x"', 'meta.lastModified gt "2020-01-01T00:00:00Z"', 'urn:x:userName eq "x"', 'userName="x"', "userName eq 'x' or 1=1", ';', '"', '\\', '[', `${'('.repeat(5000)}`,
    Array(500).fill('userName eq "x"').join(' or ')]
    .map((filter) => [`filter ${filter.slice(0, 60)}`, () => list({ filter }, { token }), problem(400, 'invalidFilter')]),
  ...[{ startIndex: 'x' }, { count: 'x' }, { count: '1.5' }, { startIndex: '99999999999999999999' }]
    .map((query) => [JSON.stringify(query), () => list(query, { token }), problem(400, 'invalidValue')]),
]);

test('SCIM list: Entra\'s raw query', async () => {
  const userName = `dale.mohr-${Date.now()}@x`;
  await newScimUser({ userName });
  const { json } = await get(`${users}?filter=userName+eq+"${userName.replace('@', '%40')}"`, { token: env.OPERATOR_TOKEN });
  assert.deepEqual(idsOf(json), [userName]);
});

test('SCIM list: pages', async () => {
  const all = (startIndex, itemsPerPage, ids) => ({ totalResults: 6, startIndex, itemsPerPage, ids });
  for (const [query, expected] of [
    [{}, all(1, 6, everybody)], [{ startIndex: 1, count: 2 }, all(1, 2, everybody.slice(0, 2))], [{ startIndex: 3, count: 2 }, all(3, 2, everybody.slice(2, 4))],
    [{ startIndex: 6, count: 2 }, all(6, 1, everybody.slice(5))], [{ startIndex: 5 }, all(5, 2, everybody.slice(4))], [{ count: 0 }, all(1, 0, [])], [{ count: -5 }, all(1, 0, [])],
    [{ startIndex: 0, count: 1 }, all(1, 1, everybody.slice(0, 1))], [{ startIndex: -7, count: 1 }, all(1, 1, everybody.slice(0, 1))],
    [{ startIndex: 7 }, all(7, 0, [])], [{ startIndex: 1000000, count: 1 }, all(1000000, 0, [])], [{ startIndex: '', count: '' }, all(1, 6, everybody)],
    [{ startIndex: 1, count: 100, attributes: 'userName', excludedAttributes: 'name', sortBy: 'userName', sortOrder: 'descending', other: 'x' }, all(1, 6, everybody)], [{ count: 100000 }, all(1, 6, everybody)],
  ]) {
    const { totalResults, startIndex, itemsPerPage, Resources } = await find(query);
    assert.deepEqual({ totalResults, startIndex, itemsPerPage, ids: Resources.map(({ id }) => id) }, expected, JSON.stringify(query));
  }
});

test('SCIM list: 100 unless asked for others, and never more than 200; paged through, everybody comes once, in order', async () => {
  const many = await newTenant();
  await sql(`SELECT count(userlock.register_user('u' || n, '${many.tenant}')) FROM generate_series(1, 449) AS n`);
  const page = async (query) => (await list(query, { token: many.token })).json;
  assert.deepEqual((({ totalResults, itemsPerPage }) => [totalResults, itemsPerPage])(await page({})), [450, 100]);
  for (const count of [200, 201, 1000, 2147483647]) assert.equal((await page({ count })).Resources.length, 200, String(count));
  const seen = [];
  for (let startIndex = 1; ; startIndex += 200) {
    const { totalResults, Resources } = await page({ startIndex, count: 200 });
    assert.equal(totalResults, 450);
    seen.push(...Resources.map(({ id }) => id));
    if (Resources.length === 0) break;
  }
  assert.deepEqual(seen, [...seen].sort());
  assert.equal(new Set(seen).size, 450);
});

test('SCIM list: who is deleted is not there; who is locked is active, whose block has ended as well', async () => {
  const own = await newTenant();
  const of = async (filter) => idsOf((await list({ filter }, { token: own.token })).json).filter((id) => id !== provisioner);
  const as = { token: own.token };
  for (const user_id of ['a', 'b', 'c', 'd']) await rpc('register_user', { user_id }, as);
  await remove('a', as);
  await rpc('lock_user', { user_id: 'b' }, as);
  await rpc('block_user', { user_id: 'c' }, as);
  await rpc('block_user', { user_id: 'd', until: new Date(Date.now() + 1000).toISOString() }, as);
  assert.deepEqual([await of('active eq true'), await of('active eq false')], [['b'], ['c', 'd']]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.deepEqual([await of('active eq true'), await of('active eq false')], [['b', 'd'], ['c']]);
  assert.deepEqual(await of('id eq "a"'), []);
});

test('SCIM list: a change is found at once', async () => {
  const { id } = await newScimUser();
  const userName = newName('renamed');
  await patch(id, [{ op: 'replace', path: 'userName', value: userName }]);
  assert.deepEqual(idsOf((await list({ filter: `userName eq "${userName}"` })).json), [id]);
  // The id is not their user name any more.
  assert.deepEqual(idsOf((await list({ filter: `userName eq "${id}"` })).json), []);
  assert.deepEqual(attributesOf((await send('GET', pathOf(id))).json), { userName, active: true });
});

commonListErrors({
  name: 'SCIM',
  path: users,
  type,
  verbs: ['POST'],
  reading: ['user_status', 'user_profile'],
  idsOf: ({ json }) => idsOf(json),
  newId: () => undefined,
  query: (skip) => `?startIndex=${skip + 1}&count=1`,
  credential: (credential) => ({ Authorization: `Bearer ${credential}` }),
  credentialOf: (role) => tokenOf(role),
  badToken: unauthorized,
  forbidden,
  invalid: { ...problem(400), body: /^\{"schemas":\["urn:ietf:params:scim:api:messages:2\.0:Error"\].*"status":"400"/ },
  notFoundPath: notFound,
  methodNotAllowed: problem(405, undefined, { allow: 'GET, HEAD, POST' }),
  tooLarge: problem(413),
  unreadable: problem(400, 'invalidSyntax'),
});
