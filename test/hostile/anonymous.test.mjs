// What a caller tries who has no token, or one of their own making.
import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import test, { after, before } from 'node:test';
import { env, eventsOf, get, newUser, raw, request, rpc, sql } from '../http/lib/client.mjs';
import { startNginx } from '../http/lib/nginx.mjs';
import { http2 } from '../http/lib/rpc.mjs';

// An nginx whose limits nobody else uses up, and a function that takes its time.
const slow = `slow_${process.pid}`;
const settings = `settings_${process.pid}`;
let nginx;
before(async () => {
  nginx = await startNginx();
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
  await sql(`CREATE FUNCTION userlock.${slow}() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(30)';
    CREATE FUNCTION userlock.${settings}() RETURNS json STABLE LANGUAGE sql AS
      $$SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'log_parameter_max_length', 'log_error_verbosity')$$;
    NOTIFY pgrst, 'reload schema'`);
  while ((await rpc(settings, {})).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
});
after(async () => {
  await nginx.stop();
  await sql(`DROP FUNCTION userlock.${slow}, userlock.${settings}; NOTIFY pgrst, 'reload schema'`);
});

// Calls of one who may, until they are told to stop: their statuses, and how long the
// longest took, in milliseconds.
async function honest(clients, isOver) {
  const [statuses, longest] = [new Set(), { time: 0 }];
  await Promise.all(Array.from({ length: clients }, async () => {
    while (!isOver()) {
      const begin = Date.now();
      statuses.add((await rpc('user_status', { user_id: 'support@example.com' })).status);
      longest.time = Math.max(longest.time, Date.now() - begin);
    }
  }));
  return { statuses: [...statuses], longest: longest.time };
}

const agent = new Agent({ keepAlive: true });
after(() => agent.destroy());
const sendBadToken = (path, size) => new Promise((resolve) => {
  httpRequest(nginx.httpUrl + path, {
    method: 'POST', agent, headers: { Authorization: 'Bearer nonsense', 'Content-Type': 'application/json', 'Content-Length': size },
  }, (response) => response.resume().on('end', () => resolve(response.statusCode)))
    .on('error', (error) => resolve(error.code)).end('x'.repeat(size));
});

test('bad tokens with large bodies give nobody else an error, and are told that they are bad', async () => {
  const end = Date.now() + 3000;
  const isOver = () => Date.now() > end;
  const told = new Set();
  const attackers = ['/rpc/lock_user', '/v2/users/x/unlock', '/zitadel.user.v2.UserService/UnlockUser'].flatMap((path) =>
    [7_999, 8_200, 9_999, 30_000, 100_000, 300_000].map(async (size) => {
      while (!isOver()) told.add(await sendBadToken(path, size));
    }));
  const { statuses } = await honest(32, isOver);
  await Promise.all(attackers);
  assert.deepEqual(statuses, [200]);
  assert.deepEqual([...told], [401]);
});

test('expressions in a query are not computed for who has no token, and others go on', async () => {
  const expressions = Array.from({ length: 40 }, (_, i) => `kind.match."(((((x{1,9}){1,9}){1,9}){1,9}){1,2}){1,${i + 1}}"`);
  const path = `/rpc/pending_expiries?state=locked&sequence=1&locked_until=2000-01-01&blocked_until=2000-01-01&at=2001-01-01&or=(${expressions.join(',')})`;
  let isOver = false;
  const others = honest(4, () => isOver);
  const answers = await Promise.all(Array.from({ length: 10 }, () => get(encodeURI(path))));
  isOver = true;
  const { statuses, longest } = await others;
  for (const { status, json } of answers) {
    assert.equal(status, 401);
    assert.deepEqual(Object.keys(json), ['code', 'details', 'hint', 'message']);
  }
  assert.deepEqual(statuses, [200]);
  assert.ok(longest < 5000, `${longest} ms`);
});

test('calls that take their time neither fill the pool nor go on for long', async () => {
  let isOver = false;
  const attackers = Promise.all(Array.from({ length: 10 }, () => request('POST', `/rpc/${slow}`, { body: {} }))).finally(() => { isOver = true; });
  const { statuses, longest } = await honest(4, () => isOver);
  const answers = await attackers;
  assert.deepEqual(statuses, [200]);
  assert.ok(longest < 5000, `${longest} ms`);
  const count = (status, code) => answers.filter((answer) => answer.status === status && answer.json.code === code).length;
  assert.ok(count(500, '57014') > 0, 'ended by statement_timeout');
  assert.ok(count(429, 'PT429') > 0, 'refused');
  assert.equal(count(500, '57014') + count(429, 'PT429'), 10);
  for (const answer of answers) assert.equal(answer.headers.get('retry-after'), answer.status === 429 ? '1' : null);
});

test('what has no token is limited for each address, what has one is not', async () => {
  const ask = (token) => Promise.all(Array.from({ length: 200 }, () => request('POST', '/rpc/caller_tenants', { token, body: {} })));
  assert.ok((await ask(undefined)).some(({ status }) => status === 429));
  // No way round it.
  for (const headers of [{ Authorization: 'Basic eDp4' }, { Authorization: 'Bearer' }, { 'X-API-Key': 'x' }, { 'X-Forwarded-For': '10.0.0.1' }]) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => request('POST', '/rpc/caller_tenants', { body: {}, headers })));
    assert.ok(answers.some(({ status }) => status === 429), JSON.stringify(headers));
  }
  assert.ok((await ask(env.OPERATOR_TOKEN)).every(({ status }) => status === 200));
});

