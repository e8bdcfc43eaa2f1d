ensure_up
ensure_lan
systemctl start firewalld || fail "firewalld does not start"
said=$(ways_open_or_a_command_is_told firewalld)
code=$?
if [ $code = 0 ]; then
  firewall-cmd -q --reload
  said=$(ways_open_or_a_command_is_told "firewalld, reloaded")
  code=$?
fi
systemctl stop firewalld
[ $code = 0 ] || fail "$said"
echo "with firewalld running and reloaded: ${said##*$'\n'}"
