// Okta: the lifecycle of users.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import test from 'node:test';
import { env, eventsOf, newUser, raw, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, vectors, withRole } from './lib/contract.mjs';

const json = 'application/json';
const path = (endpoint, id) => `/api/v1/users/${id}/lifecycle/${endpoint}`;
const ssws = (token) => ({ Authorization: `SSWS ${token}` });
const send = (endpoint, id, { token = env.OPERATOR_TOKEN, headers = ssws(token), ...options } = {}) =>
  request('POST', path(endpoint, id), { ...options, headers });
const newKey = (role, tenant = env.TENANT) => sql(`SELECT userlock.create_api_key('okta ' || gen_random_uuid(), '${role}', '${tenant}')`);

const quoted = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const error = (status, code, summary, cause) => ({
  status, type: json,
  body: new RegExp(`^\\{"errorCode":"${code}","errorSummary":${quoted(JSON.stringify(summary))},"errorLink":"${code}","errorId":"oae[0-9a-f]{32}","errorCauses":\\[${
    cause ? quoted(JSON.stringify({ errorSummary: cause })) : ''}\\]\\}$`),
});
const done = { status: 200 };
const invalidToken = error(401, 'E0000011', 'Invalid token provided');
const forbidden = error(403, 'E0000006', 'You do not have permission to perform the requested action');
const notFound = (id) => error(404, 'E0000007', `Not found: Resource not found: ${id} (User)`);
const notFoundPath = error(404, 'E0000008', 'The requested path was not found');
const refused = {
  unlock: error(403, 'E0000032', 'Unlock is not allowed for this user.'),
  suspend: error(400, 'E0000001', 'Api validation failed', 'Cannot suspend a user that is not active'),
  unsuspend: error(400, 'E0000001', 'Api validation failed', 'Cannot unsuspend a user that is not suspended'),
};
const badRequest = error(400, 'E0000020', 'Bad request.');

test('Okta unlock: 200 without a body, then refused', async () => {
  const id = await newUser('lock_user');
  check(await send('unlock', id), done);
  assert.equal(await stateOf(id), 'active');
  check(await send('unlock', id), refused.unlock);
  assert.equal(await eventsOf(id), 'registered locked unlocked');
});

test('Okta suspend and unsuspend: 200 without a body, then refused', async () => {
  const id = await newUser();
  check(await send('suspend', id), done);
  assert.equal(await stateOf(id), 'blocked');
  check(await send('suspend', id), refused.suspend);
  check(await send('unsuspend', id), done);
  assert.equal(await stateOf(id), 'active');
  check(await send('unsuspend', id), refused.unsuspend);
  assert.equal(await eventsOf(id), 'registered blocked unblocked');
  assert.equal(await sql(`SELECT DISTINCT actor FROM userlock_private.event WHERE user_id = '${id}' AND kind LIKE '%blocked'`), 'support@example.com');
});

test('Okta: each call takes users of one status, and suspended hides locked out', async () => {
  const locked = await newUser('lock_user');
  check(await send('suspend', locked), refused.suspend);
  check(await send('unsuspend', locked), refused.unsuspend);
  assert.equal(await stateOf(locked), 'locked');

  const both = await newUser('lock_user');
  await rpc('block_user', { user_id: both });
  check(await send('unlock', both), refused.unlock);
  check(await send('suspend', both), refused.suspend);
  assert.equal(await eventsOf(both), 'registered locked blocked');
  check(await send('unsuspend', both), done);
  assert.equal(await stateOf(both), 'locked');
  check(await send('unlock', both), done);
  assert.equal(await stateOf(both), 'active');
});

test('Okta: who was locked until a moment that has passed is active', async () => {
  const id = await newUser();
  await rpc('lock_user', { user_id: id, until: new Date(Date.now() + 300).toISOString() });
  await new Promise((resolve) => setTimeout(resolve, 400));
  check(await send('unlock', id), refused.unlock);
  check(await send('suspend', id), done);
  assert.equal(await eventsOf(id), 'registered locked lock_expired blocked');
});

