# Checks that speak TAP, for the scripts that source this after lib.sh.

tests=0 failures=0

# check DESCRIPTION COMMAND …: the command prints nothing and succeeds.
check() {
  local description=$1 output
  shift
  tests=$((tests + 1))
  if output=$("$@" 2>&1) && [[ -z $output ]]; then
    echo "ok $tests - $description"
  else
    failures=$((failures + 1))
    echo "not ok $tests - $description"
    printf '%s\n' "$output" | sed 's/^/# /'
  fi
}

# quietly COMMAND …: what it prints shows only if it fails.
quietly() {
  local output result=0
  output=$("$@" 2>&1) || result=$?
  ((result == 0)) || { printf '%s\n' "exit code $result of $*" "$output" | tail -n 50; return 1; }
}

end_checks() {
  echo "1..$tests"
  ((failures == 0))
}
