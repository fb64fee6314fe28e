// A streaming standby of the stack's database.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { env } from './client.mjs';

// Starts it in a new directory, which also has its socket.  Resolves to the directory,
// sql(), promote(), halt() and stop().
export async function startStandby() {
  const directory = await mkdtemp(join(tmpdir(), 'userlock-standby-'));
  const { uid, gid } = await stat(env.PGHOST);
  await chown(directory, uid, gid);
  const bin = execFileSync(env.PG_CONFIG ?? 'pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
  const data = join(directory, 'data');
  const run = (program, ...parameters) => execFileSync(join(bin, program), parameters, { uid, gid, stdio: 'ignore', cwd: directory });
  run('pg_basebackup', '--host', env.PGHOST, '--username', 'postgres', '--pgdata', data, '--write-recovery-conf', '--checkpoint', 'fast');
  await appendFile(join(data, 'postgresql.auto.conf'), `unix_socket_directories = '${directory}'\nhot_standby = on\n`);
  run('pg_ctl', '--pgdata', data, '--log', join(directory, 'log'), '--wait', 'start');
  const halt = () => run('pg_ctl', '--pgdata', data, '--mode', 'fast', '--wait', 'stop');
  return {
    directory,
    async sql(query) {
      const { stdout } = await promisify(execFile)('psql', ['--no-psqlrc', '-qAt', '-h', directory, '-c', query]);
      return stdout.trim();
    },
    promote: () => run('pg_ctl', '--pgdata', data, '--wait', 'promote'),
    halt,
    async stop() {
      if (existsSync(join(data, 'postmaster.pid'))) halt();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
}
