// SCIM 2.0: what there is to ask for, who may, and how a user is read, created and deleted.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import test from 'node:test';
import { env, eventsOf, get, newUser, raw, request, rpc, sign, sql } from './lib/client.mjs';
import { badTokens, check, commonErrors, vectors, withRole } from './lib/contract.mjs';
import {
  attributesOf, checkUser, core, create, encode, enterprise, forbidden, list, newKey, newName, newScimUser, newTenant, notFound, patch, patchOp, pathOf,
  problem, profileOf, put, read, remove, send, tokenOf, type, unauthorized, users, versionOf,
} from './lib/scim.mjs';

const base = `${env.HTTP_URL}/scim/v2`;
const listOf = (...resources) => JSON.stringify({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: resources.length, startIndex: 1, itemsPerPage: resources.length, Resources: resources,
});
const ok = (body, headers = {}) => ({ status: 200, type, body, headers });
const metaOf = async (id, tenant = env.TENANT) => {
  const time = (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  const [created, lastModified, sequence] = (await sql(`SELECT ${time('created_at')}, ${time('changed_at')}, sequence FROM userlock_private.account
    WHERE tenant = '${tenant}' AND user_id = '${id.replaceAll("'", "''")}'`)).split('|');
  return { resourceType: 'User', created, lastModified, version: `W/"${sequence}"`, location: env.HTTP_URL + pathOf(id) };
};

// Discovery

const configuration = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'], patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 }, filter: { supported: true, maxResults: 200 }, changePassword: { supported: false },
  sort: { supported: false }, etag: { supported: true },
  authenticationSchemes: [{
    name: 'OAuth Bearer Token', description: 'Authentication scheme using the OAuth Bearer Token Standard',
    specUri: 'http://www.rfc-editor.org/info/rfc6750', type: 'oauthbearertoken', primary: true,
  }],
  meta: { location: `${base}/ServiceProviderConfig`, resourceType: 'ServiceProviderConfig' },
};
const userType = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'], id: 'User', name: 'User', endpoint: '/Users', description: 'User Account', schema: core,
  meta: { location: `${base}/ResourceTypes/User`, resourceType: 'ResourceType' },
};
const discovery = ['ServiceProviderConfig', 'ResourceTypes', 'ResourceTypes/User', 'Schemas', `Schemas/${core}`];

vectors('SCIM discovery', [
  ['the configuration', () => get('/scim/v2/ServiceProviderConfig'), ok(JSON.stringify(configuration))],
  ['the types', () => get('/scim/v2/ResourceTypes'), ok(listOf(userType))],
  ['the type of a user', () => get('/scim/v2/ResourceTypes/User'), ok(JSON.stringify(userType))],
  ['a type that is none', () => get('/scim/v2/ResourceTypes/Group'), notFound],
  ['a schema that is none', () => get('/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group'), notFound],
]);

test('SCIM discovery: the schema of a user, alone and in a list', async () => {
  const one = await get(`/scim/v2/Schemas/${core}`);
  assert.deepEqual([one.status, one.headers.get('content-type'), one.json.id, one.json.name], [200, type, core, 'User']);
  assert.deepEqual(one.json.meta, { location: `${base}/Schemas/${core}`, resourceType: 'Schema' });
  const attributes = Object.fromEntries(one.json.attributes.map((attribute) => [attribute.name, attribute]));
  assert.deepEqual(Object.keys(attributes).filter((name) => attributes[name].multiValued),
    ['emails', 'phoneNumbers', 'ims', 'photos', 'addresses', 'entitlements', 'roles', 'x509Certificates']);
  const { required, caseExact, uniqueness } = attributes.userName;
  assert.deepEqual({ required, caseExact, uniqueness }, { required: true, caseExact: false, uniqueness: 'server' });
  assert.deepEqual(attributes.name.subAttributes.map(({ name }) => name),
    ['formatted', 'familyName', 'givenName', 'middleName', 'honorificPrefix', 'honorificSuffix']);
  const all = await get('/scim/v2/Schemas');
  assert.deepEqual([all.status, all.headers.get('content-type')], [200, type]);
  assert.deepEqual(all.json.Resources.find(({ id }) => id === core), one.json);
  assert.equal(all.json.totalResults, all.json.Resources.length);
});

