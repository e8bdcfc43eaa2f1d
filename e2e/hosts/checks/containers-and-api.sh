ensure_up
gateway=$(inside web sh -c "ip route | sed -n 's/default via \([0-9.]*\).*/\1/p'" | tr -d '\r')
[ -n "$gateway" ] || fail "a container has no gateway"
# What fetches works: a program that cannot be run fetches nothing either.
inside web sh -c 'curl -sf -m 5 $ECS_CONTAINER_METADATA_URI_V4' 2>&1 | grep -q DockerId || fail "a container cannot fetch its metadata: nothing would be shown"
for host in "$gateway" 169.254.170.2 10.0.2.15 192.0.2.254; do
  refused_inside "the platform's API at $host" web "curl -sf -m 4 http://$host:4566/_managr/health"
done
echo "the API is not reached from a container, by $gateway and the host's other addresses"
