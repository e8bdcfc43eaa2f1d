[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || fail "this machine has no pure cgroup v2"
ensure_up
ensure_lan
ways_are_open || fail "on a machine without any firewall"
echo "managr up: $(container_processes | wc -l) tasks answer; $(uname -r), $(systemctl --version | head -n 1)"
