// SCIM: the life of a user as each provider writes it, from the test of the connection to the
// end, and what the application answers to the user at each step.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { env, raw, sign, sql } from './lib/client.mjs';
import { core, enterprise, listResponse, newKey, newName, nextSecond, patchOp, send, users, visit } from './lib/scim.mjs';

// A provider: a key for a tenant of its own, and the headers that it sends, no others.
async function connect(headers) {
  const tenant = `life-${randomUUID()}`;
  const key = await newKey('operator', tenant);
  const { host } = new URL(env.HTTP_URL);
  const call = async (method, path, body) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const lines = Object.entries({ Host: host, Connection: 'close', Authorization: `Bearer ${key}`, ...headers, ...(text && { 'Content-Length': Buffer.byteLength(text) }) });
    // HTTP/1.0, whose answers do not come in chunks, and whose path is as it was written.
    const answer = await raw(`${method} ${path} HTTP/1.0\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`);
    if (answer.status !== 204) assert.match(`${answer.head}\r\n`, /\r\nContent-Type: application\/scim\+json\r\n/);
    return { status: answer.status, json: answer.text ? JSON.parse(answer.text) : undefined };
  };
  const is = async (method, path, body, status) => {
    const answer = await call(method, path, body);
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(answer.json)}`);
    return answer.json;
  };
  return { tenant, is };
}

// The user's side: a token signed anew, or the one of before.
function application(tenant) {
  const issue = (id) => sign({ role: 'stranger', sub: id, tenant, iat: Math.floor(Date.now() / 1000) });
  return {
    issue,
    async admits(id) {
      await nextSecond();
      const token = await issue(id);
      assert.equal(await visit(token), 200);
      return token;
    },
    refuses: async (token, status) => assert.equal(await visit(token), status),
  };
}
const kinds = (tenant, id) => sql(`SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock_private.event WHERE tenant = '${tenant}' AND user_id = '${id}'`);
const nobody = { schemas: [listResponse], totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] };

test('a life in Entra ID', async () => {
  // Without a User-Agent; a body is JSON of SCIM's.
  const { tenant, is } = await connect({ 'Content-Type': 'application/scim+json; charset=utf-8' });
  const app = application(tenant);
  const upn = newName('dale.mohr');
  const filter = (attribute, value) => `${users}?filter=${attribute}+eq+"${value.replace('@', '%40')}"`;
  // The test of the connection.
  assert.deepEqual(await is('GET', filter('userName', randomUUID()), undefined, 200), nobody);
  assert.deepEqual(await is('GET', '/scim/v2/Groups?excludedAttributes=members&filter=displayName+eq+"none"', undefined, 200), nobody);
  // Who is not there is created.
  assert.deepEqual(await is('GET', filter('userName', upn), undefined, 200), nobody);
  await app.refuses(await app.issue(upn), 401);
  const { id, active, meta } = await is('POST', users, {
    schemas: [core, enterprise], externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef', userName: upn, active: true, addresses: null, displayName: 'Dale Mohr',
    emails: [{ type: 'work', value: upn, primary: true }], meta: { resourceType: 'User' }, name: { formatted: 'Dale Mohr', familyName: 'Mohr', givenName: 'Dale' }, roles: [],
    [enterprise]: { department: 'Sales' },
  }, 201);
  assert.deepEqual([id, active, meta.resourceType], [upn, true, 'User']);
  let token = await app.admits(id);
  // Every forty minutes.
  const path = `${users}/${encodeURIComponent(id)}`;
  assert.equal((await is('GET', filter('externalId', '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef'), undefined, 200)).Resources[0].id, id);
  const changed = await is('PATCH', path, { schemas: [patchOp], Operations: [
    { op: 'Replace', path: 'name.familyName', value: 'Moore' }, { op: 'Add', path: 'emails[type eq "work"].value', value: `m-${upn}` },
    { op: 'Replace', path: `${enterprise}:department`, value: 'Law' }, { op: 'Add', path: `${enterprise}:manager`, value: 'm-1' }, { op: 'Remove', path: 'displayName' }] }, 200);
  assert.deepEqual([changed.name.familyName, changed.emails, changed[enterprise], changed.displayName],
    ['Moore', [{ type: 'work', value: `m-${upn}`, primary: true }], { department: 'Law', manager: { value: 'm-1' } }, undefined]);
  await app.refuses(token, 200);
  // Unassigned, and found as such; assigned again.
  const activate = (value) => is('PATCH', path, { Operations: [{ op: 'Replace', path: 'active', value }], schemas: [patchOp] }, 200);
  assert.equal((await activate('False')).active, false);
  await app.refuses(token, 403);
  assert.equal((await is('GET', filter('userName', upn.toUpperCase()), undefined, 200)).Resources[0].active, false);
  assert.equal((await is('GET', path, undefined, 200)).active, false);
  assert.equal((await activate('True')).active, true);
  await app.refuses(token, 401);
  token = await app.admits(id);
  // Deleted softly, and thirty days later for good.
  await activate('False');
  await app.refuses(token, 403);
  await is('DELETE', path, undefined, 204);
  await app.refuses(token, 401);
  await is('GET', path, undefined, 404);
  assert.deepEqual(await is('GET', filter('userName', upn), undefined, 200), nobody);
  await is('DELETE', path, undefined, 404);
  assert.equal(await kinds(tenant, id), 'registered profile_changed blocked unblocked blocked deleted');
});

const oktaHeaders = {
  'User-Agent': 'Okta SCIM Client 1.0.0', Accept: 'application/scim+json', 'Accept-Charset': 'utf-8', 'Content-Type': 'application/scim+json; charset=utf-8',
};
const oktaFilter = (userName) => `${users}?filter=userName%20eq%20%22${encodeURIComponent(userName)}%22&startIndex=1&count=100`;
const oktaUser = (userName) => ({
  schemas: [core], userName, name: { givenName: 'Test', familyName: 'User' }, emails: [{ primary: true, value: userName, type: 'work' }], displayName: 'Test User', locale: 'en-US',
  externalId: '00ujl29u0le5T6Aj10h7', groups: [], password: '1mz050nq', active: true,
});

test('a life in Okta, of an application of its catalogue', async () => {
  const { tenant, is } = await connect(oktaHeaders);
  const app = application(tenant);
  const userName = newName('test.user');
  assert.deepEqual(await is('GET', `${users}?startIndex=1&count=2`, undefined, 200), nobody);
  assert.deepEqual(await is('GET', oktaFilter(userName), undefined, 200), nobody);
  const { id, active } = await is('POST', users, oktaUser(userName), 201);
  assert.equal(active, true);
  let token = await app.admits(id);
  // An import.
  assert.deepEqual((await is('GET', `${users}?startIndex=1&count=100`, undefined, 200)).Resources.map((one) => one.id), [id]);
  // A change: what is there, and what shall be.
  const path = `${users}/${encodeURIComponent(id)}`;
  const there = await is('GET', path, undefined, 200);
  assert.equal(there.password, undefined);
  const after = await is('PUT', path, { ...there, name: { ...there.name, middleName: 'Excited' }, groups: [] }, 200);
  assert.deepEqual([after.name, after.active], [{ givenName: 'Test', middleName: 'Excited', familyName: 'User' }, true]);
  await app.refuses(token, 200);
  // Deactivated and activated; never deleted.
  const activate = async (value) => assert.equal((await is('PATCH', path, { schemas: [patchOp], Operations: [{ op: 'replace', value: { active: value } }] }, 200)).active, value);
  await activate(false);
  await app.refuses(token, 403);
  assert.equal((await is('GET', oktaFilter(userName), undefined, 200)).Resources[0].active, false);
  await activate(true);
  token = await app.admits(id);
  await activate(false);
  await app.refuses(token, 403);
  assert.equal((await is('GET', path, undefined, 200)).active, false);
  assert.equal(await kinds(tenant, id), 'registered profile_changed blocked unblocked blocked');
});

test('a life in Okta, of an application made by its wizard', async () => {
  const { tenant, is } = await connect(oktaHeaders);
  const app = application(tenant);
  const userName = newName('test.user');
  assert.deepEqual(await is('GET', `${users}?startIndex=1&count=2`, undefined, 200), nobody);
  assert.deepEqual(await is('GET', oktaFilter(userName), undefined, 200), nobody);
  const { id } = await is('POST', users, oktaUser(userName), 201);
  const path = `${users}/${encodeURIComponent(id)}`;
  let token = await app.admits(id);
  // Everything is a PUT of what was read before.
  const change = async (more) => is('PUT', path, { ...await is('GET', path, undefined, 200), groups: [], ...more }, 200);
  assert.equal((await change({ displayName: 'T. User' })).displayName, 'T. User');
  await app.refuses(token, 200);
  assert.equal((await change({ active: false })).active, false);
  await app.refuses(token, 403);
  assert.equal((await change({ displayName: 'Test User' })).active, false);
  await app.refuses(token, 403);
  assert.equal((await change({ active: true })).active, true);
  token = await app.admits(id);
  assert.equal((await change({ active: false })).active, false);
  await app.refuses(token, 403);
  // A password that is synchronized is nowhere.
  assert.equal((await change({ password: 'n3w' })).password, undefined);
  assert.equal(await kinds(tenant, id), 'registered profile_changed blocked profile_changed unblocked blocked');
});

test('a life in authentik', async () => {
  const { tenant, is } = await connect({ 'User-Agent': 'authentik/2025.10', Accept: '*/*', 'Content-Type': 'application/scim+json' });
  const app = application(tenant);
  const userName = newName('akadmin');
  const configuration = await is('GET', '/scim/v2/ServiceProviderConfig', undefined, 200);
  assert.deepEqual([configuration.patch, configuration.filter.supported], [{ supported: true }, true]);
  const user = (more) => ({
    schemas: [core], active: true, displayName: 'a', emails: [{ value: userName, type: 'other', primary: true }], externalId: randomUUID(), name: { familyName: 'k', formatted: 'a k', givenName: 'a' },
    photos: null, userName, ...more,
  });
  const first = user();
  const { id } = await is('POST', users, first, 201);
  const path = `${users}/${encodeURIComponent(id)}`;
  let token = await app.admits(id);
  // Who is there already is found.
  assert.equal((await is('POST', users, first, 409)).scimType, 'uniqueness');
  assert.equal((await is('GET', oktaFilter(userName), undefined, 200)).Resources[0].id, id);
  assert.equal((await is('PUT', path, user({ id, displayName: 'b' }), 200)).displayName, 'b');
  await app.refuses(token, 200);
  assert.equal((await is('PUT', path, user({ id, active: false }), 200)).active, false);
  await app.refuses(token, 403);
  assert.equal((await is('PUT', path, user({ id, active: true }), 200)).active, true);
  token = await app.admits(id);
  await is('DELETE', path, undefined, 204);
  await app.refuses(token, 401);
  await is('PUT', path, user({ id }), 404);
  // And comes back.
  assert.equal((await is('POST', users, user(), 201)).id, id);
  await app.admits(id);
});

test('whom support has blocked stays out, whatever each provider sends that night', async () => {
  const { tenant, is } = await connect(oktaHeaders);
  const app = application(tenant);
  const userName = newName('fraud');
  const { id } = await is('POST', users, oktaUser(userName), 201);
  await sql(`SELECT userlock.block_user('${id}', 'fraud', tenant => '${tenant}')`);
  const token = await app.issue(id);
  const path = `${users}/${encodeURIComponent(id)}`;
  for (const body of [
    { schemas: [patchOp], Operations: [{ op: 'Replace', path: 'active', value: 'True' }] }, { schemas: [patchOp], Operations: [{ op: 'replace', value: { active: true } }] },
    { schemas: [patchOp], Operations: [{ op: 'Replace', path: 'active', value: 'False' }, { op: 'Replace', path: 'active', value: 'True' }] },
  ]) {
    assert.equal((await is('PATCH', path, body, 200)).active, false);
    await app.refuses(token, 403);
  }
  assert.equal((await is('PUT', path, oktaUser(userName), 200)).active, false);
  await app.refuses(token, 403);
  // Not even by deleting and creating them anew.
  await is('DELETE', path, undefined, 204);
  assert.equal((await is('POST', users, oktaUser(userName), 201)).active, false);
  await nextSecond();
  await app.refuses(await app.issue(id), 403);
  assert.equal((await send('GET', path)).status, 404, 'in another tenant they are nobody');
});
