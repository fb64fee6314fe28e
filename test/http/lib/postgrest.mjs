// A PostgREST of a test file's own, configured as the stack's but for what the test
// changes.
import { spawn } from 'node:child_process';
import { readFile, readlink, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { env } from './client.mjs';
import { render } from './render.mjs';

const connects = (path) => new Promise((resolve) => {
  const socket = connect(path, () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
});

// Starts it in a new directory, with these options of http/render and, in its
// environment, settings of PostgREST's own.  Resolves to the directory, its socket and
// stop().
export async function startPostgrest(options, settings = {}) {
  const { directory, uid, gid } = await render(options);
  const socket = join(directory, 'postgrest.sock');
  const program = await readlink(`/proc/${(await readFile(join(env.PGHOST, 'postgrest.pid'), 'utf8')).trim()}/exe`);
  const child = spawn(program, [join(directory, 'postgrest.conf')], { uid, gid, stdio: 'ignore', env: { ...env, ...settings } });
  for (let i = 0; i < 200 && !(await connects(socket)); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    directory,
    socket,
    async stop() {
      child.kill();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
