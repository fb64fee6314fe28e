# Bare Debians to try things on, for the commands that source this after lib.sh.
# They take root, or sudo.
#
# What runs in one has processes and mounts of its own, which end with it however
# it ends; the network is shared.

# Installs what makes them; ends with code 2 where nothing can.
require_chroots() {
  (require_root "making chroots" "$0, in a clone of root's own") || exit 2
  "$top/tools/setup" chroot || exit 2
  as_root unshare --mount --pid --ipc --fork --kill-child mount -t tmpfs tmpfs /mnt 2>/dev/null ||
    (die "no chroot can be made here: not even root may mount file systems") || exit 2
}

# make_chroot SUITE DIRECTORY [PACKAGE ...]: Debian's smallest with apt, and these.
# A mirror that stands still serves too.  Nothing there outlives a power failure, so
# dpkg need not wait for the disk.
make_chroot() {
  local suite=$1 directory=$2 packages
  shift 2
  packages=$(IFS=,; echo "$*")
  as_root mmdebstrap --quiet --mode=root --variant=minbase --skip=check/canmount \
    --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io ${packages:+--include="$packages"} "$suite" "$directory"
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

# in_chroot DIRECTORY COMMAND ...: as root, at /.  Fails too if something still runs
# afterwards, and ends it.
in_chroot() {
  as_root unshare --mount --pid --ipc --fork --kill-child \
    bash -euc "$(declare -f enter_chroot); enter_chroot \"\$@\"" chroot "$@"
}

# Ends what runs there, too, by its first process.
remove_chroot() {
  as_root bash -euc '
    for process in /proc/[0-9]*; do
      if [[ $process/cwd -ef $1 ]] && grep -qs "^NSpid:.*[[:space:]]1$" "$process/status"; then
        kill -KILL "${process#/proc/}" || true
        while [[ -e $process ]]; do sleep 0.1; done
      fi
    done
    rm -rf --one-file-system "$1"' chroot "$1"
}
