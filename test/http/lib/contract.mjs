// What the tests of every contract share.
//
// A contract is described by its endpoints and its answers; commonErrors()
// then asks for everything that goes wrong in the same way everywhere.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import test from 'node:test';
import { env, eventsOf, newUser, raw, request, sign, sql } from './client.mjs';

// Compares an answer with { status, type, body, headers }; a body is compared
// byte by byte, or by a pattern.
export function check(answer, expected, description = '') {
  assert.equal(answer.status, expected.status, `${description} ${answer.text}`);
  assert.equal(answer.headers.get('content-type'), expected.type ?? null, description);
  if (expected.body instanceof RegExp) assert.match(answer.text, expected.body, description);
  else assert.equal(answer.text, expected.body ?? '', description);
  for (const [name, value] of Object.entries(expected.headers ?? {})) assert.equal(answer.headers.get(name), value, description);
  // PostgREST's own headers are none of a contract's clients' business.
  for (const name of ['content-range', 'content-profile', 'content-location', 'x-userlock-body', 'x-accel-redirect']) {
    assert.equal(answer.headers.get(name), null, `${description} ${name}`);
  }
}

// A row of a table of vectors is [description, send, expected].
export function vectors(name, rows) {
  for (const [description, send, expected] of rows) {
    test(`${name}: ${description}`, async () => check(await send(), expected, description));
  }
}

// Tokens that are no good, whatever they are sent for.
export const badTokens = {
  expired: async () => env.EXPIRED_TOKEN,
  'wrong signature': () => sign({ role: 'operator', tenant: env.TENANT }, { secret: 'x'.repeat(64) }),
  'no token at all': async () => 'nonsense',
  'unknown role': () => sign({ role: 'nobody', sub: 'x', tenant: env.TENANT }),
  'role that is not to be had': () => sign({ role: 'postgres', sub: 'x', tenant: env.TENANT }),
  'malformed claims': () => sign({ role: 'operator', sub: 'x', tenant: 7 }),
};

