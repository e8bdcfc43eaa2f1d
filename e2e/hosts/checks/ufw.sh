ensure_up
ensure_lan
ufw --force enable >/dev/null || fail "ufw does not start"
ufw status verbose | grep -q 'deny (routed)\|disabled (routed)' || fail "this ufw lets routed traffic through: $(ufw status verbose)"
said=$(ways_open_or_a_command_is_told ufw)
code=$?
ufw --force disable >/dev/null
[ $code = 0 ] || fail "$said"
echo "with ufw enabled: ${said##*$'\n'}"
