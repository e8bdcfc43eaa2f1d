//! What is reported of common firewalls? Their rules were listed on Debian 12 (docker.io 20.10, ufw 0.36, firewalld
//! 1.3) and cut down to the chains at the hooks.

use super::*;

const DOCKER: &str = include_str!("docker.json");
const UFW: &str = include_str!("ufw.json");
const FIREWALLD: &str = include_str!("firewalld.json");
const NOTHING: &str = r#"{"nftables": []}"#;

fn redirects() -> Vec<Redirect> {
    let redirect = |transport, asked: &str, port| Redirect { transport, asked: asked.parse().unwrap(), port };
    vec![
        redirect(Transport::Tcp, "169.254.170.2:80", 7001),
        redirect(Transport::Udp, "10.77.0.1:53", 7002),
        redirect(Transport::Tcp, "10.77.0.1:53", 7002),
    ]
}

/// `blocked` has `out`, `between` and `host`. Returns lines: what, what suffers, then each command.
fn check(rulesets: &[&str], legacy: Option<&str>, blocked: &str, expected: &[&str]) {
    let mut entries = Vec::new();
    for ruleset in rulesets {
        let ruleset: Value = serde_json::from_str(ruleset).unwrap();
        entries.extend(ruleset["nftables"].as_array().unwrap().clone());
    }
    let is = |word: &str| blocked.contains(word);
    let unanswered = if is("host") { redirects() } else { Vec::new() };
    let reach = Reach { out: Some(!is("out")), between: !is("between"), unanswered };
    let found = find(&Facts {
        bridge: "managr0",
        gateway: Ipv4Addr::new(10, 77, 0, 1),
        table: "managr_managr0",
        reach: &reach,
        ruleset: &serde_json::json!({ "nftables": entries }),
        legacy,
        bridge_filtered: true,
    });
    let lines: Vec<String> = found
        .iter()
        .flat_map(|obstacle| {
            let ours = if obstacle.ours.is_some() { " (ours to do)" } else { "" };
            let head = format!("{}: {}{ours}", obstacle.what, obstacle.suffers);
            std::iter::once(head).chain(obstacle.remedy.iter().map(|command| format!("  {command}")))
        })
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn what_gets_through_is_no_matter_whatever_the_rules_look_like() {
    check(&[DOCKER, UFW, FIREWALLD], Some("-P FORWARD DROP"), "", &[]);
}

#[test]
fn docker_is_made_way_through_in_its_own_chain() {
    let expected = [
        "Docker's firewall (chain FORWARD, policy DROP): tasks have no way out of this machine, nor to each other (ours to do)",
        "  iptables -I DOCKER-USER -i managr0 -j ACCEPT",
        "  iptables -I DOCKER-USER -o managr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ];
    check(&[DOCKER], None, "out between", &expected);
    // In one chain with ufw's rules, Docker's come first.
    check(&[DOCKER, UFW], None, "out between", &expected);
    let legacy = "-P INPUT ACCEPT\n-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n";
    check(&[NOTHING], Some(legacy), "out between", &expected);
}

#[test]
fn ufw_is_told_by_its_own_command() {
    check(
        &[UFW],
        None,
        "out host",
        &[
            "ufw: tasks have no way out of this machine; tasks do not reach the metadata endpoint and names (DNS)",
            "  ufw route allow in on managr0",
            "  ufw allow in on managr0 to 10.77.0.1 port 7001 proto tcp",
            "  ufw allow in on managr0 to 10.77.0.1 port 7002 proto udp",
            "  ufw allow in on managr0 to 10.77.0.1 port 7002 proto tcp",
        ],
    );
}

#[test]
fn firewalld_trusts_the_bridge() {
    check(
        &[FIREWALLD],
        None,
        "out",
        &[
            "firewalld: tasks have no way out of this machine (ours to do)",
            "  firewall-cmd --zone=trusted --add-interface=managr0",
            "  firewall-cmd --permanent --zone=trusted --add-interface=managr0",
        ],
    );
}

#[test]
fn each_chain_that_refuses_is_told_by_its_name() {
    let by_hand = r#"{"nftables": [
        {"chain": {"family": "inet", "table": "fw", "name": "fwd", "hook": "forward", "policy": "drop"}},
        {"chain": {"family": "ip", "table": "managr_managr0", "name": "forward", "hook": "forward", "policy": "drop"}},
        {"chain": {"family": "ip6", "table": "six", "name": "fwd", "hook": "forward", "policy": "drop"}},
        {"chain": {"family": "inet", "table": "fw", "name": "in", "hook": "input", "policy": "accept"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [{"match": {}}, {"drop": null}]}}]}"#;
    check(
        &[by_hand],
        None,
        "between",
        &[
            "nftables' chain fwd of table inet fw (add the rules to its file too): tasks do not reach each other (net.bridge.bridge-nf-call-iptables is 1)",
            "  nft insert rule inet fw fwd iifname managr0 accept",
            "  nft insert rule inet fw fwd oifname managr0 ct state established,related accept",
        ],
    );
    check(
        &[NOTHING],
        Some("-P INPUT ACCEPT\n-P FORWARD DROP\n"),
        "out",
        &[
            "chain FORWARD of iptables-legacy: tasks have no way out of this machine",
            "  iptables-legacy -I FORWARD -i managr0 -j ACCEPT",
            "  iptables-legacy -I FORWARD -o managr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        ],
    );
    // A rule with a condition is not what drops everything.
    check(
        &[by_hand],
        None,
        "host",
        &[
            "something that the rules do not show; look with these commands: tasks do not reach the metadata endpoint and names (DNS)",
            "  nft list ruleset",
            "  iptables-legacy -S",
            "  nft monitor trace",
        ],
    );
}
