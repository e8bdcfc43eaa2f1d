until_true 180 "the application answers after the reboot: $(systemctl status --no-pager 'managr*' 2>&1 | head -n 12)" answers
[ "$(container_processes | wc -l)" = 2 ] || until_true 120 "two tasks run" sh -c '[ "$(pgrep -fc "httpd -f -p 8000")" = 2 ]'
echo "the services are back after a reboot, without a command"
