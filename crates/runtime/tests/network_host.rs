//! What tasks, this host and its neighbours may do to each other. Each test has
//! a network namespace of its own for a host.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/netns.rs"]
mod netns;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use netns::{Neighbour, ip, isolated, nft, within};
use runtime::{Redirect, Transport};
use support::{config, host_of};

const SERVE: &str = "echo up; while :; do echo hello | nc -l -p 8000; done";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
const MOMENT: Duration = Duration::from_millis(700);

/// Fetches what a server says, or why not.
fn fetch(address: (Ipv4Addr, u16)) -> Result<String, String> {
    let address = SocketAddr::from(address);
    let mut stream = TcpStream::connect_timeout(&address, MOMENT).map_err(|error| error.kind().to_string())?;
    let mut text = String::new();
    stream.set_read_timeout(Some(MOMENT)).unwrap();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Tries until it is so, or for five seconds.
fn eventually<T: PartialEq + std::fmt::Debug>(expected: &T, mut look: impl FnMut() -> T) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let seen = look();
        if &seen == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{seen:?} instead of {expected:?}");
        std::thread::yield_now();
    }
}

fn hello() -> Result<String, String> {
    Ok("hello\n".to_owned())
}

/// Serves `hello` on every address of the calling thread's namespace, from a thread.
fn serve(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"hello\n");
        }
    });
    port
}

#[test]
fn a_task_reaches_no_port_of_the_host_but_those_that_are_open_to_it() {
    testhost::needs_root!();
    isolated(|| async {
        let neighbour = Neighbour::new("lan0", "198.51.100");
        let (closed, open, redirected) = (serve("0.0.0.0"), serve("0.0.0.0"), serve("0.0.0.0"));
        let there = neighbour.within(|| serve("0.0.0.0"));
        let mut settings = config(70);
        let asked = "169.254.170.2:80".parse().unwrap();
        settings.redirects = vec![Redirect { transport: Transport::Tcp, asked, port: redirected }];
        settings.open_ports = vec![open];
        let gateway = settings.gateway();
        let mut host = host_of(settings).await;
        host.task("t").await;
        // An address with no host stays silent for `-w 2`; a refusal arrives at once.
        let script = format!(
            "say() {{ echo $1 $(nc -w 2 $2 $3 </dev/null 2>&1); }}
             say gateway {gateway} {closed}; say other 198.51.100.1 {closed}; say open {gateway} {open}
             say redirected 169.254.170.2 80; say world 198.51.100.2 {there}; ping -c 1 -q {gateway} >/dev/null && echo ping
             test -e /proc/net/if_inet6 && cut -d' ' -f6- /proc/net/if_inet6"
        );
        let begun = Instant::now();
        let (_, output) = host.run(host.script("c", &script)).await;
        let lines: Vec<&str> = output.lines().map(str::trim).collect();
        let refused = |name: &str| lines.iter().any(|line| line.starts_with(name) && !line.contains("hello"));
        assert!(refused("gateway") && refused("other"), "{output}");
        for good in ["open hello", "redirected hello", "world hello", "ping", "lo"] {
            assert!(lines.contains(&good), "{good}: {output}");
        }
        assert!(!lines.contains(&"eth0"), "a task has IPv6, beside the rules: {output}");
        assert!(begun.elapsed() < Duration::from_secs(3), "a refusal is told at once, not by a time-out");
        host.finish().await;
    });
}

#[test]
fn neighbours_of_the_host_reach_neither_tasks_nor_each_other_through_it() {
    testhost::needs_root!();
    isolated(|| async {
        let lan = Neighbour::new("lan0", "198.51.100");
        let office = Neighbour::new("lan1", "203.0.113");
        office.within(|| ip("addr add 169.254.169.254/32 dev lo"));
        ip("route add 169.254.169.254 via 203.0.113.2");
        let port = office.within(|| serve("0.0.0.0"));
        fs::write(FORWARDING, "0").unwrap();
        let host = host_of(config(71)).await;
        let network = host.task("t").await;
        host.start(host.script("server", SERVE)).await;
        eventually(&hello(), || fetch((network.address, 8000)));
        let refused = |answer: Result<String, String>| assert!(answer.is_err(), "{answer:?}");
        let address = network.address;
        refused(lan.within(move || fetch((address, 8000))));
        let (gateway, listening) = (network.gateway, serve("0.0.0.0"));
        assert_eq!(fetch((gateway, listening)), hello(), "this host itself asks at the gateway's address");
        refused(lan.within(move || fetch((gateway, listening))));
        refused(lan.within(move || fetch((Ipv4Addr::new(203, 0, 113, 2), port))));
        // Out goes what a task asks, and the answers come in; the cloud's credentials of this host do not.
        let script = format!("nc -w 2 203.0.113.2 {port} </dev/null; nc -w 2 169.254.169.254 {port} </dev/null; true");
        let mut host = host;
        let (_, output) = host.run(host.script("out", &script)).await;
        assert_eq!(output.matches("hello").count(), 1, "{output}");
        host.finish().await;
        assert_eq!(fs::read_to_string(FORWARDING).unwrap().trim(), "0", "as it was found");
    });
}

