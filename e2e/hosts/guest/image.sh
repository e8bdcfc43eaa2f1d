#!/bin/bash
# Makes a machine's disk out of Debian packages, without loop devices: image.sh SUITE PACKAGES FOLDER HERE
# Leaves in FOLDER: disk.raw (ext4), kernel, initrd. HERE holds agent.sh.
set -eu
suite=$1 packages=$2 out=$3 here=$4
tree=$out/tree
rm -rf "$out"; mkdir -p "$out"
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\n" >"$1/etc/initramfs-tools/conf.d/quick"' \
  "$suite" "$tree"

install -m755 "$here/agent.sh" "$tree/usr/local/sbin/agent"
cat >"$tree/etc/systemd/system/agent.service" <<'X'
[Unit]
Description=Runs what the host asks for
After=basic.target dbus.service systemd-logind.service systemd-networkd.service
[Service]
ExecStart=/usr/local/sbin/agent
Restart=always
RestartSec=100ms
# What a check starts in the background goes on, as it would from a person's shell.
KillMode=process
TasksMax=infinity
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
X
wants=$tree/etc/systemd/system/multi-user.target.wants
mkdir -p "$wants" "$tree/etc/systemd/network"
ln -sf ../agent.service "$wants/agent.service"
ln -sf /lib/systemd/system/systemd-networkd.service "$wants/systemd-networkd.service"
ln -sf /lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"
# Installed, and started by the check that is about it. An empty machine-id is no first boot: that would enable them all again.
for unit in docker.service docker.socket containerd.service ufw.service firewalld.service nftables.service; do
  rm -f "$tree"/etc/systemd/system/*.wants/$unit
done
# Nothing that only costs time, and nothing that comes in the middle of a check.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer fstrim.timer \
  man-db.timer logrotate.timer serial-getty@ttyS0.service getty@tty1.service systemd-networkd-wait-online.service; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
printf '[Match]\nName=eth*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >"$tree/etc/systemd/network/vm.network"
rm -f "$tree/etc/resolv.conf"; echo 'nameserver 10.0.2.3' >"$tree/etc/resolv.conf"
echo vm >"$tree/etc/hostname"; echo '127.0.0.1 localhost vm' >"$tree/etc/hosts"
echo '/dev/vda / ext4 defaults 0 0' >"$tree/etc/fstab"
: >"$tree/etc/machine-id"
for user in alice bob; do chroot "$tree" useradd -m -s /bin/bash $user; done
echo 'alice ALL=(ALL) NOPASSWD: ALL' >"$tree/etc/sudoers.d/alice"; chmod 440 "$tree/etc/sudoers.d/alice"
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*

# Debian's own initrd waits for much that is not here; this one knows its disk.
kernel=$(ls "$tree/lib/modules")
cp "$tree/boot/vmlinuz-$kernel" "$out/kernel"
rm -rf "$tree"/boot/*
initrd=$out/initrd.d
mkdir -p "$initrd"/{bin,dev,proc,root,modules}
cp "$tree/bin/busybox" "$initrd/bin/"
number=10
for name in virtio_pci virtio_blk; do
  # Built in, it has no line; each that has one comes after what it needs.
  for module in $(chroot "$tree" modprobe --set-version "$kernel" --show-depends $name 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
    base=$(basename "${module%.xz}")
    if ls "$initrd"/modules/*-"$base" >/dev/null 2>&1; then continue; fi
    case $module in
      *.xz) xz -dc "$tree$module" >"$initrd/modules/$number-$base" ;;
      *) cp "$tree$module" "$initrd/modules/$number-$base" ;;
    esac
    number=$((number + 1))
  done
done
cat >"$initrd/init" <<'X'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
for module in /modules/*; do $b insmod $module; done
while ! $b test -b /dev/vda; do $b usleep 20000; done
$b mount -t ext4 /dev/vda /root
$b umount /proc
$b mount --move /dev /root/dev
exec $b switch_root /root /sbin/init
X
chmod 755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$out/initrd"

truncate -s 6G "$out/disk.raw"
mke2fs -q -t ext4 -O ^has_journal,^resize_inode -E lazy_itable_init=1,root_owner=0:0 -m 0 -d "$tree" "$out/disk.raw"
rm -rf "$tree" "$initrd"
