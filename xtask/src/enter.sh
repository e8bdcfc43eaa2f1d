#!/bin/bash
# Runs a shell's line in a chroot: enter.sh ROOT LINE TREE TARGET. Called in a mount namespace of its own.
set -e
root=$1 line=$2 tree=$3
mount --bind "$root" "$root"
for place in /proc /sys /dev; do mount --rbind $place "$root$place"; done
for place in "$tree" "$4" "$CARGO_HOME" "$RUSTUP_HOME"; do
    [ -d "$place" ] || continue
    mkdir -p "$root$place"
    mount --rbind "$place" "$root$place"
done
# What a chore keeps between runs is this machine's release's; there is another one in here.
mount -t tmpfs none "$root$4/xtask"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Services are not started in a chroot.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
exec chroot "$root" sh -c "cd '$tree' && $line"
