ensure_up
ensure_lan
systemctl restart nftables || fail "nftables does not restart"
until_true 60 "our table is back after systemctl restart nftables" sh -c 'nft list tables | grep -q managr'
until_true 60 "every way is open again" ways_are_open
nft -f - <<'X' || fail "the ruleset is refused"
table inet strict {
  chain forward {
    type filter hook forward priority 0; policy drop;
  }
}
X
said=$(ways_open_or_a_command_is_told "a ruleset with policy drop")
code=$?
nft delete table inet strict
[ $code = 0 ] || fail "$said"
echo "nftables restarted: restored by itself; a ruleset with policy drop: ${said##*$'\n'}"
