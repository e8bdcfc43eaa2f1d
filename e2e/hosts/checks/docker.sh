# Docker closes FORWARD only where it switches ip_forward on itself: it is first on the machine, as after a boot.
[ -e $app/managr.toml ] && managr platform status >/dev/null 2>&1 && m down --purge >/dev/null 2>&1
systemctl stop docker docker.socket 2>/dev/null
iptables -P FORWARD ACCEPT
sysctl -q -w net.ipv4.ip_forward=0
systemctl start docker || fail "dockerd does not start: $(journalctl -u docker -n 5 --no-pager)"
iptables -S FORWARD | grep -q -- '-P FORWARD DROP' || fail "this Docker leaves FORWARD open, so nothing is shown: $(iptables -S FORWARD | head -n 1)"
modprobe br_netfilter
ensure_up
ensure_lan
said=$(ways_open_or_a_command_is_told "docker first") || fail "$said"
# Docker that starts, or starts again, while tasks run.
systemctl restart docker
again=$(ways_open_or_a_command_is_told "docker restarted") || fail "$again"
echo "with dockerd's FORWARD DROP and br_netfilter: ${said##*$'\n'}; restarted: ${again##*$'\n'}"
