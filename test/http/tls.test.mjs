// The variant with TLS that docs/deployment.md shows: one port for everything.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createUserServiceClient } from '@zitadel/client/v2';
import { env, newUser, stateOf } from './client.mjs';
import { startNginx } from './nginx.mjs';

const stack = env.PGHOST;
const deployment = await readFile(new URL('../../docs/deployment.md', import.meta.url), 'utf8');
// What it has instead of the lines that listen, as new versions of nginx take it.
const [, example] = deployment.match(/```nginx\n(listen 443 ssl.*?)```/s);
const listen = (isOld) => (isOld ? example : example.replace(/listen 443 ssl http2;.*/, 'listen 443 ssl; http2 on;'));

let nginx;
let baseUrl;
let ca;
before(async () => {
  nginx = await startNginx(async (text, directory, port) => {
    const line = text.match(/^.*listen 127\.0\.0\.1:\d+( http2;|; http2 on;)$/m);
    if (!line) return text.replaceAll(`${directory}/postgrest.sock`, `${stack}/postgrest.sock`);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1',
      '-keyout', `${directory}/key.pem`, '-out', `${directory}/certificate.pem`], { stdio: 'ignore' });
    ca = await readFile(`${directory}/certificate.pem`, 'utf8');
    baseUrl = `https://127.0.0.1:${port}`;
    return text.replaceAll(`${directory}/postgrest.sock`, `${stack}/postgrest.sock`).replace(/^.*listen 127\.0\.0\.1:\d+;$/m, '').replace(line[0], listen(line[1] === ' http2;')
      .replace('443', `127.0.0.1:${port}`)
      .replace(/ssl_certificate .*/, `ssl_certificate ${directory}/certificate.pem;`)
      .replace(/ssl_certificate_key .*/, `ssl_certificate_key ${directory}/key.pem;`));
  });
});
after(() => nginx.stop());

const interceptors = [NewAuthorizationBearerInterceptor(env.OPERATOR_TOKEN)];
for (const [name, transport] of Object.entries({
  gRPC: () => createGrpcTransport({ baseUrl, interceptors, nodeOptions: { ca } }),
  'gRPC-Web over HTTP/1.1': () => createGrpcWebTransport({ baseUrl, httpVersion: '1.1', interceptors, nodeOptions: { ca } }),
  'gRPC-Web over HTTP/2': () => createGrpcWebTransport({ baseUrl, httpVersion: '2', interceptors, nodeOptions: { ca } }),
  'Connect over HTTP/1.1': () => createConnectTransport({ baseUrl, httpVersion: '1.1', interceptors, nodeOptions: { ca } }),
  'Connect over HTTP/2': () => createConnectTransport({ baseUrl, httpVersion: '2', interceptors, nodeOptions: { ca } }),
})) {
  test(`with TLS, one port serves ${name}`, async () => {
    const userId = await newUser('lock_user');
    const users = createUserServiceClient(transport());
    assert.equal((await users.unlockUser({ userId })).details.sequence, 3n);
    await assert.rejects(users.unlockUser({ userId }), { code: 9, rawMessage: 'User is not locked (COMMAND-olb9vb0oca)' });
    assert.equal(await stateOf(userId), 'active');
  });
}

test('with TLS, the same port serves the contracts in JSON', async () => {
  for (const version of ['--http1.1', '--http2']) {
    const id = await newUser('lock_user');
    const answer = execFileSync('curl', ['--silent', '--insecure', version, `${baseUrl}/v2/users/${id}/unlock`,
      '--header', `Authorization: Bearer ${env.OPERATOR_TOKEN}`, '--header', 'Content-Type: application/json', '--data', '{}'], { encoding: 'utf8' });
    assert.match(answer, /^\{"details":\{"sequence":"3"/);
  }
});