#[test]
fn a_router_goes_on_to_be_one() {
    testhost::needs_root!();
    isolated(|| async {
        let lan = Neighbour::new("lan0", "198.51.100");
        let office = Neighbour::new("lan1", "203.0.113");
        let port = office.within(|| serve("0.0.0.0"));
        fs::write(FORWARDING, "1").unwrap();
        let host = host_of(config(72)).await;
        host.task("t").await;
        eventually(&hello(), || lan.within(move || fetch((Ipv4Addr::new(203, 0, 113, 2), port))));
        host.finish().await;
        assert_eq!(fs::read_to_string(FORWARDING).unwrap().trim(), "1");
    });
}

#[test]
fn forwarding_stays_on_for_a_second_platform_and_for_links_that_came_later() {
    testhost::needs_root!();
    isolated(|| async {
        fs::write(FORWARDING, "0").unwrap();
        let first = host_of(config(73)).await;
        let second = host_of(config(74)).await;
        first.finish().await;
        assert_eq!(fs::read_to_string(FORWARDING).unwrap().trim(), "1", "the second needs it");
        ip("link add docker0 type bridge");
        second.finish().await;
        assert_eq!(fs::read_to_string(FORWARDING).unwrap().trim(), "1", "docker0 may rely on it");
    });
}

/// What a program with CAP_NET_RAW can do in a task: say on the bridge that it has the victim's
/// address, and the victim's hardware address, and look who believes it; send as the victim.
const ATTACK: &str = r#"
import socket, struct, sys, threading, time
me, victim, gateway, port = sys.argv[1:5]
mac = lambda ip: b'\x0a\x58' + socket.inet_aton(ip)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(('eth0', 0))
wire.settimeout(0.05)
def arp(to, operation, hardware, address, target):
    return (to + hardware + b'\x08\x06' + struct.pack('!HHBBH', 1, 0x800, 6, 4, operation)
            + hardware + socket.inet_aton(address) + mac(target) + socket.inet_aton(target))
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def datagram(source, text):
    udp = struct.pack('!HHHH', 4000, int(port), 8 + len(text), 0) + text
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(gateway))
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    return mac(gateway) + mac(source) + b'\x08\x00' + head + udp
end = time.time() + 3
print('begun', flush=True)
stolen = 0
def lie():
    while time.time() < end:
        for other in sys.argv[5:]:
            for operation in (1, 2):
                wire.send(arp(mac(other), operation, mac(me), victim, other))
                wire.send(arp(b'\xff' * 6, operation, mac(me), victim, other))
        wire.send(arp(mac(gateway), 2, mac(victim), victim, gateway))
        wire.send(datagram(victim, b'forged'))
        wire.send(datagram(me, b'honest'))
        time.sleep(0.005)
threading.Thread(target=lie).start()
while time.time() < end:
    try: frame = wire.recv(2000)
    except OSError: continue
    if frame[12:14] == b'\x08\x00' and frame[30:34] == socket.inet_aton(victim) and frame[23] == 6: stolen += 1
print('stolen', stolen)
"#;

