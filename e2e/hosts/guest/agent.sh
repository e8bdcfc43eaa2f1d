#!/bin/bash
# Runs in the machine: takes "RUN id bytes" and a script from the host, answers "OUT id code bytes" and what it wrote.
exec 3<>/dev/virtio-ports/agent
echo "UP $(cat /proc/sys/kernel/random/boot_id)" >&3
while read -r word id bytes <&3; do
  [ "$word" = RUN ] || continue
  head -c "$bytes" <&3 >/run/agent.job
  # The job's own children may outlive it; none of them keeps the port.
  (exec 3>&-; cd /root && exec bash /run/agent.job) </dev/null >/run/agent.out 2>&1
  code=$?
  { echo "OUT $id $code $(stat -c %s /run/agent.out)"; cat /run/agent.out; } >&3
done
