// A page of another origin, in a real browser, with Zitadel's own client.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { env, eventsOf, newUser, stateOf } from './lib/client.mjs';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));

// Where a browser finds what a package exports: an import map's entries.
async function exportsOf(name) {
  let directory = `/@zitadel/client/node_modules/${name}`;
  const source = await readFile(`${modules}${directory}/package.json`).catch(() => readFile(`${modules}${(directory = `/${name}`)}/package.json`));
  const entries = Object.entries(JSON.parse(source).exports).filter(([, target]) => target.import);
  return entries.map(([path, { browser, import: target }]) => {
    const [from, to] = [name + path.slice(1), directory + (browser ?? target).slice(1)];
    return path.endsWith('/*.js') ? [from.replace('*.js', ''), to.replace('*.js', '')] : [from, to];
  }).filter(([from]) => !from.includes('*'));
}
const packages = ['@zitadel/client', '@zitadel/proto', '@bufbuild/protobuf', '@connectrpc/connect', '@connectrpc/connect-web', 'jose'];
const importMap = { imports: Object.fromEntries((await Promise.all(packages.map(exportsOf))).flat()) };

const page = (settings) => `<!doctype html>
<script type="importmap">${JSON.stringify(importMap)}</script>
<script type="module">
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createClientTransport } from '@zitadel/client/web';
import { createUserServiceClient } from '@zitadel/client/v2';
import { ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import { createConnectTransport } from '@connectrpc/connect-web';

const { baseUrl, token, expired, userId } = ${JSON.stringify(settings)};
const connect = (useBinaryFormat) => (token) => createConnectTransport({ baseUrl, useBinaryFormat, interceptors: [NewAuthorizationBearerInterceptor(token)] });
const transports = { web: (token) => createClientTransport(token, { baseUrl }), json: connect(false), proto: connect(true) };
const outcome = (promise) => promise.then(
  ({ details }) => String(details.sequence),
  (error) => [error.code, error.rawMessage, ...(error.findDetails?.(ErrorDetailSchema).map((detail) => detail.id) ?? [])]);
const results = { origin: location.origin };
for (const [name, transport] of Object.entries(transports)) {
  const users = createUserServiceClient(transport(token));
  results[name] = [
    await outcome(users.unlockUser({ userId })),
    await outcome(users.unlockUser({ userId })),
    await outcome(createUserServiceClient(transport(expired)).unlockUser({ userId })),
    await outcome(users.listPasskeys({ userId })),
    await outcome(users.getUserByID({ userId })),
    (await users.listUsers({ queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }] })).result.map((user) => [user.userId === userId, user.state]),
    await outcome(users.lockUser({ userId })),
  ];
}
await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
</script>`;

// Serves the page and its modules; resolves to what the page reports.
function serve(settings) {
  let report;
  const results = new Promise((resolve) => { report = resolve; });
  const server = createServer(async (request, response) => {
    if (request.url === '/') return response.setHeader('content-type', 'text/html').end(page(settings));
    if (request.url === '/results') {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end();
      return report(JSON.parse(body));
    }
    const file = await readFile(join(modules, normalize(request.url))).catch(() => undefined);
    if (!file) return response.writeHead(404).end();
    return response.setHeader('content-type', 'text/javascript').end(file);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, results })));
}

test('a page of another origin unlocks a user over gRPC-Web and Connect, and reads every error', { timeout: 60_000 }, async () => {
  const userId = await newUser('lock_user');
  const { server, results } = await serve({ baseUrl: env.HTTP_URL, token: env.OPERATOR_TOKEN, expired: env.EXPIRED_TOKEN, userId });
  const profile = await mkdtemp(join(tmpdir(), 'userlock-browser-'));
  // Talks to nobody else; without its sandbox, which root does not have.
  const browser = spawn('chromium', [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/`,
  ], { detached: true, stdio: 'ignore', env: { ...process.env, HOME: profile } });
  try {
    const failed = new Promise((resolve, reject) => {
      browser.on('error', reject).on('exit', (code) => reject(new Error(`chromium exited with ${code}`)));
    });
    const { origin, ...outcomes } = await Promise.race([results, failed]);
    assert.equal(origin, `http://127.0.0.1:${server.address().port}`);
    const refused = [9, 'User is not locked (COMMAND-olb9vb0oca)', 'COMMAND-olb9vb0oca'];
    const badToken = [16, 'Errors.Token.Invalid (AUTH-7fs1e)', 'AUTH-7fs1e'];
    const unknown = [12, 'HTTP 404'];
    const found = [[true, 1]];
    assert.deepEqual(outcomes, {
      web: ['3', refused, badToken, unknown, '3', found, '4'],
      json: ['5', refused, badToken, unknown, '5', found, '6'],
      proto: ['7', refused, badToken, unknown, '7', found, '8'],
    });
    assert.equal(await stateOf(userId), 'locked');
    assert.equal(await eventsOf(userId), 'registered locked unlocked locked unlocked locked unlocked locked');
  } finally {
    browser.removeAllListeners('exit');
    try { process.kill(-browser.pid, 'SIGKILL'); } catch { /* gone already */ }
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