test('SCIM discovery is for everybody, with a credential or without, good or bad', async () => {
  for (const path of discovery.map((name) => `/scim/v2/${name}`)) {
    const answer = await get(path);
    for (const headers of [
      { Authorization: 'non-token' }, { Authorization: 'Basic eDp5' }, ...[env.EXPIRED_TOKEN, env.OPERATOR_TOKEN].map((token) => ({ Authorization: `Bearer ${token}` })),
      { Accept: 'text/html' }, { Accept: 'application/json' },
    ]) check(await get(path, { headers }), ok(answer.text), JSON.stringify(headers));
    check(await get(`${path}?filter=x&count=1`), ok(answer.text), path);
    const head = await fetch(env.HTTP_URL + path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, type, ''], path);
    for (const verb of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      check(await request(verb, path, { token: env.OPERATOR_TOKEN, body: '{}' }), problem(405, undefined, { allow: 'GET, HEAD' }), `${verb} ${path}`);
    }
  }
});

// What there is not

vectors('SCIM', [
  ['groups: there are none', () => send('GET', '/scim/v2/Groups'), ok(listOf())],
  ['groups: no credential', () => get('/scim/v2/Groups'), unauthorized],
  ['groups: a bad credential', () => get('/scim/v2/Groups', { token: env.EXPIRED_TOKEN }), unauthorized],
  ['groups: no permission', () => send('GET', '/scim/v2/Groups', undefined, { token: env.STRANGER_TOKEN }), forbidden],
  ['groups: with a filter', () => send('GET', '/scim/v2/Groups?filter=displayName+eq+"x"&excludedAttributes=members'), ok(listOf())],
  ...[['GET', 'Groups/x'], ['POST', 'Groups'], ['PUT', 'Groups/x'], ['PATCH', 'Groups/x'], ['DELETE', 'Groups/x'], ['POST', 'Bulk'], ['GET', 'Me'], ['POST', 'Me'],
    ['PUT', 'Me'], ['PATCH', 'Me'], ['DELETE', 'Me'], ['POST', 'Users/.search']]
    .map(([method, path]) => [`${method} /${path} is not there`, () => send(method, `/scim/v2/${path}`, method === 'GET' || method === 'DELETE' ? undefined : {}), problem(501)]),
  ...['/scim/v2', '/scim/v2/', '/scim', '/scim/v1/Users', '/scim/v2/users', '/scim/v2/Nothing', '/scim/v2/Users/x/y', '/scim/v2/4b1f2c7e']
    .map((path) => [`${path} is unknown`, () => send('GET', path), notFound]),
]);

// Who may

const badHeaders = [undefined, '', 'non-token', 'Basic b3BlcmF0b3I6eA==', 'Bearer', 'Bearer a b', `Bearer ulk_${'0'.repeat(64)}`, `Bearer ulk_${'0'.repeat(63)}`, 'Bearer \xfc'];
const calls = (id) => ({
  'GET /Users': ['GET', users], 'POST /Users': ['POST', users, { schemas: [core], userName: newName() }], 'GET /Users/id': ['GET', pathOf(id)],
  'PUT /Users/id': ['PUT', pathOf(id), { schemas: [core], title: 'x', active: false }],
  'PATCH /Users/id': ['PATCH', pathOf(id), { schemas: [patchOp], Operations: [{ op: 'replace', path: 'active', value: false }] }], 'DELETE /Users/id': ['DELETE', pathOf(id)],
});

for (const name of Object.keys(calls('x'))) {
  test(`SCIM ${name}: no credential, or none that is good`, async () => {
    const id = await newUser();
    const before = await eventsOf(id);
    for (const one of [id, 'nobody']) {
      const [method, path, body] = calls(one)[name];
      const ask = (headers) => request(method, path, { body, headers: { ...(body && { 'Content-Type': type }), ...headers } });
      for (const value of badHeaders) check(await ask(value === undefined ? {} : { Authorization: value }), unauthorized, value);
      for (const [kind, make] of Object.entries(badTokens)) check(await ask({ Authorization: `Bearer ${await make()}` }), unauthorized, kind);
    }
    assert.equal(await eventsOf(id), before);
  });
}

