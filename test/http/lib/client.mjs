// What the HTTP tests share: the running stack, as tools/stack env describes it.
import { SignJWT } from 'jose';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const env = process.env;

// Sends a request; the answer's body is parsed where it is JSON.
export async function request(method, path, { token, body, headers = {} } = {}) {
  const response = await fetch(env.HTTP_URL + path, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body) : body,
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, text, json: isJson && text ? JSON.parse(text) : undefined };
}

export const get = (path, options) => request('GET', path, options);

// Sends bytes that no HTTP client would, and returns all that comes back; they
// ask for the connection to be closed.
export function raw(bytes) {
  const { hostname, port } = new URL(env.HTTP_URL);
  return new Promise((resolve, reject) => {
    const socket = connect(port, hostname, () => socket.write(bytes, 'latin1'));
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
    socket.on('close', () => {
      const [head, ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1]), head, text: rest.join('\r\n\r\n') });
    });
  });
}

// Calls a function, as the operator unless told otherwise.
export const rpc = (name, body, options = {}) =>
  request('POST', `/rpc/${name}`, { token: env.OPERATOR_TOKEN, body, ...options });

// A registered user of the operator's tenant whom no other test knows.
let count = 0;
export async function newUser(restriction, user_id = `http-${process.pid}-${Date.now()}-${++count}`, profile) {
  await rpc('register_user', { user_id, profile });
  if (restriction) await rpc(restriction, { user_id });
  return user_id;
}

export const stateOf = (user_id) => sql(`SELECT state FROM userlock_private.account WHERE tenant = '${env.TENANT}' AND user_id = '${user_id}'`);

// The kinds of a user's events, in order.
export const eventsOf = (user_id) =>
  sql(`SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock_private.event WHERE tenant = '${env.TENANT}' AND user_id = '${user_id}'`);

// What psql prints for a query, asked as superuser.  Where a pooler keeps the stack's
// PostgREST from hearing of a NOTIFY in it, a signal tells it.
export async function sql(query) {
  const { stdout } = await promisify(execFile)('psql', ['--no-psqlrc', '-qAt', '-c', query]);
  if (env.USERLOCK_POOLER) {
    const pid = Number(await readFile(join(env.PGHOST, 'postgrest.pid'), 'utf8'));
    for (const [, what] of query.matchAll(/NOTIFY pgrst, 'reload (schema|config)'/g)) process.kill(pid, { schema: 'SIGUSR1', config: 'SIGUSR2' }[what]);
  }
  return stdout.trim();
}

// A token of any kind; the secret is the stack's unless told otherwise.
export async function sign(claims, { secret = env.JWT_SECRET, lifetime = 600 } = {}) {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(now + lifetime)
    .sign(new TextEncoder().encode(secret));
}
