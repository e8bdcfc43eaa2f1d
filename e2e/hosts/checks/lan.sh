# Two other machines, known before the platform: what it switches on is for its tasks.
ensure_lan
ip netns list | grep -q '^far' || {
  ip netns add far
  ip link add far0 type veth peer name eth0 netns far
  ip addr add 198.51.100.254/24 dev far0
  ip link set far0 up
  ip -n far addr add 198.51.100.1/24 dev eth0
  ip -n far link set eth0 up
  ip -n far route add default via 198.51.100.254
}
[ -e $app/managr.toml ] && managr platform status >/dev/null 2>&1 && m down --purge >/dev/null 2>&1
echo 0 >/proc/sys/net/ipv4/ip_forward
ensure_up
until_true 60 "every way is open" ways_are_open
ip netns exec lan curl -sf -m 4 http://192.0.2.1:8000/ | grep -q 'hello from the lan' || fail "the host of the LAN fetches nothing at all"
for address in $(addresses); do
  ip netns exec lan curl -sf -m 4 "http://$address:8000/" 2>&1 | grep -q 'hello from the box' && fail "a host of the LAN reaches the task at $address"
done
ip netns exec lan curl -sf -m 4 http://192.0.2.254:4566/_managr/health 2>/dev/null && fail "a host of the LAN reaches the API"
ip netns exec far curl -sf -m 4 http://192.0.2.1:8000/ 2>&1 | grep -q 'hello from the lan' && routed=yes
ip netns del far
[ -z "$routed" ] || fail "this machine routes between two others since the platform is here"
echo "the LAN reaches neither tasks nor the API, and is not routed elsewhere"