test('SCIM: the bearer of a token and that of a key are told apart by what they have alone', async () => {
  const id = await newUser();
  const key = await newKey('operator');
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    for (const credential of [key, env.OPERATOR_TOKEN]) {
      assert.equal((await request('GET', pathOf(id), { headers: { Authorization: `${scheme} ${credential}` } })).status, 200, scheme);
    }
  }
  // Where the key is MonoCloud's, it is not SCIM's.
  check(await request('GET', pathOf(id), { headers: { 'X-API-KEY': key } }), unauthorized);
  const name = `scim-rotated-${Date.now()}`;
  const old = await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`);
  await sql(`SELECT userlock.rotate_api_key('${name}', '${env.TENANT}')`);
  check(await read(id, { token: old }), unauthorized, 'rotated');
  check(await read(id, { token: await newKey('operator', 'other') }), notFound, 'another tenant\'s');
  check(await read(id, { token: await newKey('stranger') }), forbidden);
});

// Each call, the functions of the core that it takes, and the status that it then has.
const listing = ['user_status', 'user_profile', 'find_users', 'count_users'];
const reading = ['user_status', 'user_profile'];
const permissions = [
  ['GET of a user', reading, (id, token) => read(id, { token }), 200],
  ['a list', listing, (id, token) => list({ count: 1 }, { token }), 200],
  ['a filter', listing, (id, token) => list({ filter: `id eq "${id}"` }, { token }), 200],
  ['groups', listing, (id, token) => send('GET', '/scim/v2/Groups', undefined, { token }), 200],
  ['POST', [...reading, 'register_user'], (id, token) => create({ userName: newName() }, { token }), 201],
  ['PUT of attributes', [...reading, 'set_profile'], (id, token) => put(id, { title: newName() }, { token }), 200],
  ['PATCH of attributes', [...reading, 'set_profile'], (id, token) => patch(id, [{ op: 'add', path: 'title', value: newName() }], { token }), 200],
  ['deactivation', [...reading, 'block_user'], (id, token) => patch(id, [{ op: 'replace', path: 'active', value: false }], { token }), 200],
  ['activation', [...reading, 'unblock_user'], (id, token) => patch(id, [{ op: 'replace', path: 'active', value: true }], { token }), 200],
  ['DELETE', [...reading, 'delete_user'], (id, token) => remove(id, { token }), 204],
];
for (const [name, functions, call, status] of permissions) {
  test(`SCIM ${name}: the permission is EXECUTE on ${functions.join(', ')}`, async () => {
    await withRole(functions, async (role) => {
      const answer = await call(await newUser(), await tokenOf(role));
      assert.equal(answer.status, status, answer.text);
    });
    const id = await newUser();
    const before = await eventsOf(id);
    for (const missing of functions) {
      await withRole(functions.filter((one) => one !== missing), async (role) => {
        for (const token of [await tokenOf(role), await newKey(role)]) {
          for (const one of [id, 'nobody', 'x'.repeat(201)]) check(await call(one, token), forbidden, `without ${missing}`);
        }
      });
    }
    assert.equal(await eventsOf(id), before);
  });
}

test('SCIM: who may do everything but one thing is refused that, whatever the body', async () => {
  const id = await newUser();
  await withRole([...listing, 'register_user', 'set_profile', 'delete_user'], async (role) => {
    const token = await tokenOf(role);
    for (const active of [true, false, 'False']) {
      for (const one of [id, 'nobody']) {
        check(await patch(one, [{ op: 'replace', path: 'active', value: active }], { token }), forbidden);
        check(await put(one, { title: 'x', active }, { token }), forbidden);
      }
    }
  });
  assert.equal(await eventsOf(id), 'registered');
});

// A user

test('SCIM: a user of whom nothing is known but the account', async () => {
  const id = await newUser();
  const meta = await metaOf(id);
  check(await read(id), ok(JSON.stringify({ schemas: [core], id, userName: id, active: true, meta }), { etag: 'W/"1"' }));
  await rpc('block_user', { user_id: id });
  check(await read(id), ok(JSON.stringify({ schemas: [core], id, userName: id, active: false, meta: await metaOf(id) }), { etag: 'W/"2"' }));
  assert.notEqual((await metaOf(id)).lastModified, meta.lastModified);
});

const everything = {
  externalId: 'E-17', userName: 'dale', name: {
    formatted: 'Dr. Dale Mohr', familyName: 'Mohr', givenName: 'Dale', middleName: 'Käthe', honorificPrefix: 'Dr.', honorificSuffix: 'III' },
  displayName: 'Dale "D" Mohr \\ 😀', nickName: 'D', profileUrl: 'https://example.com/dale', title: 'Tour Guide', userType: 'Employee', preferredLanguage: 'en-US',
  locale: 'en-US', timezone: 'America/Los_Angeles',
  emails: [{ value: 'dale@example.com', display: 'Dale', type: 'work', primary: true }, { value: 'dale@example.org', type: 'home' }],
  phoneNumbers: [{ value: 'tel:+1-201-555-0123', type: 'mobile' }], ims: [{ value: 'dale', type: 'xmpp' }], photos: [{ value: 'https://example.com/dale.png', type: 'photo' }],
  addresses: [{
    formatted: '1 Main\nBonn', streetAddress: '1 Main', locality: 'Bonn', region: 'NRW', postalCode: '53111', country: 'DE', type: 'work', primary: true }],
  entitlements: [{ value: 'e' }], roles: [{ value: 'admin', display: 'Administrator', primary: true }], x509Certificates: [{ value: 'MIIDQzCCAqw=' }],
  [enterprise]: { employeeNumber: '701984', costCenter: '4130', organization: 'O', division: 'D', department: 'Sales', manager: { value: 'm', displayName: 'M' } },
  'urn:example:params:scim:schemas:own:2.0:User': { badge: 7, flags: [true, { a: 1.5 }] },
};

test('SCIM: every attribute of the schema and of extensions, and none else', async () => {
  const userName = newName();
  const id = await newUser(undefined, undefined, {
    ...everything, userName, password: 'x', groups: [], favourite: 'tea', 'urn:userlock:monocloud': { has_password: true }, active: false, id: 'other', meta: { version: 'W/"99"' },
    schemas: ['urn:x'], 'urn:example:text': 'no object', $ref: 'x',
  });
  const user = checkUser(await read(id));
  assert.deepEqual(attributesOf(user), { ...everything, userName, active: true });
  assert.deepEqual(user.meta, await metaOf(id));
  assert.equal(user.id, id);
});

test('SCIM: what a profile has of wrong types is as good as not there', async () => {
  const wrong = Object.fromEntries(Object.entries(everything).filter(([name]) => !name.includes(':'))
    // By some of them users are found: those the core does not take.
    .filter(([name]) => !['userName', 'externalId', 'displayName', 'emails'].includes(name))
    .map(([name, value]) => [name, [5, typeof value === 'string' ? {} : [5, true, null, [], {}, { value: 5 }], true, null]]));
  for (let i = 0; i < 4; i++) {
    const id = await newUser(undefined, undefined, Object.fromEntries(Object.entries(wrong).map(([name, values]) => [name, values[i]])));
    assert.deepEqual(attributesOf(checkUser(await read(id))), { userName: id, active: true }, String(i));
  }
  const id = await newUser(undefined, undefined, {
    name: { givenName: 5, familyName: 'Mohr', formatted: null, other: 'x' }, emails: [{ value: 'a@example.com', type: 7, primary: 'yes', other: 1 }],
    photos: [{ value: 5 }], [enterprise]: 'x', 'urn:example:a': [1],
  });
  assert.deepEqual(attributesOf(checkUser(await read(id))), { userName: id, name: { familyName: 'Mohr' }, emails: [{ value: 'a@example.com' }], active: true });
});

test('SCIM: names in any case are answered in that of the schema', async () => {
  const userName = newName();
  const id = await newUser(undefined, undefined, { USERNAME: userName, displayname: 'D', NAME: { GIVENNAME: 'G' }, Emails: [{ VALUE: 'a@example.com', Primary: true }] });
  const { json } = await read(id);
  assert.deepEqual(attributesOf(json), { userName, displayName: 'D', name: { givenName: 'G' }, emails: [{ value: 'a@example.com', primary: true }], active: true });
});

test('SCIM: an id of any characters is found by its path, which Location tells', async () => {
  for (const name of ['a b', 'a/b?c#d', 'Käse', '😀', "!$&'()*+,;=:@", 'a.b_c~d-e', '%41', '"<>\\^`{|}', 'x.y@example.com']) {
    const id = `${name} ${Date.now()}`;
    await newUser(undefined, id);
    const { status, json, headers } = await read(id);
    assert.equal(status, 200, id);
    assert.deepEqual([json.id, json.meta.location], [id, `${env.HTTP_URL}${users}/${encode(id)}`]);
    // And whatever else may be encoded.
    const all = [...Buffer.from(id)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    if (!name.includes('/')) assert.equal((await get(`${users}/${all}`, { token: env.OPERATOR_TOKEN })).json?.id, id);
    assert.equal(headers.get('location'), null);
  }
});

