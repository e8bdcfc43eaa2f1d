# Forwarding is given back only where no link has come that may rely on it: the other machine goes first.
ip link del lan0 2>/dev/null
ip netns del lan 2>/dev/null

ensure_up
m down --purge --all >/tmp/down.out 2>&1 || m down --purge >/tmp/down.out 2>&1 || fail "down --purge: $(tail -n 5 /tmp/down.out)"
managr platform purge >/dev/null 2>&1
left=$(leftovers)
[ -z "$left" ] || fail "left behind: $left"
[ -z "$(ls -A /var/lib/managr 2>/dev/null)" ] || fail "left in the data directory: $(ls -A /var/lib/managr)"
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$(cat /root/ip_forward)" ] || fail "ip_forward was $(cat /root/ip_forward), is $(cat /proc/sys/net/ipv4/ip_forward)"
grep -ls managr /etc/systemd/system/*.service /run/systemd/transient/* 2>/dev/null | grep -v agent && fail "units are left"
echo "no process, mount, link, table, group, socket or unit is left, and ip_forward is as it was"
