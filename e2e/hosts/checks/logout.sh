ensure_up
m down --purge >/dev/null 2>&1
mkdir -p /etc/systemd/logind.conf.d
printf '[Login]\nKillUserProcesses=yes\n' >/etc/systemd/logind.conf.d/kill.conf
systemctl restart systemd-logind
out=$(su -l alice -c 'cat /proc/self/cgroup; cd / && sudo env HOME=/root managr --color never --file /root/app/managr.toml up --detach' 2>&1 </dev/null)
code=$?
case $out in *session-*.scope*) ;; *) fail "that was no session of logind's, so nothing is shown: $out" ;; esac
[ $code = 0 ] || fail "managr up in alice's session ended with $code: $(echo "$out" | tail -n 8)"
until_true 60 "alice is logged out" sh -c '! loginctl list-sessions --no-legend | grep -q alice'
managr platform status >/dev/null 2>&1 || fail "the platform died with the session: $(pgrep -af 'managr|httpd -f' | head -n 6)"
pgrep -f '^[^ ]*managr supervise' >/dev/null || fail "the supervisors died with the session: $(pgrep -af 'managr|httpd -f')"
until_true 60 "the application answers after the logout" answers
rm /etc/systemd/logind.conf.d/kill.conf
systemctl restart systemd-logind
echo "after the logout with KillUserProcesses=yes the application answers: $(sed -n 's/^0:://p' /proc/$(pgrep -f '^[^ ]*managr platform serve' | head -n 1)/cgroup)"