test('every role has its time, whatever it calls', async () => {
  // What was used up above comes back.
  const anonymous = async () => {
    for (;;) {
      const answer = await request('POST', `/rpc/${settings}`, { body: {} });
      if (answer.status !== 429) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const as = (token) => request('POST', `/rpc/${settings}`, { token, body: {} });
  const common = { idle_in_transaction_session_timeout: '10000', log_parameter_max_length: '0', log_error_verbosity: 'terse' };
  assert.deepEqual((await anonymous()).json, { ...common, statement_timeout: '2000', lock_timeout: '1000' });
  assert.deepEqual((await as(env.STRANGER_TOKEN)).json, { ...common, statement_timeout: '5000', lock_timeout: '1000' });
  assert.deepEqual((await as(env.OPERATOR_TOKEN)).json, { ...common, statement_timeout: '20000', lock_timeout: '5000' });
});

test('no URL makes a function look as if it had run', async () => {
  const user_id = await newUser();
  for (const query of ['limit=0', 'limit=00', 'limit=-0', 'limit=+0', 'limit=%30', 'limit=', 'li%6dit=0', '%6c%69%6D%69%74=0', 'limit=5&limit=0', 'select=state&limit=0', 'limit=0&select=state']) {
    const answer = await rpc(`lock_user?${query}`, { user_id });
    assert.equal(answer.status, 422, query);
    assert.equal(answer.json.code, 'PT422');
  }
  assert.equal(await eventsOf(user_id), 'registered');
  assert.equal((await rpc('lock_user?select=state&limit=1', { user_id })).json.state, 'locked');
});

// Bytes that no client would send, and what is answered.
const bearer = `Authorization: Bearer ${env.OPERATOR_TOKEN}\r\n`;
for (const [what, status, line, headers = ''] of [
  ['a path that cannot be decoded', 400, 'GET /rpc/%zz'],
  ['a path with NUL', 400, 'GET /user_history%00'],
  ['no request', 400, 'NONSENSE'],
  ['a header that is not one', 400, 'GET /', 'no colon\r\n'],
  ['no host', 400, 'GET /', null],
  ['a query that is not UTF-8', 400, 'GET /user_history?user_id=eq.%ff', bearer],
  ['a query with half a character', 400, 'GET /user_history?user_id=eq.%c3', bearer],
  ['a query with bytes that are not UTF-8', 400, 'GET /user_history?user_id=eq.\xff', bearer],
  ['a header that is not UTF-8', 400, 'GET /user_history', `${bearer}Accept: \xfc\r\n`],
  ['a media type that is not UTF-8', 400, 'POST /rpc/lock_user', `${bearer}Content-Type: \xfc\r\nContent-Length: 2\r\n\r\n{}`],
  ['a body that breaks off', 400, 'POST /rpc/lock_user', `${bearer}Transfer-Encoding: chunked\r\n\r\nzz`],
  ['an unknown coding', 400, 'POST /rpc/lock_user', `${bearer}Transfer-Encoding: x\r\n`],
  ['a query without a token', 401, 'GET /restricted_users?limit=1'],
  ['a bad token with a large body', 401, 'POST /rpc/lock_user', `Authorization: Bearer x\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`],
  ['a path below another', 404, 'GET /user_history/x', bearer],
  ['a function below another', 404, 'POST /rpc/lock_user/x', bearer],
  ['a location of nginx\'s own', 404, 'GET /refusal'],
  ['a row for a view', 405, 'POST /user_history', bearer],
  ['a verb that changes rows', 405, 'DELETE /user_history', bearer],
  ['TRACE', 405, 'TRACE /rpc/lock_user', bearer],
  ['CONNECT', 405, 'CONNECT example.com:443'],
  ['a body of more than a megabyte', 413, 'POST /rpc/lock_user', `${bearer}Content-Length: 9999999\r\n`],
  ['a long URL', 414, `GET /user_history?user_id=eq.${'x'.repeat(9000)}`, bearer],
  ['a longer URL', 414, `GET /user_history?user_id=eq.${'x'.repeat(90000)}`, bearer],
  ['a body that is encoded', 415, 'POST /rpc/lock_user', `${bearer}Content-Encoding: gzip\r\n`],
  ['a long header', 431, 'GET /', `${bearer}X: ${'x'.repeat(17000)}\r\n`],
]) {
  test(`${what}: ${status}, in PostgREST's words`, async () => {
    const answer = await raw(`${line} HTTP/1.1\r\n${headers === null ? '' : 'Host: x\r\n'}Connection: close\r\n${headers ?? ''}\r\n`);
    assert.equal(answer.status, status, answer.head);
    assert.match(answer.head, /\r\nContent-Type: application\/json; charset=utf-8(\r\n|$)/);
    assert.deepEqual(Object.keys(JSON.parse(answer.text.match(/\{.*\}/s)[0])), ['code', 'details', 'hint', 'message']);
    assert.equal(/\r\nAllow: GET, HEAD,/.test(answer.head), status === 405, answer.head);
  });
}

test('two tokens are one, or none', async () => {
  const answer = await raw(`GET /user_history HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\n${bearer}\r\n`);
  assert.ok([400, 401].includes(answer.status), answer.head);
  assert.ok(!answer.text.includes('<'));
});

test('over HTTP/2, a path that cannot be decoded is refused in PostgREST\'s words', async () => {
  for (const path of ['/user_history%00', '/v2/users/%zz/unlock']) {
    const { status, body } = await http2(path, { body: Buffer.from('{}') });
    assert.equal(status, 400);
    assert.equal(JSON.parse(body).code, 'PT400');
  }
});

test('a URL of nearly 8 kB is answered, also where PostgREST says it again in more bytes', async () => {
  const ids = Array.from({ length: 500 }, (_, i) => `"${i}()"`);
  const { status, json } = await get(`/user_history?user_id=in.(${ids.join(',')})`, { token: env.OPERATOR_TOKEN });
  assert.equal(status, 200);
  assert.deepEqual(json, []);
});

test('a connection is not endless', async () => {
  const { hostname, port } = new URL(nginx.httpUrl);
  const socket = connect(port, hostname);
  let answers = 0;
  let rest = '';
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {}).on('data', (data) => {
    const parts = (rest + data).split('HTTP/1.1 405');
    answers += parts.length - 1;
    rest = parts.at(-1).slice(-20);
  });
  const batch = 'PUT /x HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000);
  for (let i = 0; i < 150 && !socket.destroyed; i++) await new Promise((resolve) => socket.write(batch, resolve));
  socket.end();
  await closed;
  assert.equal(answers, 100_000);
});
