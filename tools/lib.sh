# Shared by the commands in tools/ and bench/, which source it: where things
# are, and as whom they run.
#
# PG_CONFIG chooses the server, as for make.

set -euo pipefail
umask 022

# Whatever language people work in: here all programs sort, match letters and word
# their messages alike, and take text for UTF-8.  So do the servers.
# PostgreSQL's modules for tests unset LC_ALL, and LANG may name what is not there.
export LC_ALL=C.UTF-8 LANG=C.UTF-8
unset LANGUAGE

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PG_CONFIG=${PG_CONFIG:-pg_config}

# Settings for another server must not reach the private ones.
for name in "${!PG@}"; do
  [[ $name == PG_CONFIG ]] || unset "$name"
done

# What test/fuzz/ tries, each under a name, and what is compiled with it: pure C.
fuzz_targets=(codec scim_path)
codec_sources=("$top"/src/http/{grpc,text,message_to_json,json_to_message,zitadel_rpc,zitadel_rpc.pb-c}.c -lprotobuf-c)
scim_path_sources=("$top"/src/http/{text,scim_path}.c)

die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit 1
}

is_root() { [[ $(id -u) == 0 ]]; }

# Runs a command with the rights to install, which require_root asked for.
as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}

# Ends unless as_root works; says what it is for, and what root could do instead.
require_root() {
  is_root || { command -v sudo >/dev/null && sudo true 2>/dev/null; } ||
    die "$1 takes root, which sudo does not give here; have root run: $2"
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

# Makes a directory that the servers own and nobody else reads.  Root gives away
# none that was there before, nor what a link leads to.
server_directory() {
  if [[ ! -e $1 && ! -L $1 ]]; then
    mkdir -p "$(dirname "$1")"
    mkdir -m 700 "$1"
    if is_root; then chown --no-dereference postgres:postgres "$1"; fi
  fi
  [[ ! -L $1 ]] && as_server test -d "$1" -a -O "$1" || die "$1 is a link, or belongs to someone else"
  as_server chmod 700 "$1"
}

# tmp/, where everything lives that the commands make.  Behind a home directory
# that "postgres" cannot enter, or a path that is too long for a Unix socket or
# would have to be quoted in a configuration, it is a link to a place that serves.
work_directory() {
  local work=$top/tmp place
  if [[ ! -e $work ]]; then
    if ((${#work} > 60)) || [[ $work == *[^A-Za-z0-9/._-]* ]] || { is_root && ! as_server test -x "$top"; }; then
      place=/var/tmp/userlock-$(id -u)-$(printf '%s' "$top" | cksum | cut -d' ' -f1)
      mkdir -p "$place"
      ln -sfn "$place" "$work"
    else
      mkdir "$work"
    fi
  fi
  # Each time: where others may write, one of them may have taken the place after
  # ours was cleaned away.
  place=$work
  if [[ -L $work ]]; then place=$(readlink "$work"); fi
  [[ ! -L $place && -d $place && -O $place ]] || die "$place belongs to someone else"
  (cd "$place" && pwd -P)
}

# Under whatever name: Debian's development files of a server bring one of a version.
clang_program() { compgen -c clang | grep -xE 'clang(-[0-9]+)?' | sort --version-sort | tail -n 1; }

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
    { tail -n 5 "$directory/postgresql.log" >&2; die "PostgreSQL did not start, see $directory/postgresql.log"; }
}

stop_cluster() {
  if cluster_runs "$1"; then
    control_cluster "$1" --wait --silent --mode=fast stop
  fi
}

cluster_runs() {
  [[ -s $1/data/PG_VERSION ]] && control_cluster "$1" status >/dev/null
}

port_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port of 127.0.0.1 that nobody listens on.
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}