test('Okta: what a request may look like', async () => {
  const key = await newKey('operator');
  const headers = { ...ssws(env.OPERATOR_TOKEN), Accept: 'application/json, */*;q=0.8' };
  for (const options of [
    { headers }, { headers: { ...headers, Accept: 'text/html' } }, { headers: { ...headers, 'Content-Type': json } },
    { headers, body: '' }, { headers, body: '{' }, { headers: { ...headers, 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }, body: 'x' },
    ...[env.OPERATOR_TOKEN, key].flatMap((token) => ['SSWS ', 'ssws  ', 'Bearer ', 'bearer  '].map((scheme) => ({ headers: { Authorization: `${scheme}${token} ` } }))),
    { headers: { ...headers, 'X-API-KEY': 'x', Authentication: 'x' } },
  ]) {
    const id = await newUser('lock_user');
    check(await send('unlock', id, options), done, JSON.stringify(options));
    assert.equal(await stateOf(id), 'active');
  }
  const id = await newUser();
  check(await request('POST', `${path('suspend', id)}?sendEmail=true`, { headers }), done);
  check(await request('POST', `${path('unsuspend', id)}?sendEmail=false&x=/../lifecycle/unlock`, { headers }), done);
});

test('Okta: an API key is its role in its tenant, and in history', async () => {
  const id = await newUser('lock_user');
  const [foreign, stranger] = [await newKey('operator', 'elsewhere'), await newKey('stranger')];
  for (const headers of [ssws, (token) => ({ Authorization: `Bearer ${token}` })]) {
    check(await send('unlock', id, { headers: headers(foreign) }), notFound(id));
    for (const someId of [id, 'nobody', '%ff']) check(await send('unlock', someId, { headers: headers(stranger) }), forbidden, someId);
    check(await send('unlock', id, { headers: headers(`ulk_${'0'.repeat(64)}`) }), invalidToken);
  }
  assert.equal(await stateOf(id), 'locked');
  const name = `okta ${Date.now()}`;
  const key = await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`);
  check(await send('unlock', id, { token: key }), done);
  assert.equal(await sql(`SELECT actor FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'unlocked'`), `api_key:${name}`);
  check(await send('suspend', id, { token: key }), done);
  await sql(`SELECT userlock.revoke_api_key('${name}', '${env.TENANT}')`);
  for (const someId of [id, 'nobody']) check(await send('unsuspend', someId, { token: key }), invalidToken, 'revoked');
  assert.equal(await stateOf(id), 'blocked');
});

test('Okta: the permission of each call is EXECUTE on what it is of ours, for tokens and keys', async () => {
  const calls = { unlock: ['unlock_user', 'lock_user'], suspend: ['block_user'], unsuspend: ['unblock_user', 'block_user'] };
  for (const [endpoint, [permission, restriction]] of Object.entries(calls)) {
    await withRole([permission], async (role) => {
      for (const token of [await sign({ role, sub: 'support@example.com', tenant: env.TENANT }), await newKey(role)]) {
        const id = await newUser(restriction);
        for (const other of Object.keys(calls).filter((name) => name !== endpoint)) check(await send(other, id, { token }), forbidden, other);
        check(await send(endpoint, id, { token }), done, endpoint);
      }
    });
  }
});

const odd = ['lifecycle', 'a/b', 'x/lifecycle/unlock', 'o"hara', 'back\\slash', 'jürgen', '😀', '한 글', "it's <b>", '{id}', '*', '..', '.', '%2F', 'a?b#c', '\u007f',
  '\n\r\t\u0001', '@\u2028'];
test('Okta: any id names its user, and is told as it is where it names nobody', async () => {
  const tenant = `odd ${Date.now()}`;
  const key = await newKey('operator', tenant);
  // As it stands: fetch() would resolve dots.
  const unlock = (id) => raw(`POST ${path('unlock', encodeURIComponent(id))} HTTP/1.0\r\nHost: x\r\nAuthorization: SSWS ${key}\r\n\r\n`);
  for (const id of odd) {
    const missing = await unlock(id);
    assert.equal(missing.status, 404, id);
    assert.match(missing.text, /^[ -~]*$/);
    assert.equal(JSON.parse(missing.text).errorSummary, `Not found: Resource not found: ${id} (User)`);
    const user = `convert_from('\\x${Buffer.from(id).toString('hex')}', 'UTF8'), tenant => '${tenant}'`;
    await sql(`SELECT userlock.register_user(${user}); SELECT userlock.lock_user(${user})`);
    assert.deepEqual([(await unlock(id)).status, (await unlock(id)).status], [200, 403], id);
    assert.equal(await sql(`SELECT state FROM userlock.user_status(${user})`), 'active');
  }
  assert.equal(await sql(`SELECT count(*) FROM userlock_private.account WHERE tenant = '${tenant}'`), String(odd.length));
});

vectors('Okta', [
  ['an id of 200 characters', () => send('unlock', encodeURIComponent('😀'.repeat(200))), {
    ...notFound(''), body: new RegExp(`Resource not found: (\\\\ud83d\\\\ude00){200} \\(User\\)`) }],
  ['an id of more', () => send('unlock', 'x'.repeat(201)), notFound('x'.repeat(200))],
  ['an id of many more', () => send('unlock', 'x'.repeat(15_000)), notFound('x'.repeat(200))],
  ['an id that cannot be decoded', () => send('suspend', '%ff'), notFound('%ff')],
  ['half of a surrogate pair', () => send('suspend', '%ED%A0%80'), notFound('%ED%A0%80')],
  ['no token', () => send('unlock', 'x', { headers: {} }), invalidToken],
  ['a vendor\'s other schemes', () => send('unlock', 'x', { headers: { Authorization: `DPoP ${env.OPERATOR_TOKEN}` } }), invalidToken],
  ['two schemes', () => send('unlock', 'x', { headers: { Authorization: `SSWS Bearer ${env.OPERATOR_TOKEN}` } }), invalidToken],
  ['no scheme', () => send('unlock', 'x', { headers: { Authorization: 'SSWS' } }), invalidToken],
  ['a part of an API key', () => send('unlock', 'x', { token: 'ulk_1234' }), invalidToken],
  ...['activate', 'deactivate', 'reactivate', 'expire_password', 'reset_factors', 'Unlock', 'unlock%20', '%75nlock', 'unlock/', '', 'block', 'unblock', 'unlock;x']
    .map((endpoint) => [`what is not served: ${endpoint}`, () => send(endpoint, 'x'), notFoundPath]),
]);

test('Okta: each error has an id of its own', async () => {
  const ids = [];
  for (const options of [{}, {}, { headers: {} }, { headers: {} }]) ids.push((await send('unlock', 'nobody', options)).json.errorId);
  assert.equal(new Set(ids).size, ids.length);
});

test('Okta: what breaks off is a body, and all else that cannot be read a request', async () => {
  const post = (target, rest = '\r\n') =>
    raw(`POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: SSWS ${env.OPERATOR_TOKEN}\r\n${rest}`);
  const broken = await post(path('unlock', 'x'), 'Transfer-Encoding: chunked\r\n\r\nzz\r\n');
  assert.match(broken.text, error(400, 'E0000003', 'The request body was not well-formed.').body);
  for (const target of [path('unlock', '%zz'), `http://x${path('unlock', '%00')}`, `${path('unlock', 'x')}/%`, path('%zz', 'x')]) {
    assert.match((await post(target)).text, badRequest.body, target);
  }
});

