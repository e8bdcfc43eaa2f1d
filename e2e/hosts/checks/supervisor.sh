ensure_up
before=$(container_processes | sort | tr '\n' ' ')
supervisors=$(pgrep -f '^[^ ]*managr supervise')
[ -n "$supervisors" ] || fail "no supervisor is there to be killed: $(pgrep -af managr)"
kill -9 $(echo "$supervisors" | head -n 1)
# Adopted or ended and replaced: afterwards two tasks run, each with a supervisor, and nothing else.
well() {
  pgrep -af 'managr supervise|managr platform|httpd -f -p 8000'
  [ "$(container_processes | wc -l)" = 2 ] && [ "$(pgrep -fc '^[^ ]*managr supervise')" -ge 2 ] && answers
}
until_true 240 "two tasks run, each supervised: $(pgrep -af 'managr supervise|httpd -f')" well
kill -9 $(pgrep -f '^[^ ]*managr supervise') $(pgrep -f '^[^ ]*managr platform serve')
until_true 120 "the platform is there again, by systemd or by us" managr platform start
until_true 240 "two tasks run after everything of ours was killed with -9" well
echo "was $before, is $(container_processes | sort | tr '\n' ' '): no orphan"
