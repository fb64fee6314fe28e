// An nginx of a test file's own, configured as the stack's but for what the test
// changes.
import { execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { env } from './client.mjs';
import { render } from './render.mjs';

// A port of 127.0.0.1 that nobody listens on.
export const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// Starts it in a new directory, on ports of its own, before the stack's PostgREST, unless
// the options of http/render say otherwise; change(directory) may do more.  Resolves to
// both addresses and stop().
export async function startNginx(options = [], change = undefined) {
  const isTls = options.includes('--tls-key');
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const { directory, uid, gid } = await render(
    ['--socket', join(env.PGHOST, 'postgrest.sock'), '--http-port', httpPort, ...(isTls ? [] : ['--grpc-port', grpcPort]), ...options], change);
  execFileSync('nginx', ['-e', `${directory}/nginx.log`, '-c', `${directory}/nginx.conf`], { uid, gid, env: { PATH: `${env.PATH}:/usr/sbin` } });
  return {
    httpUrl: `${isTls ? 'https' : 'http'}://127.0.0.1:${httpPort}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    async stop() {
      process.kill(Number(await readFile(`${directory}/nginx.pid`, 'utf8')), 'SIGTERM');
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
