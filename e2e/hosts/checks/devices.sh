ensure_up
disk=$(stat -c '%Hr %Lr' /dev/vda)
marker=$(dd if=/dev/vda bs=512 count=8 2>/dev/null | sha256sum)
refused_inside "opening the host's disk ($disk)" web "(mknod /tmp/disk b $disk; dd if=/tmp/disk of=/dev/null bs=512 count=1)"
refused_inside "writing the host's disk" web "(mknod /tmp/disk2 b $disk; dd if=/dev/zero of=/tmp/disk2 bs=512 seek=1 count=1 conv=notrunc,fsync && test -b /tmp/disk2)"
refused_inside "the kernel's log" web "(mknod /tmp/kmsg c 1 11; dd if=/tmp/kmsg of=/dev/null bs=1 count=1)"
refused_inside "the host's memory" web "(mknod /tmp/mem c 1 1; dd if=/tmp/mem of=/dev/null bs=1 count=1)"
refused_inside "fuse" web "(mknod /tmp/fuse c 10 229; : <>/tmp/fuse)"
refused_inside "a device on a tmpfs" web "(mknod /dev/disk b $disk; dd if=/dev/disk of=/dev/null bs=512 count=1)"
[ "$marker" = "$(dd if=/dev/vda bs=512 count=8 2>/dev/null | sha256sum)" ] || fail "the host's disk was written"
inside web sh -c 'echo x >/dev/null && head -c 1 /dev/zero >/dev/null && head -c 1 /dev/urandom >/dev/null && : </dev/tty || test -c /dev/tty' ||
  fail "the devices that every container has do not work"
echo "the host's disk ($disk), kmsg, mem and fuse are refused; null, zero, urandom work"
