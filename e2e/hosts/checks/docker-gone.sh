systemctl stop docker docker.socket containerd 2>/dev/null
iptables -P FORWARD ACCEPT
for table in filter nat; do iptables -t $table -F; iptables -t $table -X; done
ip link del docker0 2>/dev/null
rmmod br_netfilter 2>/dev/null
ensure_up
until_true 60 "every way is open without Docker" ways_are_open
echo "Docker is gone, every way is open"
