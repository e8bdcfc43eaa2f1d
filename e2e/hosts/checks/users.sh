ensure_up
token=$(find /var/lib/managr /run/managr -type f -readable -perm /077 2>/dev/null | xargs -r grep -lE 'BEGIN|token|secret' 2>/dev/null | head)
as_alice() { runuser -u alice -- "$@"; }
# A clean refusal: alice's program runs, and what it says is about who she is.
for words in "ps local" "connect local web --any -T -- id"; do
  out=$(cd / && as_alice managr --color never --file /tmp/alice/managr.toml $words 2>&1 </dev/null)
  code=$?
  [ $code != 0 ] || fail "alice may \`managr $words\`: $out"
done
code=$(as_alice curl -s -o /tmp/alice.out -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:ecs --user any:any -X POST http://127.0.0.1:4566/ \
  -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters' -d '{}')
case $code in
  200) fail "alice may ask root's platform for its clusters" ;;
  000 | 4??) ;;
  *) fail "alice is answered $code" ;;
esac
code=$(as_alice curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:4566/v2/_catalog)
[ "$code" != 200 ] || fail "alice may list root's images"
as_alice ls /var/lib/managr >/dev/null 2>&1 && fail "alice may list the data directory"
m ps local >/dev/null || fail "root is refused as well"
answers || fail "the application itself is for everybody, and does not answer"
echo "another user is refused ($code), root is not; the application answers both"