test('Okta over HTTP/2', async () => {
  const client = connect(env.GRPC_URL);
  try {
    const post = async (target) => {
      const stream = client.request({ ...ssws(env.OPERATOR_TOKEN), ':method': 'POST', ':path': target });
      const headers = await new Promise((resolve, reject) => stream.on('response', resolve).on('error', reject).end());
      return [headers[':status'], Buffer.concat(await stream.toArray()).toString()];
    };
    const id = await newUser('lock_user');
    assert.deepEqual(await post(path('unlock', id)), [200, '']);
    const [status, text] = await post(path('unlock', id));
    assert.equal(status, 403);
    assert.match(text, refused.unlock.body);
    assert.match((await post(path('activate', id)))[1], notFoundPath.body);
  } finally {
    client.close();
  }
});

commonErrors({
  name: 'Okta',
  verb: 'POST',
  path,
  endpoints: ['unlock', 'suspend', 'unsuspend'],
  restriction: (endpoint) => ({ unlock: 'lock_user', unsuspend: 'block_user' })[endpoint],
  newId: () => undefined,
  unknownId: () => 'nobody',
  malformedIds: ['%ff', 'x'.repeat(201)],
  credential: ssws,
  badToken: invalidToken,
  forbidden: () => forbidden,
  notFound: () => ({ ...notFound(''), body: /^\{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: [^" ]+ \(User\)","errorLink":"E0000007","errorId":"oae[0-9a-f]{32}","errorCauses":\[\]\}$/ }),
  notFoundPath,
  methodNotAllowed: { ...error(405, 'E0000022', 'The endpoint does not support the provided HTTP method'), headers: { allow: 'POST' } },
  tooLarge: error(413, 'E0000002', 'The request was not valid: the body is too large'),
  unreadable: { status: 400, type: json, body: /^\{"errorCode":"(E0000020","errorSummary":"Bad request\.|E0000003","errorSummary":"The request body was not well-formed\.)"/ },
  malformedId: { status: 404, body: notFound('%').body },
  withoutRequest: (body) => body.replace(/not found: .* \(User\)/, '').replace(/oae\w+/, ''),
});
