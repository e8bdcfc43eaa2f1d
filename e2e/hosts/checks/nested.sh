ensure_up
m down --purge >/dev/null 2>&1
# What Docker gives a container by default: a cgroup namespace of its own, whose root has processes in it.
cat >/root/nested.sh <<'X'
# mount(2), which Debian 12's mount(8) calls, does not put a filesystem over itself (EBUSY).
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup || exit 9
cd /root/app
managr --color never up --detach --bridge nested0 --subnet 10.99.0.0/16 --data-dir /root/nested >/tmp/nested.out 2>&1
code=$?
curl -sf -m 5 http://127.0.0.1:8080/ | grep -q 'hello from the box' || code=8
managr platform purge --data-dir /root/nested >/dev/null 2>&1
exit $code
X
systemd-run --quiet --wait --pipe --collect --property=Delegate=yes unshare --mount --cgroup bash /root/nested.sh
code=$?
[ $code = 0 ] || fail "within a cgroup namespace of its own: $code: $(tail -n 8 /tmp/nested.out)"
# Read-only groups are refused at the start, by name.
out=$(unshare --mount sh -c 'mount -o remount,bind,ro /sys/fs/cgroup && timeout 60 managr platform serve --data-dir /root/readonly --bridge ro0 --subnet 10.98.0.0/16 --listen 127.0.0.1:4999' 2>&1)
code=$?
rm -rf /root/readonly
[ $code != 124 ] || fail "read-only groups: the platform starts all the same: $out"
case $out in *cgroup*) ;; *) fail "read-only groups: $code without naming them: $out" ;; esac
ensure_up
echo "a nested cgroup namespace works; read-only groups are refused at the start"
