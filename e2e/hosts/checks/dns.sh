ensure_up
cat >/root/names.py <<'X'
# Answers every question for an address with 192.0.2.1, on the loopback address alone.
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 53))
while True:
    asked, who = udp.recvfrom(512)
    end = 12
    while asked[end]:
        end += asked[end] + 1
    question = asked[12:end + 5]
    is_a = question[-4:-2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 1]) if is_a else b""
    udp.sendto(asked[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0" + question + answer, who)
X
pgrep -f names.py >/dev/null || setsid python3 /root/names.py >/dev/null 2>&1 &
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
managr platform stop >/dev/null 2>&1
ensure_up
ensure_lan
# A task that starts now, on a host whose only resolver is its own.
out=$(m run local --container web -- curl -sf -m 10 http://a-name.example:8000/ 2>&1)
pkill -f names.py
echo 'nameserver 10.0.2.3' >/etc/resolv.conf
case $out in *'hello from the lan'*) ;; *) fail "a host with a resolver on 127.0.0.1 alone: $out" ;; esac
echo "names are answered in a task though the host's only resolver is 127.0.0.1"
