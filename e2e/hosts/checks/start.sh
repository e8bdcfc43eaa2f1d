cat /proc/sys/net/ipv4/ip_forward >/root/ip_forward
leftovers >/root/before
[ ! -s /root/before ] || fail "this machine is not new: $(cat /root/before)"
[ "$(systemctl is-system-running)" = running ] || fail "systemd is not content: $(systemctl --failed --no-legend)"
managr --version