#[test]
fn a_task_cannot_pass_for_another_one() {
    testhost::needs_root!();
    isolated(|| async {
        let listener = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut settings = config(75);
        let asked = "169.254.170.2:80".parse().unwrap();
        settings.redirects = vec![Redirect { transport: Transport::Udp, asked, port }];
        let gateway = settings.gateway();
        let mut host = host_of(settings).await;
        let victim = host.task("t").await.address;
        host.start(host.script("server", SERVE)).await;
        host.wait_for_output("server", "up").await;
        let (attacker, other) = (host.task("attacker").await.address, host.task("other").await.address);
        let idle = host.script("c", "sleep 60");
        let pid = host.runtime.ensure_started("attacker", idle).await.unwrap().pid;
        // The other one asks for the victim again and again: each time it has to find it.
        let script = format!("while :; do nc -w 1 {victim} 8000 </dev/null >>/tmp/heard 2>&1; sleep 0.02; done");
        let asker = host.runtime.ensure_started("other", host.script("c", &script)).await.unwrap().pid;

        let [me, them, at, by] = [attacker, victim, gateway, other].map(|address| address.to_string());
        let namespace = format!("/proc/{pid}/ns/net");
        let mut attack = within(&namespace, &["python3", "-c", ATTACK, &me, &them, &at, &port.to_string(), &at, &by]);
        let mut said = std::io::BufReader::new(attack.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        assert_eq!(line, "begun\n");
        let (mut reached, mut failed) = (0, 0);
        while attack.try_wait().unwrap().is_none() {
            match fetch((victim, 8000)) {
                Ok(text) if text == "hello\n" => reached += 1,
                // The server listens for one connection at a time, and may not listen yet.
                Err(error) if error == "connection refused" || error.contains("reset") => {}
                _ => failed += 1,
            }
        }
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "stolen 0\n", "what others send to a task went to the attacker");
        assert!(reached > 3 && failed == 0, "{reached} reached, {failed} failed");

        let neighbours = within(&format!("/proc/{asker}/ns/net"), &["ip", "neigh"]).wait_with_output().unwrap();
        let neighbours = String::from_utf8(neighbours.stdout).unwrap();
        let hardware = |ip: Ipv4Addr| format!("0a:58:{}", ip.octets().map(|byte| format!("{byte:02x}")).join(":"));
        let line = neighbours.lines().find(|line| line.starts_with(&format!("{victim} "))).unwrap_or_default();
        assert!(line.contains(&hardware(victim)), "{neighbours}");

        listener.set_nonblocking(true).unwrap();
        let (mut honest, mut buffer) = (0, [0; 100]);
        while let Ok((count, from)) = listener.recv_from(&mut buffer) {
            assert_eq!((&buffer[..count], from.ip()), (&b"honest"[..], attacker.into()), "sent as the victim");
            honest += 1;
        }
        assert!(honest > 0, "the attacker's own datagrams arrive");
        host.finish().await;
    });
}

#[test]
fn a_table_that_somebody_flushed_is_there_again_at_once() {
    testhost::needs_root!();
    isolated(|| async {
        let port = serve("0.0.0.0");
        let closed = serve("0.0.0.0");
        let mut settings = config(76);
        let asked = "169.254.170.2:80".parse().unwrap();
        settings.redirects = vec![Redirect { transport: Transport::Tcp, asked, port }];
        let gateway = settings.gateway();
        let mut host = host_of(settings).await;
        host.task("t").await;
        nft("flush ruleset"); // as `systemctl restart nftables` does on Debian
        let script = format!(
            "until nc -w 1 169.254.170.2 80 </dev/null 2>/dev/null; do sleep 0.1; done; nc -w 2 {gateway} {closed} </dev/null"
        );
        let begun = Instant::now();
        let (code, output) = host.run(host.script("c", &script)).await;
        assert_eq!((code, output.lines().next()), (1, Some("hello")), "{output}");
        assert_eq!(output.matches("hello").count(), 1, "the host is closed again: {output}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // A task that is made while the tables are gone has its port in them nevertheless.
        nft("flush ruleset");
        host.task("later").await;
        let script = "until nc -w 1 169.254.170.2 80 </dev/null; do sleep 0.1; done";
        host.runtime.ensure_started("later", host.script("c", script)).await.unwrap();
        assert_eq!(host.exit("later", "c").await.code, 0);
        // One chain lost is as bad as all.
        nft("delete chain bridge managr_mgtest76 prerouting");
        eventually(&true, || {
            let listed =
                std::process::Command::new("nft").args(["list", "table", "bridge", "managr_mgtest76"]).output();
            String::from_utf8_lossy(&listed.unwrap().stdout).contains("jump port")
        });
        host.finish().await;
    });
}

#[test]
fn a_bridge_of_somebody_else_is_neither_used_nor_removed() {
    testhost::needs_root!();
    isolated(|| async {
        ip("link add mgtest77 type bridge");
        let open = || async {
            let settings = config(77);
            fs::create_dir_all(&settings.state_dir).unwrap();
            let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
            match runtime::Runtime::open(settings, events).await {
                Ok(_) => panic!("it was taken over"),
                Err(error) => std::error::Error::source(&error).unwrap().to_string(),
            }
        };
        assert!(open().await.contains("not of managr's making"));
        runtime::purge_debris(&config(77)).await.unwrap();
        ip("link show mgtest77");
        ip("link del mgtest77");
        // Another platform's: the same name, another data directory.
        let mut other = config(78);
        other.bridge = "mgtest77".to_owned();
        let other = host_of(other).await;
        assert!(open().await.contains("another platform"));
        runtime::purge_debris(&config(77)).await.unwrap();
        other.task("t").await;
        ip("link show mgtest77");
        other.finish().await;
        fs::remove_dir_all(config(77).state_dir).unwrap();
    });
}

/// A host whose platform answers what tasks ask, with a way out.
async fn whole_host(number: u8) -> (support::Host, Neighbour) {
    let neighbour = Neighbour::new("lan0", "198.51.100");
    ip("route add default via 198.51.100.2");
    let metadata = serve("0.0.0.0");
    let names = UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut settings = config(number);
    settings.redirects = vec![
        Redirect { transport: Transport::Tcp, asked: "169.254.170.2:80".parse().unwrap(), port: metadata },
        Redirect {
            transport: Transport::Udp,
            asked: std::net::SocketAddrV4::new(settings.gateway(), 53),
            port: names.local_addr().unwrap().port(),
        },
    ];
    std::thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((count, from)) = names.recv_from(&mut buffer) {
            let _ = names.send_to(&buffer[..count], from);
        }
    });
    (host_of(settings).await, neighbour)
}

