// Contracts whose paths lie under those of others, or between them: where a request
// goes depends on its path, not on the names of files.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { env, raw, request } from './lib/client.mjs';
import { check } from './lib/contract.mjs';
import { startNginx } from './lib/nginx.mjs';

// What a contract in JSON has of nginx, as http/common/contract.conf tells.
const contract = (name, prefix, pattern = `${prefix}(?<user_id>[^/?]+)`) => `
location ^~ ${prefix} {
    default_type application/json;
    set $contract ${name};
    include common/refused.conf;
    set $credential $http_authorization;
    if ($request_uri !~ "^${pattern}/(?<function>ban)(\\?|$)") {
        return 404 '{"${name}":404}';
    }
    if ($credential = "") {
        return 401;
    }
    include common/contract.conf;
    error_page 413 = @${name}_too_large;
}
${Object.entries({ bad_token: 401, unreadable: 400, too_large: 413, internal_error: 500, unavailable: 503 }).map(([place, status]) => `
location @${name}_${place} { default_type application/json; return ${status} '{"${name}":${status}}'; }`).join('')}
`;

// Under those of Guardhouse (itself under MonoCloud's), Zitadel and Xekout; read before
// all of them, and after.
const added = { aaa: '/api/v1/aaa/', aab: '/v2/aab/', zzy: '/v1/admin/tenant/user/revoke/zzy/', zzz: '/api/v1/zzz/' };
// Told from those of Zitadel, MonoCloud and Guardhouse only behind the id.
const between = { aac: ['/v2/users/', '/aac'], zzx: ['/api/users/', '/zzx'], zzw: ['/api/v1/users/', '/lifecycle2'] };
let nginx;
before(async () => {
  nginx = await startNginx([], async (directory) => {
    for (const [name, prefix] of Object.entries(added)) await writeFile(`${directory}/contracts/${name}.conf`, contract(name, prefix));
    for (const [name, [prefix, suffix]] of Object.entries(between)) {
      await mkdir(`${directory}/contracts/${name}`);
      await writeFile(`${directory}/contracts/${name}/paths.conf`, `"~^${prefix}[^?#]*${suffix}/" ${prefix}${suffix}/;`);
      await writeFile(`${directory}/contracts/${name}.conf`, contract(name, `${prefix}${suffix}/`, `${prefix}(?<user_id>[^/?]+)${suffix}`));
    }
  });
  env.HTTP_URL = nginx.httpUrl;
});
after(() => nginx.stop());

