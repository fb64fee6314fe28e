// Zitadel over REST: user API v2 and management API v1.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, vectors } from './lib/contract.mjs';

const json = 'application/json';

// The error with this code, text and id.
const error = (code, text, id) => JSON.stringify({
  code,
  message: id ? `${text} (${id})` : text,
  ...(id ? { details: [{ '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id, message: text }] } : {}),
});

const versions = [
  {
    name: 'Zitadel v2',
    path: (endpoint, id) => `/v2/users/${id}/${endpoint}`,
    idField: 'UserId',
    denied: 'AUTH-AWfge',
    ids: {
      unlock: ['COMMAND-x377t913pw', 'COMMAND-olb9vb0oca'],
      lock: ['COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf'],
      deactivate: ['COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7'],
      reactivate: ['COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf'],
    },
    body: (d) => `{"details":{"sequence":"${d.sequence}","changeDate":"${d.changeDate}","resourceOwner":"${d.resourceOwner}","creationDate":"${d.creationDate}"}}`,
    bodyIds: ['userId', 'user_id'],
  },
  {
    name: 'Zitadel v1',
    path: (endpoint, id) => `/management/v1/users/${id}/_${endpoint}`,
    idField: 'Id',
    denied: 'AUTH-5mWD2',
    ids: {
      unlock: ['COMMAND-M0dos', 'COMMAND-4M0ds'],
      lock: ['COMMAND-5M9fs', 'COMMAND-3NN8v'],
      deactivate: ['COMMAND-3M9ds', 'COMMAND-5M0sf'],
      reactivate: ['COMMAND-4M0sd', 'COMMAND-6M0sf'],
    },
    body: (d) => `{"details":{"sequence":"${d.sequence}","creationDate":"${d.creationDate}","changeDate":"${d.changeDate}","resourceOwner":"${d.resourceOwner}"}}`,
    bodyIds: ['id'],
  },
];

const refusals = {
  unlock: 'User is not locked',
  lock: 'User is not active or initial',
  deactivate: 'User already inactive',
  reactivate: 'User is not inactive',
};

// Of each operation: the state after it, from each state; undefined: refused.
const table = {
  unlock: { locked: 'active' },
  lock: { active: 'locked' },
  deactivate: { active: 'blocked', locked: 'locked+blocked' },
  reactivate: { blocked: 'active', 'locked+blocked': 'locked' },
};
const restrictions = { active: [], locked: ['lock_user'], blocked: ['block_user'], 'locked+blocked': ['lock_user', 'block_user'] };
const title = (endpoint) => endpoint[0].toUpperCase() + endpoint.slice(1);

for (const v of versions) {
  const send = (endpoint, id, { token = env.OPERATOR_TOKEN, body = '{}', headers } = {}) =>
    request('POST', v.path(endpoint, id), { token, body, headers });
  const refused = (endpoint) => ({ status: 400, type: json, body: error(9, refusals[endpoint], v.ids[endpoint][1]) });
  const invalidId = (endpoint) => ({
    status: 400, type: json,
    body: error(3, `invalid ${title(endpoint)}UserRequest.${v.idField}: value length must be between 1 and 200 runes, inclusive`),
  });
  const invalidBody = { status: 400, type: json, body: '{"code":3,"message":"invalid request body"}' };
  const noOrganisation = { status: 403, type: json, body: error(7, "Organisation doesn't exist", 'AUTH-Bs7Ds') };
  const missingToken = {
    status: 401, type: json, body: '{"code":16,"message":"auth header missing"}', headers: { 'www-authenticate': 'auth header missing' },
  };

  for (const endpoint of Object.keys(table)) {
    for (const state of Object.keys(restrictions)) {
      const after = table[endpoint][state];
      test(`${v.name} ${endpoint}: from ${state} ${after ? `to ${after}` : 'refused'}`, async () => {
        const id = await newUser();
        for (const restriction of restrictions[state]) await rpc(restriction, { user_id: id });
        const before = await eventsOf(id);
        const answer = await send(endpoint, id);
        if (!after) {
          check(answer, refused(endpoint));
          assert.equal(await stateOf(id), state);
          assert.equal(await eventsOf(id), before);
          return;
        }
        assert.equal(await stateOf(id), after);
        const [sequence, changeDate, creationDate] = (await sql(
          `SELECT sequence, userlock_http.timestamp(changed_at), userlock_http.timestamp(created_at) FROM userlock_private.account WHERE user_id = '${id}'`,
        )).split('|');
        assert.match(changeDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z$/);
        check(answer, { status: 200, type: json, body: v.body({ sequence, changeDate, creationDate, resourceOwner: env.TENANT }) });
        assert.equal(Number(sequence), before.split(' ').length + 1);
        assert.equal(await sql(`SELECT actor FROM userlock_private.event WHERE user_id = '${id}' ORDER BY sequence DESC LIMIT 1`), 'support@example.com');
      });
    }
  }

  vectors(v.name, [
    ['an id of 201 characters', () => send('unlock', 'x'.repeat(201)), invalidId('unlock')],
    ['an id of 201 characters of two bytes', () => send('lock', encodeURIComponent('ü'.repeat(201))), invalidId('lock')],
    ['an id that is not UTF-8', () => send('deactivate', '%ff'), invalidId('deactivate')],
    ['an id of 200 characters of four bytes, unknown', () => send('reactivate', encodeURIComponent('😀'.repeat(200))),
      { status: 404, type: json, body: error(5, 'User could not be found', v.ids.reactivate[0]) }],
    ['no token', () => send('unlock', 'x', { token: null }), missingToken],
    ['no token, malformed body', () => send('unlock', 'x', { token: null, body: '{' }), missingToken],
    ['unknown organisation', () => send('unlock', 'x', { headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
    ['unknown organisation comes before permission', () => send('unlock', 'x', { token: env.STRANGER_TOKEN, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
    ['an organisation that is not the caller\'s', () => send('unlock', 'x', { token: env.OTHER_TENANT_TOKEN, headers: { 'x-zitadel-orgid': env.TENANT } }), noOrganisation],
    ['an organisation that no header can name', () => send('unlock', 'x', { headers: { 'x-zitadel-orgid': '\xfc' } }), noOrganisation],
    ['malformed JSON', () => send('unlock', 'x', { body: '{' }), invalidBody],
    ['JSON that is not an object', () => send('unlock', 'x', { body: '[]' }), invalidBody],
    ['JSON that is null', () => send('unlock', 'x', { body: 'null' }), invalidBody],
    ['JSON that is nested too deep', () => send('unlock', 'x', { body: '['.repeat(500_000) }), invalidBody],
    ['a body that is not UTF-8', () => send('unlock', 'x', { body: Buffer.from('{"a":"\xff"}', 'latin1') }), invalidBody],
    ['a body with NUL', () => send('unlock', 'x', { body: '{"a":"\\u0000"}' }), invalidBody],
    ['an id in the body that is not a string', () => send('unlock', 'x', { body: `{"${v.bodyIds[0]}":5}` }), invalidBody],
    ['a bad id comes before a bad body', () => send('unlock', 'x'.repeat(201), { body: '{' }), invalidId('unlock')],
    ['a wrong content type', () => send('unlock', 'x', { headers: { 'Content-Type': 'text/plain' } }),
      { status: 415, type: json, body: '{"code":3,"message":"Unsupported Media Type"}' }],
    ['a body that is encoded', () => send('unlock', 'x', { headers: { 'Content-Encoding': 'gzip' } }),
      { status: 415, type: json, body: '{"code":3,"message":"Unsupported Media Type"}' }],
    ['gRPC has no REST path', () => send('unlock', 'x', { headers: { 'Content-Type': 'application/grpc-web+proto' } }),
      { status: 415, type: json, body: '{"code":3,"message":"Unsupported Media Type"}' }],
  ]);

  test(`${v.name}: what a request may look like`, async () => {
    for (const options of [
      { body: '' }, { body: undefined, headers: { 'Content-Type': json } }, { body: '{"unknown":[{"a":1}]}' },
      { headers: { 'Content-Type': 'application/json; charset=utf-8' } }, { headers: { Accept: 'text/html' } },
      { headers: { 'x-zitadel-orgid': env.TENANT } }, { headers: { 'x-zitadel-orgid': '' } },
      ...v.bodyIds.map((field) => ({ body: `{"${field}":"somebody else"}` })),
      { headers: { Prefer: 'count=exact, tx=rollback' } }, { headers: { 'Content-Profile': 'userlock', 'X-Userlock-User-Id': 'x', 'X-Userlock-Operation': 'v2/lock' } },
    ]) {
      const id = await newUser('lock_user');
      const answer = await request('POST', v.path('unlock', id), { token: env.OPERATOR_TOKEN, body: '{}', ...options });
      assert.equal(answer.status, 200, JSON.stringify(options) + answer.text);
      assert.equal(await stateOf(id), 'active');
    }
  });

  test(`${v.name}: ids that a path must encode`, async () => {
    for (const name of ['a/b', 'a b', 'jürgen', '100%', 'a?b', '😀', "quote'\"", '..']) {
      const id = await newUser('lock_user', `${name}-${process.pid}-${v.idField}`);
      assert.equal((await send('unlock', encodeURIComponent(id))).status, 200, id);
      assert.equal((await rpc('user_status', { user_id: id })).json.state, 'active');
    }
  });

  test(`${v.name}: another organisation of the caller's`, async () => {
    const token = await sign({ role: 'operator', tenant: 'elsewhere', tenants: [env.TENANT] });
    const id = await newUser('lock_user');
    assert.equal((await send('unlock', id, { token })).status, 404);
    const answer = await send('unlock', id, { token, headers: { 'x-zitadel-orgid': env.TENANT } });
    assert.equal(answer.json.details.resourceOwner, env.TENANT);
  });

  test(`${v.name}: of two restrictions an expired one does not count`, async () => {
    const id = await newUser('lock_user');
    await rpc('block_user', { user_id: id, until: new Date(Date.now() + 300).toISOString() });
    check(await send('unlock', id), refused('unlock'));
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal((await send('unlock', id)).json.details.sequence, '5');
    assert.equal(await eventsOf(id), 'registered locked blocked block_expired unlocked');
  });

  commonErrors({
    name: v.name,
    verb: 'POST',
    path: v.path,
    endpoints: Object.keys(table),
    restriction: (endpoint) => ({ unlock: 'lock_user', reactivate: 'block_user' })[endpoint],
    newId: () => undefined,
    unknownId: () => 'nobody',
    malformedIds: ['x'.repeat(201), '%ff'],
    body: () => ({}),
    malformedBody: '{',
    credential: (token) => ({ Authorization: `Bearer ${token}` }),
    badToken: {
      status: 401, type: json, body: error(16, 'Errors.Token.Invalid', 'AUTH-7fs1e'),
      headers: { 'www-authenticate': 'Errors.Token.Invalid (AUTH-7fs1e)' },
    },
    forbidden: () => ({ status: 403, type: json, body: error(7, 'No matching permissions found', v.denied) }),
    notFound: (endpoint) => ({ status: 404, type: json, body: error(5, 'User could not be found', v.ids[endpoint][0]) }),
    notFoundPath: { status: 404, type: json, body: '{"code":5,"message":"Not Found"}' },
    methodNotAllowed: { status: 405, type: json, body: '{"code":12,"message":"Method Not Allowed"}', headers: { allow: 'POST' } },
    tooLarge: { status: 413, type: json, body: '{"code":8,"message":"Request Entity Too Large"}' },
    unreadable: invalidBody,
    malformedId: { status: 400, body: /^\{"code":3,"message":"invalid UnlockUserRequest/ },
  });
}