// Runs with a role that may call the contracts and execute these functions of the core,
// and nothing else.  One at a time: grants on one function do not go together.
export async function withRole(functions, run) {
  const role = `regress_userlock_${process.pid}_${Math.random().toString(36).slice(2)}`;
  const locked = 'SELECT pg_advisory_xact_lock(1265)';
  await sql(`${locked}; CREATE ROLE ${role}; GRANT stranger TO ${role}; GRANT ${role} TO authenticator;
    ${functions.map((name) => `GRANT EXECUTE ON FUNCTION userlock.${name} TO ${role};`).join('\n')}`);
  try {
    await run(role);
  } finally {
    await sql(`${locked}; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}

// The same request over HTTP/2.
async function requestHttp2(method, path, headers) {
  const client = connect(env.GRPC_URL);
  try {
    const stream = client.request({ ...headers, ':method': method, ':path': path });
    const received = await new Promise((resolve, reject) => stream.on('response', resolve).on('error', reject).end());
    const text = Buffer.concat(await stream.toArray()).toString();
    return { status: received[':status'], headers: new Headers(Object.entries(received).filter(([name]) => !name.startsWith(':'))), text };
  } finally {
    client.close();
  }
}

// contract; [] marks what may be left out:
//   name, verb, endpoints, path(endpoint, id)
//   [verbs]                 what the paths take, where that is more than the verb
//   restriction(endpoint)   the core function that makes a user one whom the
//                           endpoint changes; undefined: a new user is one
//   newId()                 an id for a new user; undefined: any
//   unknownId()             a well-formed id that no user has
//   malformedIds            ids, as they stand in a path, that are no ids here
//   [body(endpoint)]        a body that is accepted; else none is sent
//   [malformedBody]         one that is not
//   credential(value)       the headers that carry it
//   [operator, stranger, otherTenant]   credentials, where they are not the stack's tokens
//   [withoutRequest(body)]  an answer's body without what tells of the request: the trace
//                           id, unless told otherwise
// and the answers expected, as check() takes them:
//   [badToken]              where the credential is a token
//   forbidden(endpoint), notFound(endpoint)
//   notFoundPath, methodNotAllowed, tooLarge
//   unreadable              of a request that nginx cannot read, or whose body breaks off
//   malformedId             of a path with a byte that is not ASCII; its body a pattern
export function commonErrors(contract) {
  const { name, verb, path, credential, verbs = [verb] } = contract;
  const send = (endpoint, id, token, options = {}) =>
    request(options.verb ?? verb, path(endpoint, id), {
      body: contract.body?.(endpoint),
      ...options,
      headers: { ...(token === undefined ? {} : credential(token)), ...options.headers },
    });
  const { operator = env.OPERATOR_TOKEN, stranger = env.STRANGER_TOKEN, otherTenant = env.OTHER_TENANT_TOKEN } = contract;

  const endpoint = contract.endpoints[0];

  // Sends bytes to a path of the contract's, with a credential unless told otherwise.
  const header = (token) => Object.entries(token === undefined ? {} : credential(token)).map(([key, value]) => `${key}: ${value}\r\n`).join('');
  const sendRaw = (id, { method = verb, token = operator, host = 'Host: x\r\n', more = '', query = '' } = {}) =>
    raw(`${method} ${path(endpoint, id)}${query} HTTP/1.1\r\n${host}Connection: close\r\n${header(token)}${more}\r\n`);
  const checkRaw = (answer, { status, type, body, headers }, description) => {
    assert.equal(answer.status, status, `${description} ${answer.head}`);
    assert.ok(answer.head.includes(`\r\nContent-Type: ${type}\r\n`), answer.head);
    if (body instanceof RegExp) assert.match(answer.text, body, description);
    else assert.equal(answer.text, body, description);
    for (const [key, value] of Object.entries(headers ?? {})) assert.match(answer.head.toLowerCase(), new RegExp(`\r\n${key}: ${value.toLowerCase()}(\r\n|$)`));
  };

  for (const endpoint of contract.endpoints) {
    test(`${name} ${endpoint}: an unknown user, and a user of another tenant`, async () => {
      const id = await newUser(contract.restriction(endpoint), contract.newId());
      const before = await eventsOf(id);
      check(await send(endpoint, contract.unknownId(), operator), contract.notFound(endpoint), 'unknown');
      check(await send(endpoint, id, otherTenant), contract.notFound(endpoint), 'other tenant');
      assert.equal(await eventsOf(id), before);
    });

    test(`${name} ${endpoint}: no permission, the same for existing, missing and malformed`, async () => {
      const id = await newUser(contract.restriction(endpoint), contract.newId());
      const before = await eventsOf(id);
      for (const someId of [id, contract.unknownId(), ...contract.malformedIds]) {
        check(await send(endpoint, someId, stranger), contract.forbidden(endpoint), someId);
      }
      if (contract.malformedBody) {
        check(await send(endpoint, id, stranger, { body: contract.malformedBody }), contract.forbidden(endpoint), 'body');
      }
      assert.equal(await eventsOf(id), before);
    });

    test(`${name} ${endpoint}: wrong verb`, async () => {
      for (const wrong of ['GET', 'PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS'].filter((other) => !verbs.includes(other))) {
        const body = ['GET', 'OPTIONS'].includes(wrong) ? undefined : '{}';
        check(await send(endpoint, contract.unknownId(), operator, { verb: wrong, body }), contract.methodNotAllowed, wrong);
      }
      const { status } = await fetch(env.HTTP_URL + path(endpoint, contract.unknownId()), { method: 'HEAD', headers: credential(operator) });
      assert.equal(status, verbs.includes('HEAD') ? contract.notFound(endpoint).status : 405);
    });

    test(`${name} ${endpoint}: an oversized body`, async () => {
      // fetch() sends no body with GET.
      if (verb === 'GET') checkRaw(await sendRaw(contract.unknownId(), { more: 'Content-Length: 1100000\r\n' }), contract.tooLarge);
      else check(await send(endpoint, contract.unknownId(), operator, { body: `{"a":"${'x'.repeat(1_100_000)}"}` }), contract.tooLarge);
    });
  }

  test(`${name}: paths that are nearly right`, async () => {
    const good = path(endpoint, 'some-id');
    for (const wrong of [path(endpoint, ''), path(endpoint, 'a/b'), `${good}/`, path(`${endpoint}x`, 'some-id')].filter((other) => other !== good)) {
      check(await request(verb, wrong, { headers: credential(operator) }), contract.notFoundPath, wrong);
    }
  });

  test(`${name}: what nginx itself refuses, it refuses as the contract does`, async () => {
    checkRaw(await sendRaw('x', { more: `X: ${'x'.repeat(40_000)}\r\n` }), contract.unreadable, 'a long header');
    checkRaw(await sendRaw('x', { query: `?${'x'.repeat(40_000)}` }), contract.unreadable, 'a long URL');
    checkRaw(await sendRaw('x', { host: '' }), contract.unreadable, 'no host');
    checkRaw(await sendRaw('x', { more: 'Transfer-Encoding: x\r\n' }), contract.unreadable, 'an unknown coding');
    checkRaw(await sendRaw('x', { method: 'TRACE' }), contract.methodNotAllowed, 'TRACE');
    // Newer versions of nginx, and Debian's, take no two.
    const twice = await sendRaw('x', { more: 'Authorization: Bearer x\r\nAuthorization: Bearer x\r\n' });
    if (twice.status === 400) checkRaw(twice, contract.unreadable, 'two tokens');
  });

  test(`${name}: a path that is malformed is refused to everyone alike, before nginx has read who asks`, async () => {
    for (const id of ['a%00b', '%zz', '%', '..%2f'.repeat(9)]) {
      for (const token of [operator, stranger, undefined]) checkRaw(await sendRaw(id, { token }), contract.unreadable, id);
    }
  });

  test(`${name}: an id that is or holds dot segments is as any other with dots`, async () => {
    const { withoutRequest = (body) => body.replace(/00-[0-9a-f]{32}-[0-9a-f]{16}/, '') } = contract;
    const anonymous = ({ status, text }) => [status, withoutRequest(text)];
    for (const token of [operator, stranger, undefined]) {
      const other = anonymous(await sendRaw('a.b', { token }));
      for (const id of ['..%2F..%2Frpc', '..%2f..', '%2E%2E', '.', '..', '..%2fx', 'x%2F.%2fy', '..%2f..%2fx']) {
        assert.deepEqual(anonymous(await sendRaw(id, { token })), other, id);
      }
    }
  });

  test(`${name}: a body that breaks off is no reason to doubt the token`, async () => {
    const headers = Object.entries(credential(operator)).map(([header, value]) => `${header}: ${value}\r\n`).join('');
    const answer = await raw(`${verb} ${path(endpoint, contract.unknownId())} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}` +
      'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    assert.equal(answer.status, contract.unreadable.status, answer.text);
    if (contract.unreadable.body instanceof RegExp) assert.match(answer.text, contract.unreadable.body);
    else assert.equal(answer.text, contract.unreadable.body);
  });

  test(`${name}: a query string changes nothing`, async () => {
    const id = contract.unknownId();
    for (const query of ['select=x&limit=1', 'id=%00&%zz=%']) {
      const answer = await request(verb, `${path(endpoint, id)}?${query}`, { headers: credential(operator), body: contract.body?.(endpoint) });
      check(answer, contract.notFound(endpoint), query);
    }
  });

  test(`${name}: what is not ASCII in a header never reaches PostgREST`, async () => {
    const answer = await raw(
      `${verb} ${path(endpoint, 'j\xfcrgen')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Other: \xfc\r\n` +
        Object.entries(credential(operator)).map(([header, value]) => `${header}: ${value}\r\n`).join('') +
        (contract.body ? `Content-Type: application/json\r\nContent-Length: ${JSON.stringify(contract.body(endpoint)).length}\r\n` : '') +
        `\r\n${contract.body ? JSON.stringify(contract.body(endpoint)) : ''}`);
    assert.equal(answer.status, contract.malformedId.status, answer.text);
    assert.match(answer.text, contract.malformedId.body);
  });

  if (contract.badToken) {
    for (const [kind, make] of Object.entries(badTokens)) {
      test(`${name}: a bad token (${kind}) is answered alike for existing and missing users`, async () => {
        const id = await newUser(contract.restriction(endpoint), contract.newId());
        const token = await make();
        check(await send(endpoint, id, token), contract.badToken);
        check(await send(endpoint, contract.unknownId(), token), contract.badToken);
      });
    }

    // PostgREST refuses them before it has read the body.
    if (verb !== 'GET') test(`${name}: a bad token is one however large the body`, async () => {
      for (const size of [9_000, 100_000, 400_000, 900_000]) {
        for (let i = 0; i < 5; i++) {
          check(await send(endpoint, contract.unknownId(), env.EXPIRED_TOKEN, { body: `{"a":"${'x'.repeat(size)}"}` }), contract.badToken);
        }
      }
    });

    test(`${name}: a scheme that is not Bearer, and a header that is not ASCII`, async () => {
      const header = Object.keys(credential(''))[0];
      for (const value of ['Basic b3BlcmF0b3I6eA==', 'Bearer', 'Bearer a b', operator, 'Bearer \xfc']) {
        check(await request(verb, path(endpoint, contract.unknownId()), { headers: { [header]: value } }), contract.badToken, value);
      }
    });
  }
}

// What goes wrong with every list of users, and what holds for each.  contract:
//   name, path, credential(value)
//   idsOf(answer)           the ids of the users listed
//   newId()                 an id for a new user
//   query(skip)             a query for one user, from a place on
//   [badToken]              where the credential is a token
//   credentialOf(role)      a credential of a role
//   [type]                  the media type of a success, where it is not application/json
//   [verbs]                 what the path takes beside GET and HEAD
//   [reading]               the functions of the core that a caller needs beside find_users and count_users
// and the answers expected: forbidden, invalid (a malformed query), notFoundPath,
// methodNotAllowed, tooLarge, unreadable
export function commonListErrors(contract) {
  const { name, path, credential, idsOf, type = 'application/json', verbs = [], reading = [] } = contract;
  const { operator = env.OPERATOR_TOKEN, stranger = env.STRANGER_TOKEN, otherTenant = env.OTHER_TENANT_TOKEN } = contract;
  const get = (query = '', token = operator, headers = {}) =>
    request('GET', path + query, { headers: { ...(token === undefined ? {} : credential(token)), ...headers } });
  const rawGet = (target, more = '') => raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${Object.entries(credential(operator))
    .map(([key, value]) => `${key}: ${value}\r\n`).join('')}${more}\r\n`);
  const same = (answer, expected, description) => {
    assert.equal(answer.status, expected.status, `${description} ${answer.text}`);
    if (expected.body instanceof RegExp) assert.match(answer.text, expected.body, description);
    else assert.equal(answer.text, expected.body, description);
  };
  const malformed = ['%', '%4', '%zz=1', 'x=%ff', 'x=%00', `x=${'%00'.repeat(3400)}`, 'x=%C0%80'];

  test(`${name} list: queries that cannot be decoded`, async () => {
    for (const query of malformed) check(await get(`?${query}`), contract.invalid, query);
    same(await rawGet(`${path}?email=j\xfcrgen`), contract.invalid, 'not ASCII');
  });

  test(`${name} list: no permission, whatever is asked for`, async () => {
    for (const query of ['', ...malformed]) check(await get(query && `?${query}`, stranger), contract.forbidden, query);
  });

  test(`${name} list: the permission is EXECUTE on find_users and count_users`, async () => {
    for (const [functions, status] of [
      [['user_status', 'user_profile', 'count_users', 'unlock_user'], contract.forbidden.status],
      [['find_users', ...reading], contract.forbidden.status], [['find_users', 'count_users', ...reading], 200],
    ]) await withRole(functions, async (role) => assert.equal((await get(contract.query(0), await contract.credentialOf(role))).status, status, functions.join()));
  });

  test(`${name} list: wrong verb`, async () => {
    for (const wrong of ['PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS'].filter((other) => !verbs.includes(other))) {
      check(await request(wrong, path, { headers: credential(operator), body: wrong === 'OPTIONS' ? undefined : '{}' }), contract.methodNotAllowed, wrong);
    }
    same(await raw(`TRACE ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), contract.methodNotAllowed, 'TRACE');
  });

  test(`${name} list: HEAD, a Content-Type, a body, HTTP/2`, async () => {
    await newUser(undefined, contract.newId());
    const query = contract.query(0);
    const plain = await get(query);
    assert.equal(plain.status, 200, plain.text);
    const head = await fetch(env.HTTP_URL + path + query, { method: 'HEAD', headers: credential(operator) });
    assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, type, '']);
    check(await get(query, operator, { 'Content-Type': 'application/json' }), { status: 200, type, body: plain.text });
    assert.equal((await rawGet(path + query, 'Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx')).status, 200);
    same(await rawGet(path, 'Content-Length: 1100000\r\n'), contract.tooLarge, 'large');
    check(await requestHttp2('GET', path + query, credential(operator)), { status: 200, type, body: plain.text }, 'HTTP/2');
    check(await requestHttp2('GET', `${path}?%00`, credential(operator)), contract.invalid, 'HTTP/2');
  });

  test(`${name} list: what nginx itself refuses`, async () => {
    same(await rawGet(`${path}?${'x'.repeat(40_000)}`), contract.unreadable, 'a long URL');
    same(await rawGet(`${path}%00`), contract.unreadable, 'NUL in the path');
    for (const wrong of [`${path}/`, `${path}x`, `${path}//`]) check(await request('GET', wrong, { headers: credential(operator) }), contract.notFoundPath, wrong);
    // The longest that nginx takes; what it means is not known here.
    assert.equal((await rawGet(`${path}?x=${'%41'.repeat(4_500)}`)).status, 200);
  });

  test(`${name} list: another tenant's users are not there`, async () => {
    const id = await newUser(undefined, contract.newId());
    const seen = async (token) => {
      for (let skip = 0; ; skip++) {
        const answer = await get(contract.query(skip), token);
        const ids = answer.status === 200 ? idsOf(answer) : [];
        if (ids.includes(id)) return true;
        if (ids.length === 0) return false;
      }
    };
    assert.equal(await seen(otherTenant), false);
    assert.equal(await seen(operator), true);
  });

  test(`${name} list: no credential`, async () => {
    const answer = await request('GET', path);
    assert.equal(answer.status, 401);
    if (contract.badToken) check(answer, contract.badToken);
  });

  if (contract.badToken) {
    for (const [kind, make] of Object.entries(badTokens)) {
      test(`${name} list: a bad token (${kind})`, async () => check(await get('', await make()), contract.badToken));
    }
  }
}