test('SCIM: attributes that are asked for or left out change nothing', async () => {
  const { id } = await newScimUser({ title: 'x' });
  const { text } = await read(id);
  for (const query of ['attributes=userName', 'excludedAttributes=title', 'attributes=', 'x']) check(await send('GET', `${pathOf(id)}?${query}`), ok(text), query);
});

test('SCIM: HEAD is GET without a body', async () => {
  const { id } = await newScimUser();
  const head = await fetch(env.HTTP_URL + pathOf(id), { method: 'HEAD', headers: { Authorization: `Bearer ${env.OPERATOR_TOKEN}` } });
  assert.deepEqual([head.status, head.headers.get('content-type'), head.headers.get('etag'), await head.text()], [200, type, 'W/"1"', '']);
});

test('SCIM over HTTP/2', async () => {
  const { id } = await newScimUser();
  const { text } = await read(id);
  const client = connect(env.GRPC_URL);
  try {
    const stream = client.request({ ':path': pathOf(id), authorization: `Bearer ${env.OPERATOR_TOKEN}` });
    const headers = await new Promise((resolve, reject) => stream.on('response', resolve).on('error', reject).end());
    assert.deepEqual([headers[':status'], headers['content-type'], headers.etag, Buffer.concat(await stream.toArray()).toString()], [200, type, 'W/"1"', text]);
  } finally {
    client.close();
  }
});

