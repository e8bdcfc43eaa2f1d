until_true 180 "the application answers after the power cut: $(systemctl status --no-pager 'managr*' 2>&1 | head -n 12)" answers
reasons=$(m ps local --all --json | grep -oE '"(reason|stoppedReason)": *"[^"]*"' | sort -u)
echo "$reasons" | grep -qiE 'restart|reboot|power|boot' || fail "what the replaced tasks say is not why they ended: $reasons"
managr --color never platform uninstall >/tmp/uninstall.out 2>&1 || fail "managr platform uninstall: $(cat /tmp/uninstall.out)"
left=$(grep -ls managr /etc/systemd/system/*.service /etc/systemd/system/*/*.service | grep -v agent)
[ -z "$left" ] || fail "uninstall leaves $left"
echo "the services are back after a power cut, and say so: $(echo "$reasons" | head -n 1)"
