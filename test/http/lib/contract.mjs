// What the tests of every contract share.
//
// A contract is described by its endpoints and its answers; commonErrors()
// then asks for everything that goes wrong in the same way everywhere.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, raw, request, sign } from './client.mjs';

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

// contract; [] marks what may be left out:
//   name, verb, endpoints, path(endpoint, id)
//   restriction(endpoint)   the core function that makes a user one whom the
//                           endpoint changes; undefined: a new user is one
//   newId()                 an id for a new user; undefined: any
//   unknownId()             a well-formed id that no user has
//   malformedIds            ids, as they stand in a path, that are no ids here
//   [body(endpoint)]        a body that is accepted; else none is sent
//   [malformedBody]         one that is not
//   credential(value)       the headers that carry it
//   [operator, stranger, otherTenant]   credentials, where they are not the stack's tokens
// and the answers expected, as check() takes them:
//   [badToken]              where the credential is a token
//   forbidden(endpoint), notFound(endpoint)
//   notFoundPath, methodNotAllowed, tooLarge
//   unreadable              of a request that nginx cannot read, or whose body breaks off
//   malformedId             of a path with a byte that is not ASCII; its body a pattern
export function commonErrors(contract) {
  const { name, verb, path, credential } = contract;
  const send = (endpoint, id, token, options = {}) =>
    request(options.verb ?? verb, path(endpoint, id), {
      body: contract.body?.(endpoint),
      ...options,
      headers: { ...(token === undefined ? {} : credential(token)), ...options.headers },
    });
  const { operator = env.OPERATOR_TOKEN, stranger = env.STRANGER_TOKEN, otherTenant = env.OTHER_TENANT_TOKEN } = contract;

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
      for (const wrong of ['GET', 'PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS'].filter((other) => other !== verb)) {
        const body = ['GET', 'OPTIONS'].includes(wrong) ? undefined : '{}';
        check(await send(endpoint, contract.unknownId(), operator, { verb: wrong, body }), contract.methodNotAllowed, wrong);
      }
      const { status } = await fetch(env.HTTP_URL + path(endpoint, 'x'), { method: 'HEAD' });
      assert.equal(status, 405);
    });

    test(`${name} ${endpoint}: an oversized body`, async () => {
      check(await send(endpoint, contract.unknownId(), operator, { body: `{"a":"${'x'.repeat(1_100_000)}"}` }), contract.tooLarge);
    });
  }

  const endpoint = contract.endpoints[0];

  test(`${name}: paths that are nearly right`, async () => {
    const good = path(endpoint, 'some-id');
    for (const wrong of [path(endpoint, ''), path(endpoint, 'a/b'), `${good}/`, path(`${endpoint}x`, 'some-id')]) {
      check(await request(verb, wrong, { headers: credential(operator) }), contract.notFoundPath, wrong);
    }
  });

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
    const withoutTrace = ({ status, text }) => [status, text.replace(/00-[0-9a-f]{32}-[0-9a-f]{16}/, '')];
    for (const token of [operator, stranger, undefined]) {
      const other = withoutTrace(await sendRaw('a.b', { token }));
      for (const id of ['..%2F..%2Frpc', '..%2f..', '%2E%2E', '.', '..', '..%2fx', 'x%2F.%2fy', '..%2f..%2fx']) {
        assert.deepEqual(withoutTrace(await sendRaw(id, { token })), other, id);
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
    const answer = await request(verb, `${path(endpoint, id)}?select=x&limit=1`, { headers: credential(operator), body: contract.body?.(endpoint) });
    check(answer, contract.notFound(endpoint));
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
    test(`${name}: a bad token is one however large the body`, async () => {
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