/// Runs the commands that the check advised, as an operator would by hand.
fn obey(examined: &runtime::Examined) {
    for command in examined.obstacles.iter().flat_map(|obstacle| &obstacle.remedy) {
        let done = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
        assert!(done.success(), "{command}");
    }
}

#[test]
fn what_is_in_the_way_is_found_and_the_commands_that_are_told_make_way() {
    testhost::needs_root!();
    isolated(|| async {
        let (host, _lan) = whole_host(79).await;
        let find = async || host.runtime.examine_network().await.unwrap();
        let told = |examined: &runtime::Examined| {
            let words: Vec<String> =
                examined.obstacles.iter().map(|obstacle| format!("{}: {}", obstacle.what, obstacle.suffers)).collect();
            words.join("\n")
        };
        let free = find().await;
        assert_eq!((told(&free).as_str(), free.mended.len()), ("", 0));
        assert!(host.runtime.is_unchanged(&free).await);
        host.task("t").await;
        assert!(host.runtime.is_unchanged(&free).await, "a task is no change");

        nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }");
        assert!(!host.runtime.is_unchanged(&free).await);
        let examined = find().await;
        let said = told(&examined);
        assert!(said.contains("chain forward of table inet filter") && said.contains("no way out"), "{said}");
        obey(&examined);
        assert_eq!(told(&find().await), "");

        nft(
            "table inet filter { chain input { type filter hook input priority 0; ct state established accept; reject; }; }",
        );
        let examined = find().await;
        let said = told(&examined);
        assert!(said.contains("tasks do not reach the metadata endpoint and names (DNS)"), "{said}");
        obey(&examined);
        assert_eq!(told(&find().await), "");
        nft("delete table inet filter");

        for rule in ["-P FORWARD DROP", "-P INPUT DROP"] {
            assert!(std::process::Command::new("iptables").args(rule.split(' ')).status().unwrap().success());
        }
        let examined = find().await;
        let said = told(&examined);
        assert!(said.contains("chain FORWARD of iptables") && said.contains("chain INPUT of iptables"), "{said}");
        obey(&examined);
        assert_eq!(told(&find().await), "");
        assert_eq!(support::ports(&host.config).len(), 0, "no probe is left");
        host.finish().await;
    });
}

#[test]
fn way_is_made_through_dockers_chain_and_taken_back_by_a_purge() {
    testhost::needs_root!();
    isolated(|| async {
        let (host, _lan) = whole_host(80).await;
        let iptables = |rule: &str| {
            let done = std::process::Command::new("iptables").args(rule.split(' ')).output().unwrap();
            assert!(done.status.success(), "{rule}: {}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        // As dockerd leaves it (docs.docker.com, "Packet filtering and firewalls").
        for rule in ["-P FORWARD DROP", "-N DOCKER-USER", "-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER"] {
            iptables(rule);
        }
        let examined = host.runtime.examine_network().await.unwrap();
        assert_eq!(examined.obstacles, []);
        assert!(examined.mended[0].what.contains("Docker"), "{:?}", examined.mended);
        assert_eq!(iptables("-S DOCKER-USER").matches("mgtest80").count(), 2);
        let again = host.runtime.examine_network().await.unwrap();
        assert_eq!((again.obstacles.len(), again.mended.len()), (0, 0));
        host.finish().await;
        assert_eq!(iptables("-S DOCKER-USER"), "-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n");
    });
}