// Creation

test('SCIM POST: 201 with the user, their Location and ETag; the id is the user name', async () => {
  const userName = newName();
  const answer = await create({ schemas: [core, enterprise], ...everything, userName, active: true, password: 'x', id: 'mine', groups: [], meta: { resourceType: 'User' }, other: 5 });
  const user = checkUser(answer, 201);
  assert.equal(user.id, userName);
  assert.equal(answer.headers.get('location'), user.meta.location);
  assert.deepEqual(attributesOf(user), { ...everything, userName, active: true });
  assert.deepEqual(user.meta, await metaOf(userName));
  assert.equal(versionOf(answer), 1);
  assert.equal((await read(userName)).text, answer.text);
  assert.equal(await eventsOf(userName), 'registered');
  const profile = await profileOf(userName);
  for (const name of ['password', 'id', 'meta', 'active', 'other']) assert.ok(!(name in profile), name);
});

test('SCIM POST: created inactive is blocked', async () => {
  for (const active of [false, 'False', 'false']) {
    const answer = await create({ schemas: [core], userName: newName(), active });
    const user = checkUser(answer, 201);
    assert.equal(user.active, false);
    assert.equal(await eventsOf(user.id), 'registered blocked');
    assert.equal(versionOf(answer), 2);
    assert.equal(checkUser(await patch(user.id, [{ op: 'replace', path: 'active', value: true }])).active, true, 'SCIM\'s own');
  }
  for (const active of [true, 'True', undefined, null]) assert.equal(checkUser(await create({ userName: newName(), active }), 201).active, true, String(active));
});

