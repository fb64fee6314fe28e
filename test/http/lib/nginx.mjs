// An nginx of a test file's own, configured as the stack's but for what the test
// changes.
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from './client.mjs';

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// Starts it in a new directory, on ports of its own; edit(text, directory, port of
// gRPC) returns what is to stand in a file instead.  Resolves to both addresses and
// stop().
export async function startNginx(edit = (text) => text) {
  const stack = env.PGHOST;
  const directory = await mkdtemp(join(tmpdir(), 'userlock-nginx-'));
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  // As the user who runs the stack's, whom root's would not let near its socket.
  const { uid, gid } = await stat(stack);
  for (const name of await readdir(stack)) {
    if (/\.conf$|^common$|^contracts$/.test(name)) await cp(join(stack, name), join(directory, name), { recursive: true });
  }
  for (const name of await readdir(directory, { recursive: true })) {
    if (!name.endsWith('.conf')) continue;
    const text = (await readFile(join(directory, name), 'utf8')).replaceAll(stack, directory)
      .replace(`127.0.0.1:${new URL(env.HTTP_URL).port}`, `127.0.0.1:${httpPort}`)
      .replace(`127.0.0.1:${new URL(env.GRPC_URL).port}`, `127.0.0.1:${grpcPort}`);
    await writeFile(join(directory, name), await edit(text, directory, grpcPort));
  }
  execFileSync('chown', ['-R', `${uid}:${gid}`, directory]);
  execFileSync('nginx', ['-e', `${directory}/nginx.log`, '-c', `${directory}/nginx.conf`], { uid, gid, env: { PATH: `${env.PATH}:/usr/sbin` } });
  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    async stop() {
      process.kill(Number(await readFile(`${directory}/nginx.pid`, 'utf8')), 'SIGTERM');
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
