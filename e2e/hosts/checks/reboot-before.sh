ensure_up
managr platform stop >/dev/null 2>&1
out=$(managr --color never platform install 2>&1) || fail "managr platform install: $out"
unit=$(grep -ls managr /etc/systemd/system/*.service | grep -v agent | head -n 1)
[ -n "$unit" ] || fail "no unit was written: $out"
grep -q 'KillMode=process' "$unit" && grep -q 'Delegate=yes' "$unit" || fail "$unit: $(cat "$unit")"
ensure_up
echo "$unit"
