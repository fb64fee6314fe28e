# Bare Debians to try things on, for the commands that source this after lib.sh.
# Takes root, or sudo, and what "tools/setup chroot" installs.
#
# What runs in one has processes and mounts of its own, which end with it, however
# it ends; the network is shared.

# What can have a chroot made does not say that it can: some containers forbid it.
require_chroots() {
  require_root "making chroots" "$0"
  "$top/tools/setup" chroot
  as_root unshare --mount --pid --ipc --fork --kill-child mount -t tmpfs tmpfs /mnt 2>/dev/null ||
    die "no chroot can be made here: this machine lets nobody mount file systems, not even root"
}

# make_chroot SUITE DIRECTORY [PACKAGE ...]: Debian's smallest with apt, and these.
# A mirror that stands still serves too.
make_chroot() {
  local suite=$1 directory=$2 packages
  shift 2
  packages=$(IFS=,; echo "$*")
  as_root mmdebstrap --quiet --mode=root --variant=minbase --skip=check/canmount \
    --aptopt='Acquire::Check-Valid-Until "false"' ${packages:+--include="$packages"} "$suite" "$directory"
}

# What root runs as the first process of a chroot.
enter_chroot() {
  local authorities=/etc/ssl/certs/ca-certificates.crt extra=() left result=0
  cd "$1"
  shift
  mount -t proc proc proc
  mount --rbind /dev dev
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  cp -L /etc/resolv.conf /etc/hosts etc/
  # This machine's certificate authorities, so that npm works there as here.
  if [[ -e $authorities ]]; then
    cp -L "$authorities" etc/outer-ca-certificates.crt
    extra=(NODE_EXTRA_CA_CERTS=/etc/outer-ca-certificates.crt)
  fi
  chroot . /usr/bin/env -i HOME=/root USER=root LOGNAME=root TERM=dumb LC_ALL=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${extra[@]}" "$@" </dev/null || result=$?
  # What ends by itself may take a moment.
  for _ in {1..50}; do
    left=$(cd proc && for process in [0-9]*; do
      [[ $process == 1 || $process == "$BASHPID" ]] || tr '\0' ' ' <"$process/cmdline" 2>/dev/null | cut -c 1-100
    done)
    [[ -n $left ]] || return "$result"
    sleep 0.1
  done
  printf 'Still running afterwards: %s\n' "$left"
  return 1
}

# in_chroot DIRECTORY COMMAND ...: as root, at /.  Fails if something still runs
# afterwards, which it ends.  Signals do not reach it: kill its process group.
in_chroot() {
  as_root unshare --mount --pid --ipc --fork --kill-child \
    bash -euc "$(declare -f enter_chroot); enter_chroot \"\$@\"" chroot "$@"
}

remove_chroot() { as_root rm -rf --one-file-system "$1"; }
