ensure_up
ensure_lan
systemctl start docker || fail "dockerd does not start: $(journalctl -u docker -n 5 --no-pager)"
iptables -S FORWARD | grep -q -- '-P FORWARD DROP' || fail "this Docker leaves FORWARD open, so nothing is shown: $(iptables -S FORWARD | head -n 1)"
modprobe br_netfilter
ways_open_or_a_command_is_told docker || exit 1
# And a platform that starts after it.
managr platform stop >/dev/null 2>&1
ensure_up
said=$(ways_open_or_a_command_is_told "docker, platform started after it") || fail "$said"
managr platform status 2>&1 | tail -n 3
echo "with dockerd's FORWARD DROP and br_netfilter: ${said##*$'\n'}"
