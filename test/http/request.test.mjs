// What a contract hears of a request: a contract of this test's own tells.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { env, get, raw, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';

const schema = 'userlock_echo';
const locations = `
location ^~ /echo {
    default_type application/json;
    set $contract echo;
    include common/refused.conf;
    set $credential $http_authorization;
    set $verbs "GET, HEAD, PUT";
    set $function tell;
    set $user_id "";
    if ($is_allowed = "") {
        add_header Allow $verbs always;
        return 405 "$method";
    }
    include common/contract.conf;
    error_page 413 = @echo_too_large;
}
${Object.entries({ bad_token: 401, unreadable: 400, too_large: 413, internal_error: 500, unavailable: 503 })
    .map(([place, status]) => `location @echo_${place} { return ${status} ${status}; }`).join('\n')}
`;

let stop = async () => {};
before(async () => {
  await sql(`CREATE SCHEMA ${schema};
    CREATE FUNCTION ${schema}.tell(bytea) RETURNS userlock_http."*/*" LANGUAGE sql STABLE RETURN convert_to(json_build_object(
      'query', userlock_http.query(), 'headers', current_setting('request.headers')::json, 'read_only', current_setting('transaction_read_only'))::text, 'UTF8');
    GRANT USAGE ON SCHEMA ${schema} TO operator`);
  const postgrest = await startPostgrest(['--database', database(env.PGHOST)], { PGRST_DB_SCHEMAS: `userlock, ${schema}`, PGRST_DB_CHANNEL_ENABLED: 'false' });
  const nginx = await startNginx(['--socket', postgrest.socket], (directory) => writeFile(`${directory}/contracts/echo.conf`, locations));
  env.HTTP_URL = nginx.httpUrl;
  stop = async () => {
    await nginx.stop();
    await postgrest.stop();
  };
  for (let i = 0; i < 200 && (await get('/echo', { token: env.OPERATOR_TOKEN })).status !== 200; i++) await new Promise((resolve) => setTimeout(resolve, 50));
});
after(async () => {
  await stop();
  await sql(`DROP SCHEMA ${schema} CASCADE`);
});

// What the contract hears of a request with these headers, which are sent as they are.
// In HTTP/1.0, whose answers do not come in chunks.
async function heard(target, headers = '', method = 'GET') {
  const answer = await raw(`${method} ${target} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer ${env.OPERATOR_TOKEN}\r\n${headers}\r\n`);
  assert.equal(answer.status, 200, `${target.slice(0, 60)} ${answer.head}`);
  return JSON.parse(answer.text);
}

test('the query string', async () => {
  for (const [target, query] of [
    ['/echo', {}], ['/echo?', {}], ['/echo?a=1&b=%C3%A9&a=2', { a: '2', b: 'é' }], ['/echo?filter=userName+eq+"x%40y"', { filter: 'userName eq "x@y"' }],
    ['/echo?a=b?c=/../d', { a: 'b?c=/../d' }], ['/echo?a=%2e%2e%2f&..', { a: '../', '..': '' }],
    ['/echo?%', null], ['/echo?a=%00', null], ['/echo?a=\xfc', null], [`/echo?a=${'%00'.repeat(3400)}`, null],
  ]) assert.deepEqual((await heard(target)).query, query, target.slice(0, 60));
});

test('If-Match, and none of what else a client sends', async () => {
  const { headers } = await heard('/echo', 'If-Match: W/"3", "x"\r\nCookie: a=b\r\nX-Other: 1\r\nX-Userlock-Query: a=1\r\nX-Userlock-User-Id: x\r\nPrefer: tx=rollback\r\nRange: 0-1\r\n');
  assert.equal(headers['if-match'], 'W/"3", "x"');
  for (const name of ['cookie', 'x-other', 'x-userlock-query', 'x-userlock-user-id', 'prefer', 'range']) assert.equal(headers[name], undefined, name);
  assert.equal((await heard('/echo', 'If-Match: "\xfc"\r\n')).headers['if-match'], '?');
  assert.equal((await heard('/echo')).headers['if-match'], undefined);
});

test('a function that is STABLE cannot write', async () => {
  assert.equal((await heard('/echo')).read_only, 'on');
});

test('the methods that a path takes', async () => {
  await heard('/echo', 'Content-Length: 0\r\n', 'PUT');
  for (const method of ['POST', 'PATCH', 'DELETE', 'OPTIONS', 'GE', 'GETS', 'TRACE']) {
    const answer = await raw(`${method} /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    assert.equal(answer.status, 405, method);
    assert.match(answer.head, /\r\nAllow: GET, HEAD, PUT(\r|$)/);
    assert.equal(answer.text, method === 'TRACE' ? '' : method);
  }
  const head = await raw(`HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${env.OPERATOR_TOKEN}\r\n\r\n`);
  assert.deepEqual([head.status, head.text], [200, '']);
});
