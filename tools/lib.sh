# Shared by the commands in tools/ and bench/, which source it: where things
# are, and as whom they run.
#
# PG_CONFIG chooses the server, as for make.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PG_CONFIG=${PG_CONFIG:-pg_config}

# Settings for another server must not reach the private ones.
for name in "${!PG@}"; do
  [[ $name == PG_CONFIG ]] || unset "$name"
done

die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit 1
}

is_root() { [[ $(id -u) == 0 ]]; }

# Runs a command with the rights to install.
as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}

# Runs a command as the user who owns the servers: PostgreSQL refuses root, so
# root's servers belong to "postgres"; everybody else's are their own.
as_server() {
  if is_root; then
    setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$@"
  else
    "$@"
  fi
}

# Makes a directory that the servers own and nobody else reads.
server_directory() {
  mkdir -p "$1"
  if is_root; then chown postgres:postgres "$1"; fi
  chmod 700 "$1"
}

# tmp/, where everything lives that the commands make.  Behind a home directory
# that "postgres" cannot enter, or a path that is too long for a Unix socket or
# would have to be quoted in a configuration, it is a link to a place that serves.
work_directory() {
  local work=$top/tmp place
  if [[ ! -e $work ]]; then
    if ((${#work} > 60)) || [[ $work == *[^A-Za-z0-9/._-]* ]] || { is_root && ! as_server test -x "$top"; }; then
      place=/var/tmp/userlock-$(id -u)-$(printf '%s' "$top" | cksum | cut -d' ' -f1)
      mkdir -p -m 755 "$place"
      [[ -O $place && ! -L $place ]] || die "$place belongs to someone else"
      ln -sfn "$place" "$work"
    else
      mkdir "$work"
    fi
  fi
  (cd "$work" && pwd -P)
}

pg_bin() { "$PG_CONFIG" --bindir; }

# pg_ctl for the cluster in a directory; run from there, because the servers'
# user may not be allowed where we are.
control_cluster() (
  directory=$1
  shift
  cd "$directory"
  as_server "$(pg_bin)/pg_ctl" --pgdata="$directory/data" "$@"
)

# Starts a private cluster in a directory, made at the first start: on a Unix
# socket there and nowhere else.  Its superuser is "postgres".
start_cluster() {
  local directory=$1 setting
  shift
  if [[ ! -s $directory/data/PG_VERSION ]]; then
    (cd "$directory" && as_server "$(pg_bin)/initdb" --pgdata="$directory/data" --username=postgres --auth=trust \
      --encoding=UTF8 --locale=C.UTF-8 --no-sync) 2>&1 | as_server tee "$directory/initdb.log" >/dev/null ||
      die "initdb failed, see $directory/initdb.log"
  fi
  for setting in "listen_addresses = ''" "unix_socket_directories = '$directory'" "port = 5432" "$@"; do
    printf '%s\n' "$setting"
  done | as_server tee "$directory/data/postgresql.auto.conf" >/dev/null
  control_cluster "$directory" --log="$directory/postgresql.log" --wait --silent start ||
    die "PostgreSQL did not start, see $directory/postgresql.log"
}

stop_cluster() {
  if cluster_runs "$1"; then
    control_cluster "$1" --wait --silent --mode=fast stop
  fi
}

cluster_runs() {
  [[ -s $1/data/PG_VERSION ]] && control_cluster "$1" status >/dev/null
}

# A port of 127.0.0.1 that nobody listens on.
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}
