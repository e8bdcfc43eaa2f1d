ensure_up
pid=$(container_processes | head -n 1)
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)
# A limit may be the container's or its task's, above it.
limited() {
  local folder=$group
  while [ "$folder" != /sys/fs/cgroup ]; do
    case $(cat "$folder/$1" 2>/dev/null) in "" | max*) folder=$(dirname "$folder") ;; *) return 0 ;; esac
  done
  return 1
}
for file in memory.max cpu.max pids.max; do limited $file || fail "$file limits nothing from $group upwards"; done
inside small dd if=/dev/zero of=/dev/null bs=300M count=1 >/tmp/dd.out 2>&1
code=$?
[ $code = 137 ] || fail "300 MB within 96 MB: ended with $code: $(tail -n 3 /tmp/dd.out)"
echo "memory, cpu and pids are limited; 300 MB within 96 MB ended with 137"
