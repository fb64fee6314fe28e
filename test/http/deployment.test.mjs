// The deployment of docs/deployment.md, with TLS, keys of an issuer and two of the
// contracts, serves these, on one port for everything, and nothing else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createUserServiceClient } from '@zitadel/client/v2';
import { env, newUser, stateOf } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { database } from './lib/render.mjs';

const document = await readFile(new URL('../../docs/deployment.md', import.meta.url), 'utf8');
const [, example] = document.match(/```sh\ntools\/stack render \/etc\/userlock (.*?)```/s);

let [keys, postgrest, nginx, baseUrl, ca] = [];
before(async () => {
  keys = await mkdtemp(join(tmpdir(), 'userlock-keys-'));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', `${keys}/key.pem`, '-out', `${keys}/certificate.pem`], { stdio: 'ignore' });
  ca = await readFile(`${keys}/certificate.pem`, 'utf8');
  await writeFile(`${keys}/jwks.json`, JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(env.JWT_SECRET).toString('base64url') }] }));
  await writeFile(`${keys}/database-uri`, database(env.PGHOST));
  const { uid, gid } = await stat(env.PGHOST);
  execFileSync('chown', ['-R', `${uid}:${gid}`, keys]);
  // As it stands there, but for the places of files and the database, and on loopback.
  const options = example.replaceAll(/\/etc\/\S*\.(pem|key|json)/g, (_, type) => `${keys}/${{ pem: 'certificate.pem', key: 'key.pem', json: 'jwks.json' }[type]}`)
    .replace('/run/userlock/postgrest.sock', '').replace(/--socket +/, '')
    .split(/[\s\\]+/).filter(Boolean).concat('--listen', '127.0.0.1');
  postgrest = await startPostgrest([...options, '--database', `@${keys}/database-uri`, '--socket-mode', '660']);
  nginx = await startNginx([...options, '--socket', postgrest.socket]);
  baseUrl = nginx.httpUrl;
});
after(async () => {
  await nginx.stop();
  await postgrest.stop();
  await rm(keys, { recursive: true });
});

// Sends a request with curl; resolves to its status, and its body.
function curl(path, ...options) {
  const output = execFileSync('curl', ['--silent', '--cacert', `${keys}/certificate.pem`, '--write-out', '\n%{http_code}', ...options,
    '--header', `Authorization: Bearer ${env.OPERATOR_TOKEN}`, path.startsWith('/') ? baseUrl + path : path], { encoding: 'utf8' });
  const [, text, status] = output.match(/^(.*)\n(\d+)$/s);
  return { status: Number(status), text };
}
const post = ['--header', 'Content-Type: application/json', '--data', '{}'];

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
    const { status, text } = curl(`/v2/users/${id}/unlock`, version, ...post);
    assert.equal(status, 200);
    assert.match(text, /^\{"details":\{"sequence":"3"/);
  }
});

test('a contract that was not chosen is not served, neither by nginx nor by PostgREST', () => {
  for (const path of ['/api/v1/users/1/unblock', '/api/users/x/unblock', '/v1/admin/tenant/user/revoke/6b0c4ba2-1d2f-4a2e-9a3b-0d6c7a5c2f11']) {
    const { status, text } = curl(path, ...post);
    assert.deepEqual([status, JSON.parse(text).message], [404, 'Not found'], path);
  }
  const { status, text } = curl('http://x/rpc/revoke', '--unix-socket', postgrest.socket, '--header', 'Content-Profile: userlock_xekout', ...post);
  assert.equal(status, 406);
  assert.match(text, /: userlock, userlock_nginx, userlock_zitadel, userlock_zitadel_rpc"/);
});

test('PostgREST lets the group in that was named, and tells clients the public URL', async () => {
  assert.equal((await stat(postgrest.socket)).mode & 0o777, 0o660);
  const { host, schemes } = JSON.parse(curl('/').text);
  assert.deepEqual([host, schemes], ['id.example.com:443', ['https']]);
});

test('no secret is copied', async () => {
  const text = await readFile(join(postgrest.directory, 'postgrest.conf'), 'utf8');
  assert.ok(text.includes(`"@${keys}/jwks.json"`));
  for (const secret of [Buffer.from(env.JWT_SECRET).toString('base64url'), database(env.PGHOST)]) assert.ok(!text.includes(secret));
});
