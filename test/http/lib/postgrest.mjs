// A PostgREST of a test file's own, configured as the stack's but for what the test
// changes.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readlink, rm, stat, writeFile, chown } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from './client.mjs';

const connects = (path) => new Promise((resolve) => {
  const socket = connect(path, () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
});

// Starts it in a new directory, where its socket is; edit(text) returns what its
// configuration is to be instead.  Resolves to the directory and stop().
export async function startPostgrest(edit) {
  const stack = env.PGHOST;
  const directory = await mkdtemp(join(tmpdir(), 'userlock-postgrest-'));
  const { uid, gid } = await stat(stack);
  const socket = join(directory, 'postgrest.sock');
  const text = (await readFile(join(stack, 'postgrest.conf'), 'utf8')).replace(join(stack, 'postgrest.sock'), socket);
  await writeFile(join(directory, 'postgrest.conf'), edit(text));
  await chown(directory, uid, gid);
  const program = await readlink(`/proc/${(await readFile(join(stack, 'postgrest.pid'), 'utf8')).trim()}/exe`);
  const child = spawn(program, [join(directory, 'postgrest.conf')], { uid, gid, stdio: 'ignore' });
  for (let i = 0; i < 200 && !(await connects(socket)); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    directory,
    async stop() {
      child.kill();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