test('SCIM POST: what is of a wrong type is left out, a truth value in words is one, names have any case', async () => {
  const userName = newName();
  const user = checkUser(await create({
    USERNAME: userName, Title: 5, name: 'x', NickName: 'N', emails: [{ Value: 'a@example.com', PRIMARY: 'True' }, { value: 'b@example.com', primary: 'false' }], roles: [{ value: 'r', primary: 'maybe' }],
    locale: null, phoneNumbers: null, displayName: '',
  }), 201);
  assert.deepEqual(attributesOf(user), {
    userName, nickName: 'N', emails: [{ value: 'a@example.com', primary: true }, { value: 'b@example.com', primary: false }], roles: [{ value: 'r' }], active: true,
  });
});

test('SCIM POST: 409 where the id or the user name is somebody\'s, in any case', async () => {
  const uniqueness = problem(409, 'uniqueness');
  const { userName } = await newScimUser();
  for (const taken of [userName, userName.toUpperCase()]) check(await create({ userName: taken, active: false }), uniqueness, taken);
  const named = newName();
  await newUser(undefined, undefined, { userName: named });
  for (const taken of [named, named.toUpperCase()]) check(await create({ userName: taken }), uniqueness, 'another id');
  // Adopted from a table, without a profile.
  const adopted = await newUser();
  check(await create({ userName: adopted }), uniqueness);
  assert.equal(await eventsOf(adopted), 'registered');
  assert.equal(checkUser(await read(userName)).active, true);
  // In another tenant it is somebody else.
  const { token } = await newTenant();
  assert.equal((await create({ userName }, { token })).status, 201);
});

test('SCIM POST: whoever was deleted comes back, and history goes on', async () => {
  const { id, userName } = await newScimUser({ title: 'old' });
  await remove(id);
  const answer = await create({ userName, active: true });
  const user = checkUser(answer, 201);
  assert.deepEqual(attributesOf(user), { userName, active: true });
  assert.equal(versionOf(answer), 3);
  assert.equal(await eventsOf(id), 'registered deleted registered');
});

test('SCIM POST: whoever was deactivated, deleted and is created anew is active; whom support had blocked is not', async () => {
  const own = await newScimUser();
  await patch(own.id, [{ op: 'replace', path: 'active', value: false }]);
  await remove(own.id);
  assert.equal(checkUser(await create({ userName: own.userName, active: true }), 201).active, true);
  const theirs = await newScimUser();
  await rpc('block_user', { user_id: theirs.id });
  await remove(theirs.id);
  assert.equal(checkUser(await create({ userName: theirs.userName, active: true }), 201).active, false);
});

test('SCIM POST: whoever comes back blocked stays so if the caller may not unblock', async () => {
  const { id, userName } = await newScimUser();
  await patch(id, [{ op: 'replace', path: 'active', value: false }]);
  await remove(id);
  await withRole([...reading, 'register_user'], async (role) => {
    assert.equal(checkUser(await create({ userName, active: true }, { token: await tokenOf(role) }), 201).active, false);
  });
});

const invalidValue = problem(400, 'invalidValue');
const invalidSyntax = problem(400, 'invalidSyntax');
vectors('SCIM POST', [
  ...[{}, { userName: null }, { userName: '' }, { userName: 5 }, { userName: ['x'] }, { userName: 'x'.repeat(201) }, { userName: 'x'.repeat(70_000) }]
    .map((body) => [`no user name that is one: ${JSON.stringify(body).slice(0, 40)}`, () => create(body), invalidValue]),
  ...['', ' ', '{', '[]', 'null', '"x"', '5', '{"userName":"x"}}', '{"userName":"\\u0000"}', Buffer.from('{"userName":"\xff"}', 'latin1'), '['.repeat(100_000), `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`]
    .map((body) => [`malformed: ${String(body).slice(0, 40)}`, () => create(body), invalidSyntax]),
  ...['yes', 5, '', [], {}].map((active) => [`active ${JSON.stringify(active)}`, () => create({ userName: newName(), active }), invalidValue]),
  ['a profile that is too large', () => create({ userName: newName(), displayName: 'x'.repeat(100_000) }), invalidValue],
  ['a user name of 200 characters', () => create({ userName: newName().padEnd(200, 'x') }), { status: 201, type, body: /^/ }],
]);

