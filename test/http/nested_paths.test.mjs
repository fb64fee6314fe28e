// Contracts whose paths lie under those of others: where a request goes
// depends on its path, not on the names of files.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { env, raw, request } from './lib/client.mjs';
import { check } from './lib/contract.mjs';
import { startNginx } from './lib/nginx.mjs';

// What a contract in JSON has of nginx, as http/common/contract.conf tells.
const contract = (name, prefix) => `
location ^~ ${prefix} {
    default_type application/json;
    set $contract ${name};
    include common/refused.conf;
    set $credential $http_authorization;
    if ($request_uri !~ "^${prefix}(?<user_id>[^/?]+)/(?<function>ban)(\\?|$)") {
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
let nginx;
before(async () => {
  nginx = await startNginx([], (directory) =>
    Promise.all(Object.entries(added).map(([name, prefix]) => writeFile(`${directory}/contracts/${name}.conf`, contract(name, prefix)))));
  env.HTTP_URL = nginx.httpUrl;
});
after(() => nginx.stop());

const token = env.OPERATOR_TOKEN;
const says = (name, status) => ({ status, type: 'application/json', body: `{"${name}":${status}}` });
for (const [name, prefix] of Object.entries(added)) {
  test(`${prefix} is its own contract's, whatever goes wrong`, async () => {
    check(await request('POST', `${prefix}x/other`, { token }), says(name, 404));
    check(await request('POST', `${prefix}x/ban`), says(name, 401));
    check(await request('POST', `${prefix}x/ban`, { token: env.EXPIRED_TOKEN }), says(name, 401));
    check(await request('POST', `${prefix}x/ban`, { token, body: 'x'.repeat(1_100_000) }), says(name, 413));
    for (const id of ['%zz', '%00']) {
      const answer = await raw(`POST ${prefix}${id}/ban HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.deepEqual([answer.status, answer.text], [400, `{"${name}":400}`]);
    }
    // No function of its own is there: what PostgREST says of that is ours.
    check(await request('POST', `${prefix}x/ban`, { token }), says(name, 500));
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