const token = env.OPERATOR_TOKEN;
const says = (name, status) => ({ status, type: 'application/json', body: `{"${name}":${status}}` });
const send = (line, headers = '') => raw(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
for (const [name, prefix, suffix] of [...Object.entries(added).map(([name, prefix]) => [name, prefix, '']), ...Object.entries(between).map(([name, parts]) => [name, ...parts])]) {
  const path = (id, call) => `${prefix}${id}${suffix}/${call}`;
  test(`${path('{id}', '')} is its own contract's, whatever goes wrong`, async () => {
    check(await request('POST', path('x', 'other'), { token }), says(name, 404));
    check(await request('POST', path('x', 'ban')), says(name, 401));
    check(await request('POST', path('x', 'ban'), { token: env.EXPIRED_TOKEN }), says(name, 401));
    check(await request('POST', path('x', 'ban'), { token, body: 'x'.repeat(1_100_000) }), says(name, 413));
    for (const id of ['%zz', '%00', 'a%zzb']) {
      const answer = await send(`POST ${path(id, 'ban')}`);
      assert.deepEqual([answer.status, answer.text], [400, `{"${name}":400}`]);
    }
    for (const [line, headers] of [[`POST http://x${path('%', 'ban')}`], [`POST ${path('x', 'ban')}`, `X: ${'x'.repeat(40_000)}\r\n`],
      [`POST ${path('x', 'ban')}?${'x'.repeat(40_000)}`], [`POST ${path('x', 'ban')}`, 'Transfer-Encoding: x\r\n']]) {
      assert.equal((await send(line, headers)).text, `{"${name}":400}`, line.slice(0, 60));
    }
    for (const line of [`X-Y_Z ${path('x', 'ban')}`, `GET HTTP://x${path('x', 'ban')}`, `POST https://x:1${path('x', 'ban')}?a=/../`]) {
      assert.equal((await send(line)).text, `{"${name}":401}`, line);
    }
    // Dots, slashes and the like in an id are its own.
    for (const id of ['..', '.', '%2e%2E', '..%2f..', 'x%2Fy', '%2Flifecycle%2F', 'users', '*', '{id}', '..;', '%25']) {
      assert.equal((await send(`POST ${path(id, 'ban')}`)).text, `{"${name}":401}`, id);
    }
    // No function of its own is there: what PostgREST says of that is ours.
    check(await request('POST', path('x', 'ban'), { token }), says(name, 500));
  });
}

test('the contracts around them are as they were', async () => {
  for (const [path, body] of [
    ['/api/v1/x', '{"error":"not_found"}'], ['/v2/x', '{"code":5,"message":"Not Found"}'],
    ['/v1/admin/x', '{"status":"error","code":404000,"message":"not found"}'],
  ]) assert.equal((await request('POST', path, { token })).text, body);
  const answer = await raw('PATCH /api/v1/users/%zz/unblock HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.equal(answer.text, '{"error":"invalid_request"}');
});

// Each contract's answer to a path that it does not know, by which to tell it.
const unknown = {
  guardhouse: /^\{"error":"not_found"\}$/, okta: /^\{"errorCode":"E0000008"/, native: /^\{"code":"PT404"/,
  monocloud: /^\{"type":"https:\/\/httpstatuses\.io\/404"/, zitadel: /^\{"code":5,/,
};
test('a request goes to the contract whose path it has as it was sent, not once it is decoded', async () => {
  for (const [contract, ...paths] of [
    ['guardhouse', '/api/v1/users/x%2Flifecycle/unlock', '/api/v1/users/x/lifecycle%2Funlock', '/api/v1/users/%2Flifecycle/unlock', '/api/v1/users%2Fx/lifecycle/unlock',
      '/api/v1/users/%2F%2Flifecycle/unlock', '/api/v1/users/lifecycle/unlock', '/api/v1/users/x/lifecycle', '/api/v1/users/x/Lifecycle/unlock', '/api/v1/users/x/y?/lifecycle/unlock',
      '/api/v1/users/x/y#/lifecycle/unlock', '/api/v1/users/x%3F/y/lifecycl%65/unlock', '/api/v1/x/../users/x/lifecycle/unlock', '/api/v1//users/x/lifecycle/unlock'],
    ['okta', '/api/v1/users//lifecycle/unlock', '/api/v1/users/x/lifecycle/', '/api/v1/users/x/lifecycle/../unblock', '/api/v1/users/x/lifecycle/../../1/unblock',
      '/api/v1/users/x/lifecycle/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fv2/users/x/unlock', '/api/v1/users/x/../../../../v2/users/lifecycle/lifecycle/x',
      '/api/v1/users/../../../rpc/lifecycle/x', '/api/v1/users/1/unblock/lifecycle/unlock'],
    ['monocloud', '/api/v2/users/x/lifecycle/unlock', '/api/v1%2Fusers/x/../../../v1/users/x/lifecycle/unlock'],
    ['zitadel', '/v2/../api/v1/users/x/lifecycle/unlock', '/v2/%2e%2e/api/v1/users//lifecycle/unlock'],
    ['native', '/x/../api/v1/users/x/lifecycle/unlock', '/refused/400/api/v1/users//lifecycle/unlock', '/refused/405/../../api/v1/users/x/lifecycle/unlock', '/lifecycle/unlock'],
  ]) {
    for (const path of paths) {
      const answer = await send(`POST ${path}`, `Authorization: Bearer ${token}\r\nContent-Length: 0\r\n`);
      assert.equal(answer.status, 404, path);
      assert.match(answer.text, unknown[contract], path);
    }
  }
});

test('dot segments in a path of no contract: what is refused is refused once', async () => {
  for (const path of ['/rpc/../x', '/x/./y', '/refusal/../x', '/rpc/%2e%2e/whoami', '/refused/../x']) {
    assert.match((await send(`GET ${path}`)).text, unknown.native, path);
  }
});

test('of two contracts between each other\'s paths, each serves alone', async () => {
  const lifecycle = 'POST /api/v1/users/1/lifecycle/unlock';
  for (const [contracts, answers] of [
    ['guardhouse', [[lifecycle, unknown.guardhouse], ['PATCH /api/v1/users/1/unblock', /invalid_token/], ['POST /api/v1/users/%zz/lifecycle/unlock', /invalid_request/]]],
    ['okta', [[lifecycle, /E0000011/], ['PATCH /api/v1/users/1/unblock', unknown.native], ['POST /api/v1/users/%zz/lifecycle/unlock', /E0000020/], ['POST /api/v1/users/%zz', /PT400/]]],
    ['okta,monocloud', [[lifecycle, /E0000011/], ['PATCH /api/v1/users/1/unblock', unknown.monocloud]]],
    ['none', [[lifecycle, unknown.native]]],
  ]) {
    const alone = await startNginx(['--contracts', contracts]);
    const all = env.HTTP_URL;
    env.HTTP_URL = alone.httpUrl;
    try {
      for (const [line, expected] of answers) assert.match((await send(line)).text, expected, `${contracts}: ${line}`);
    } finally {
      env.HTTP_URL = all;
      await alone.stop();
    }
  }
});
