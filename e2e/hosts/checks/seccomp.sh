ensure_up
pid=$(container_processes | head -n 1)
grep -q '^Seccomp:[[:space:]]*2' /proc/$pid/status || fail "the container's first process: $(grep Seccomp: /proc/$pid/status)"
inside web cat /proc/self/status | grep -q '^Seccomp:[[:space:]]*2' || fail "a command that is run in the container has no filter"
refused_inside "a user namespace" web "unshare -U true"
refused_inside "a mount" web "mount -t tmpfs none /tmp"
# Busybox's date ends with 0 whatever the kernel said.
refused_inside "the clock" web "date -s 2001-01-01 2>&1 | (! grep -q 'not permitted')"
inside web cat /proc/keys 2>/dev/null | grep -q . && fail "the kernel's keys are shown in a container"
echo "Seccomp: 2 in the container and in what is run in it; user namespaces and mounts are refused"
