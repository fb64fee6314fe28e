// What the tests of SCIM share.
import assert from 'node:assert/strict';
import { env, get, request, sign, sql } from './client.mjs';

export const users = '/scim/v2/Users';
export const type = 'application/scim+json';
export const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const error = 'urn:ietf:params:scim:api:messages:2.0:Error';

// As RFC 3986 has it, which leaves fewer characters alone than JavaScript does.
export const encode = (id) => encodeURIComponent(id).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
export const pathOf = (id) => `${users}/${encode(id)}`;

// Sends a request as the operator, unless told otherwise, with SCIM's own media type.
export const send = (method, path, body, { token = env.OPERATOR_TOKEN, headers } = {}) =>
  request(method, path, { token, body, headers: { Accept: type, ...(body === undefined ? {} : { 'Content-Type': type }), ...headers } });

export const read = (id, options) => send('GET', pathOf(id), undefined, options);
export const create = (body, options) => send('POST', users, body, options);
export const put = (id, body, options) => send('PUT', pathOf(id), body, options);
export const patch = (id, operations, options) => send('PATCH', pathOf(id), { schemas: [patchOp], Operations: operations }, options);
export const remove = (id, options) => send('DELETE', pathOf(id), undefined, options);
export const list = (query = {}, options) => send('GET', `${users}?${new URLSearchParams(query)}`, undefined, options);

// An answer that is an error, for check(): with this scimType, or none.
export const problem = (status, scimType = undefined, headers = {}) => ({
  status, type, headers,
  body: new RegExp(`^\\{"schemas":\\["${error}"\\](?=.*,"status":"${status}"[,}])(?=.*,"detail":"[^"])` +
    `${scimType ? `(?=.*,"scimType":"${scimType}"[,}])` : '(?!.*"scimType")'}.*\\}$`),
});
export const unauthorized = problem(401, undefined, { 'www-authenticate': 'Bearer' });
export const forbidden = problem(403);
export const notFound = problem(404);

// What an answer's User has but for schemas, id and meta, in its order.
export const attributesOf = ({ schemas, id, meta, ...attributes }) => attributes;

// Does a User say of itself what it must, whatever else it has?
export function checkUser({ status, headers, json, text }, expectedStatus = 200) {
  assert.equal(status, expectedStatus, text);
  assert.equal(headers.get('content-type'), type);
  assert.equal(text, JSON.stringify(json), 'compact');
  const keys = Object.keys(json);
  const first = ['schemas', 'id', ...('externalId' in json ? ['externalId'] : []), 'userName'];
  assert.deepEqual([keys.slice(0, first.length), keys.slice(-2)], [first, ['active', 'meta']], text);
  assert.equal(json.schemas[0], core);
  assert.deepEqual(json.schemas.slice(1).sort(), keys.filter((key) => key.includes(':')).sort());
  assert.equal(typeof json.active, 'boolean');
  assert.deepEqual(Object.keys(json.meta), ['resourceType', 'created', 'lastModified', 'version', 'location']);
  assert.equal(json.meta.version, headers.get('etag'));
  assert.equal(json.meta.location, env.HTTP_URL + pathOf(json.id));
  assert.ok(!text.includes('null'), text);
  return json;
}

// The number in an ETag, which is that of the user's last event.
export const versionOf = ({ headers }) => Number(headers.get('etag').match(/^W\/"(\d+)"$/)[1]);

// An id, and a user name, that no other test has.
let count = 0;
export const newName = (prefix = 'scim') => `${prefix}-${process.pid}-${Date.now()}-${++count}@example.com`;

// A user who came by SCIM; their User.
export const newScimUser = async (attributes = {}) =>
  checkUser(await create({ schemas: [core], userName: newName(), active: true, ...attributes }), 201);

// A tenant of the test's own, and its operator's token.
export async function newTenant() {
  const tenant = `scim-${process.pid}-${Date.now()}-${++count}`;
  return { tenant, token: await sign({ role: 'operator', sub: await registered('provisioning', tenant), tenant }) };
}
async function registered(id, tenant) {
  await sql(`SELECT userlock.register_user('${id}', '${tenant}')`);
  return id;
}

export const newKey = (role, tenant = env.TENANT) => sql(`SELECT userlock.create_api_key('test ' || gen_random_uuid(), '${role}', '${tenant}')`);
export const tokenOf = (role, tenant = env.TENANT) => sign({ role, sub: 'support@example.com', tenant });

// What the application answers to a user's own request: 200, or what keeps them out.
export const signIn = (id) => sign({ role: 'stranger', sub: id, tenant: env.TENANT, iat: Math.floor(Date.now() / 1000) });
export const visit = async (token) => (await get('/rpc/whoami', { token })).status;
export const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));

export const profileOf = async (id) => JSON.parse((await sql(`SELECT userlock.user_profile('${id.replaceAll("'", "''")}', '${env.TENANT}')`)) || 'null');