test('SCIM POST: 413, no permission, wrong verbs', async () => {
  check(await create(`{"userName":"${'x'.repeat(1_100_000)}"}`), problem(413));
  for (const body of [{ userName: newName() }, {}, '{', '[]']) check(await create(body, { token: env.STRANGER_TOKEN }), forbidden, JSON.stringify(body));
  for (const verb of ['PUT', 'PATCH', 'DELETE']) check(await send(verb, users, {}), problem(405, undefined, { allow: 'GET, HEAD, POST' }), verb);
});

test('SCIM POST: either media type, with parameters, and none', async () => {
  for (const value of ['application/scim+json', 'application/json', 'application/scim+json; charset=utf-8', 'application/json;charset=UTF-8', 'Application/SCIM+JSON; x="y"']) {
    checkUser(await create({ userName: newName() }, { headers: { 'Content-Type': value } }), 201);
  }
  for (const accept of ['*/*', 'application/json', 'application/scim+json', 'text/html', 'application/scim+json;q=0.9, x/y']) {
    checkUser(await create({ userName: newName() }, { headers: { Accept: accept } }), 201);
  }
});

// Deletion

test('SCIM DELETE: 204, and 404 from then on; the history stays', async () => {
  const { id } = await newScimUser();
  check(await remove(id), { status: 204 });
  check(await read(id), notFound);
  check(await remove(id), notFound);
  check(await patch(id, [{ op: 'replace', path: 'active', value: false }]), notFound);
  check(await put(id, { userName: id }), notFound);
  assert.equal(await eventsOf(id), 'registered deleted');
});

// What goes wrong with a user everywhere

for (const [verb, body] of [
  ['GET'], ['PUT', { schemas: [core], active: false }], ['PATCH', { Operations: [{ op: 'replace', value: { active: false } }] }], ['DELETE'],
]) {
  commonErrors({
    name: `SCIM ${verb}`,
    verb,
    verbs: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    path: (endpoint, id) => `/scim/v2/${endpoint}/${id}`,
    endpoints: ['Users'],
    restriction: () => undefined,
    newId: () => undefined,
    unknownId: () => 'nobody',
    malformedIds: ['%ff', 'x'.repeat(201)],
    ...(body && { body: () => body, malformedBody: '{' }),
    credential: (token) => ({ Authorization: `Bearer ${token}` }),
    badToken: unauthorized,
    forbidden: () => forbidden,
    notFound: () => notFound,
    notFoundPath: notFound,
    methodNotAllowed: problem(405, undefined, { allow: 'GET, HEAD, PUT, PATCH, DELETE' }),
    tooLarge: problem(413),
    unreadable: problem(400, 'invalidSyntax'),
    malformedId: notFound,
  });
}

test('SCIM: another tenant\'s user is not there', async () => {
  const { id } = await newScimUser();
  const token = env.OTHER_TENANT_TOKEN;
  for (const answer of [await read(id, { token }), await put(id, { active: false }, { token }), await remove(id, { token }),
    await patch(id, [{ op: 'replace', path: 'active', value: false }], { token })]) check(answer, notFound);
  assert.equal((await list({ filter: `userName eq "${id}"` }, { token })).json.totalResults, 0);
  assert.equal(await eventsOf(id), 'registered');
});

test('SCIM: an operator who is blocked provisions nobody', async () => {
  const id = await newUser();
  const token = await sign({ role: 'operator', sub: id, tenant: env.TENANT, iat: Math.floor(Date.now() / 1000) });
  assert.equal((await list({ count: 1 }, { token })).status, 200);
  await rpc('block_user', { user_id: id });
  for (const answer of [await list({}, { token }), await create({ userName: newName() }, { token }), await read(id, { token })]) check(answer, unauthorized);
});

test('SCIM: what nginx cannot read of a path of SCIM\'s, it refuses as SCIM does', async () => {
  for (const path of ['/scim/v2/%zz', '/scim/v2/Users/%00', '/scim/v2/ServiceProviderConfig%00']) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.status, 400, path);
    assert.match(answer.text, problem(400, 'invalidSyntax').body);
  }
});
