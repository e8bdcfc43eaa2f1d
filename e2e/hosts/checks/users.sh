ensure_up
as_alice() { runuser -u alice -- "$@"; }
rm -rf /tmp/alice && cp -r $app /tmp/alice && chown -R alice: /tmp/alice
# A clean refusal: alice's program runs, and what it says is about who she is.
for words in "ps local" "connect local web --any -T -- id"; do
  out=$(cd / && as_alice managr --color never --file /tmp/alice/managr.toml $words 2>&1 </dev/null)
  code=$?
  [ $code != 0 ] || fail "alice may \`managr $words\`: $out"
  echo "$out" | grep -qiE 'denied|--allow|may use' || fail "\`managr $words\` as alice fails, and not for who she is: $out"
done
code=$(as_alice curl -s -o /tmp/alice.out -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:ecs --user any:any -X POST http://127.0.0.1:4566/ \
  -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters' -d '{}')
[ "$code" = 403 ] || fail "alice, who asks root's platform for its clusters, is answered $code"
code=$(as_alice curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:4566/v2/_catalog)
[ "$code" = 403 ] || fail "alice, who asks for root's images, is answered $code"
as_alice ls /var/lib/managr >/dev/null 2>&1 && fail "alice may list the data directory"
m ps local >/dev/null || fail "root is refused as well"
as_alice curl -sf -m 5 http://127.0.0.1:8080/ | grep -q 'hello from the box' || fail "the application itself is for everybody, and does not answer alice"
echo "another user is refused with 403, root is not; the application answers both"
