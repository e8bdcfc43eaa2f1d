# What every check begins with. A check ends with 0 and says in its last line what it saw, or fails and says why.
app=/root/app
export HOME=/root

fail() {
  echo "$*"
  exit 1
}

# until_true SECONDS WORDS COMMAND...: waits for a condition, never for a time.
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/tmp/until.out 2>&1; do
    [ $SECONDS -lt $end ] || { tail -n 8 /tmp/until.out; fail "waited in vain until $what"; }
    sleep 0.3
  done
}

m() { managr --color never --file $app/managr.toml "$@"; }

# inside CONTAINER COMMAND...: in the running container, as `managr connect` does it.
inside() {
  local container=$1
  shift
  managr --color never --quiet connect --file $app/managr.toml local "$container" --any -T -- "$@" </dev/null
}

# The refusal of a thing is shown by the thing's own words, so that a session that failed is not taken for it.
refused_inside() {
  local words=$1 container=$2 out
  shift 2
  out=$(inside "$container" sh -c "$* && echo it-was-allowed || echo it-was-refused" 2>&1)
  case $out in
    *it-was-allowed*) fail "$words was allowed: $out" ;;
    *it-was-refused*) return 0 ;;
    *) fail "$words: no answer from the container: $out" ;;
  esac
}

answers() { curl -sf -m 5 http://127.0.0.1:8080/ | grep -q "hello from the box"; }

# The processes of containers, by the address space that no host program has: busybox's own.
container_processes() {
  local pid
  for pid in $(pgrep -f 'httpd -f -p 8000'); do echo "$pid"; done
}

write_app() {
  mkdir -p $app/root/{bin,etc,tmp,www,proc,sys,dev}
  cp /bin/busybox $app/root/bin/
  local applet
  for applet in $(/bin/busybox --list); do [ $applet = busybox ] || ln -sf busybox $app/root/bin/$applet; done
  # Debian 12's static busybox ends with a fault where it looks up an address (glibc loads libraries for that, and the
  # image has none), so what fetches is a program with its libraries.
  local file
  for file in /usr/bin/curl $(ldd /usr/bin/curl | grep -o '/[^ ]*'); do install -D -m 755 "$file" "$app/root$file"; done
  chmod 1777 $app/root/tmp
  echo 'root:x:0:0::/:/bin/sh' >$app/root/etc/passwd
  echo 'root:x:0:' >$app/root/etc/group
  echo 'hello from the box' >$app/root/www/index.html
  tar --owner=0 --group=0 -C $app/root -cf $app/box.tar .
  printf 'FROM scratch\nADD box.tar /\nENV PATH=/bin:/usr/bin\nCMD ["/bin/sh"]\n' >$app/Dockerfile
  cat >$app/managr.toml <<'X'
app = "box"

[images.box]
dockerfile = "Dockerfile"

[services.web]
cpu = 512
memory = 1024
count = 2

[services.web.ingress]
container = "web"
port = 8000
health-check = { path = "/", interval = "5s", timeout = "4s", unhealthy-threshold = 10 }
deregistration-delay = "1s"

[services.web.containers.web]
image = "box"
command = ["httpd", "-f", "-p", "8000", "-h", "/www"]
stop-timeout = "2s"

[services.web.containers.small]
image = "box"
command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"]
memory = 96
essential = false
stop-timeout = "2s"

[stages.local]
X
  rm -rf $app/root
}

# The application runs and answers, whatever the check before left.
ensure_up() {
  [ -e $app/managr.toml ] || write_app
  if managr platform status >/dev/null 2>&1 && answers && [ "$(container_processes | wc -l)" = 2 ]; then return 0; fi
  # An emulated machine beside others can be slower than a start may be; what was started goes on starting.
  local code try
  for try in 1 2 3; do
    code=0
    m up --detach >/tmp/up.out 2>&1 || code=$?
    grep -qE 'did not answer in|already runs on' /tmp/up.out || break
    [ $code = 0 ] || until_true 180 "the platform answers" managr platform status
  done
  [ $code = 0 ] || fail "managr up ended with $code: $(tail -n 15 /tmp/up.out)"
  until_true 90 "the application answers" answers
}

# A machine beside this one, in a network namespace: 192.0.2.1, with a web server; this one is its way to everywhere.
ensure_lan() {
  ip netns list | grep -q '^lan' && return 0
  ip netns add lan
  ip link add lan0 type veth peer name eth0 netns lan
  ip addr add 192.0.2.254/24 dev lan0
  ip link set lan0 up
  ip -n lan link set lo up
  ip -n lan addr add 192.0.2.1/24 dev eth0
  ip -n lan link set eth0 up
  ip -n lan route add default via 192.0.2.254
  mkdir -p /srv/lan
  echo 'hello from the lan' >/srv/lan/index.html
  ip netns exec lan busybox httpd -p 8000 -h /srv/lan
}

# Of the service's own tasks; one that was run beside them answers nothing.
addresses() {
  m ps local --json | python3 -c 'import json, re, sys
for row in json.load(sys.stdin):
    if row["kind"] == "service":
        print(*re.findall(r"\"(10(?:\.[0-9]+){3})\"", json.dumps(row)), sep="\n")' | sort -u
}

# Every way that a task needs; says which are closed.
ways_are_open() {
  local closed="" address
  answers || closed="$closed balancer-to-task"
  inside web curl -sf -m 5 http://192.0.2.1:8000/ 2>&1 | grep -q 'hello from the lan' || closed="$closed out"
  for address in $(addresses); do
    inside web curl -sf -m 5 "http://$address:8000/" 2>&1 | grep -q 'hello from the box' || closed="$closed to-task-$address"
  done
  inside web sh -c 'curl -sf -m 5 $ECS_CONTAINER_METADATA_URI_V4' 2>&1 | grep -q DockerId || closed="$closed metadata"
  echo "closed:$closed"
  [ -z "$closed" ]
}

# An installed unit writes to the journal.
platform_log() {
  cat /var/lib/managr/platform.log 2>/dev/null
  journalctl -u 'managr*' -o cat --no-pager 2>/dev/null
}

# Commands that the platform says an operator must run, each on a line of its own or between backticks.
told_commands() {
  { m status 2>&1; managr platform status 2>&1; platform_log | tail -n 60; } |
    grep -oE '(^[[:space:]]+|`)(iptables|ufw|firewall-cmd|nft|sysctl) [^`]*' | sed 's/^[[:space:]`]*//' | sort -u
}

# With something in the way: either the ways open by themselves, or the platform names a command that opens them.
ways_open_or_a_command_is_told() {
  local end=$((SECONDS + 60)) closed commands
  while :; do
    if closed=$(ways_are_open); then
      echo "every way is open"
      return 0
    fi
    [ $SECONDS -lt $end ] || break
    sleep 1
  done
  commands=$(told_commands)
  [ -n "$commands" ] || { platform_log | grep -v 'opened a session' | tail -n 6 | cut -c1-300; fail "$1: $closed, and no command is told"; }
  echo "$commands" | while read -r line; do sh -c "$line" || echo "\`$line\` failed"; done
  until_true 60 "the told command opens the ways ($commands)" ways_are_open
  echo "opened by the command that was told: $commands"
}
