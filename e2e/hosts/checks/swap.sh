ensure_up
[ -e /swap ] || { fallocate -l 1G /swap && chmod 600 /swap && mkswap -q /swap; } || fail "no swap file"
swapon /swap 2>/dev/null
grep -q /swap /proc/swaps || fail "swap is not on"
until_true 90 "the application answers" answers
inside small dd if=/dev/zero of=/dev/null bs=300M count=1 >/tmp/dd.out 2>&1
code=$?
swapoff /swap
[ $code = 137 ] || fail "with swap on, 300 MB within 96 MB ended with $code: $(tail -n 3 /tmp/dd.out)"
echo "with swap on, 300 MB within 96 MB ended with 137"
