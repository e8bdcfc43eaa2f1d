[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || fail "this machine has no pure cgroup v2"
ensure_up
ensure_lan
until_true 60 "every way is open on a machine without any firewall" ways_are_open
echo "managr up: $(container_processes | wc -l) tasks answer; $(uname -r), $(systemctl --version | head -n 1)"
