ensure_up
refused_inside "lifting its own limit" small "echo max >/sys/fs/cgroup/memory.max"
refused_inside "a group of its own" small "mkdir /sys/fs/cgroup/mine"
refused_inside "freezing itself" small "echo 1 >/sys/fs/cgroup/cgroup.freeze"
refused_inside "the host's sysctl" web "echo 1 >/proc/sys/kernel/sysrq"
refused_inside "sysrq" web "echo h >/proc/sysrq-trigger"
echo "control groups and sysctls are read-only in a container"
