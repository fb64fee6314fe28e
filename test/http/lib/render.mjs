// The configuration of PostgREST and nginx as http/render writes it, in a new directory.
import { execFileSync } from 'node:child_process';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env } from './client.mjs';

const program = fileURLToPath(new URL('../../../http/render', import.meta.url));

// What libpq calls the database of a cluster whose socket is in this directory; the
// stack's by its pooler, if it has one.
export const database = (directory) =>
  `postgresql://authenticator@/userlock?host=${directory}&port=${directory === env.PGHOST && env.USERLOCK_POOLER ? 6432 : 5432}`;

// With the stack's database and secret, unless options say otherwise.  Resolves to the
// directory and its owner, who is the stack's: nobody else comes near its sockets.
export async function render(options, change = () => {}) {
  const directory = await mkdtemp(join(tmpdir(), 'userlock-'));
  execFileSync(program, [directory, '--database', database(env.PGHOST), '--jwt-secret', join(env.PGHOST, 'jwt-secret'),
    ...(env.USERLOCK_POOLER ? ['--pooler', 'yes'] : []), ...options],
    { env: { PATH: `${env.PATH}:/usr/sbin` } });
  await change(directory);
  const { uid, gid } = await stat(env.PGHOST);
  execFileSync('chown', ['-R', `${uid}:${gid}`, directory]);
  return { directory, uid, gid };
}
