# What the upgrades of the server share: an old cluster with data, and a new one that
# must show the same.  Sourced after lib.sh and tap.sh; runs as root, in a chroot.

old=$1 new=$2 users=$3
declare -A clusters=([$old]=/tmp/old [$new]=/tmp/new)

# on VERSION COMMAND ...: with that server's programs, against its cluster.
on() {
  local PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config directory=${clusters[$1]}
  shift
  case $1 in
    start | stop) "$1_cluster" "$directory" "fsync = off" "max_wal_size = 4GB" ;;
    *) (cd "$directory" && as_server env PGHOST="$directory" PGUSER=postgres PATH="$(pg_bin):$PATH" "$@") ;;
  esac
}

psql_of() {
  local version=$1
  shift
  on "$version" psql --no-psqlrc --quiet --dbname=app "$@"
}

# Here and in upgrade() each step depends on the one before: in a check "set -e" does
# not stop them.
make_old() {
  server_directory "${clusters[$old]}" &&
    on "$old" start &&
    on "$old" createdb app &&
    psql_of "$old" --command="CREATE EXTENSION userlock" --command="CREATE EXTENSION userlock_http" &&
    psql_of "$old" --set=users="$users" --file="$top/test/upgrade/data.sql" &&
    psql_of "$old" --file="$top/test/upgrade/state.sql" >/tmp/before
}

# The same is there: says what is not.
same() {
  psql_of "$new" --file="$top/test/upgrade/state.sql" | diff /tmp/before -
}

works() { psql_of "$new" --file="$top/test/upgrade/works.sql"; }

# The checks that every way has to pass, then the end.
check_new() {
  check "states, restrictions, history and all else are the same" same
  check "who is out is out, and everything goes on" works
  on "$new" stop
  end_checks
}
