//! Permissions as requests write them (`IpPermissions`), and rules as they are kept: one for each peer.

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::thing::{invalid, structures, text};
use crate::{Cx, Input};

/// The peers of a permission: the list that has them, the member that names one, and the rule's member for it.
const PEERS: [(&str, &str, &str); 3] = [
    ("IpRanges", "CidrIp", "CidrIpv4"),
    ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId", "PrefixListId"),
];

/// Reads the permissions of a request as rules without an id.
///
/// # Errors
/// What no rule can be: ports without a protocol, no peer.
pub(super) fn rules(cx: &Cx<'_>, input: &Input, group: &str, is_egress: bool) -> Result<Vec<Document>, AwsError> {
    let mut permissions: Vec<Document> = structures(input, "IpPermissions").into_iter().cloned().collect();
    // The older form has one permission in the request itself.
    if permissions.is_empty() && input.contains_key("IpProtocol") {
        let mut permission = Document::new();
        for member in ["IpProtocol", "FromPort", "ToPort"] {
            permission.extend(input.get(member).map(|value| (member.to_owned(), value.clone())));
        }
        if let Some(block) = text(input, "CidrIp") {
            permission.insert("IpRanges".into(), json!([{"CidrIp": block}]));
        }
        if let Some(source) = text(input, "SourceSecurityGroupName") {
            permission.insert("UserIdGroupPairs".into(), json!([{"GroupName": source}]));
        }
        permissions.push(permission);
    }
    if permissions.is_empty() {
        return Err(AwsError::new(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        ));
    }
    let mut rules = Vec::new();
    for permission in &permissions {
        let head = head(permission)?;
        let before = rules.len();
        let with = |peer: &Document, member: &str, value: Value| {
            let mut rule = head.clone();
            rule.insert("GroupId".into(), json!(group));
            rule.insert("GroupOwnerId".into(), json!(cx.account));
            rule.insert("IsEgress".into(), json!(is_egress));
            rule.insert(member.to_owned(), value);
            rule.extend(text(peer, "Description").map(|words| ("Description".to_owned(), json!(words))));
            rule
        };
        for (list, named, kept) in PEERS {
            for peer in structures(permission, list) {
                let value = text(peer, named).ok_or_else(|| invalid(format!("{named} must be given in {list}")))?;
                if named == "CidrIp" && super::cidr::Cidr::parse(value).is_none() {
                    return Err(invalid(format!("CIDR block {value} is malformed")));
                }
                rules.push(with(peer, kept, json!(value)));
            }
        }
        for pair in structures(permission, "UserIdGroupPairs") {
            let id = text(pair, "GroupId").ok_or_else(|| {
                AwsError::new("MissingParameter", "You may not specify security groups by name in a VPC: use GroupId")
            })?;
            let owner = text(pair, "UserId").unwrap_or(cx.account);
            rules.push(with(pair, "ReferencedGroupInfo", json!({"GroupId": id, "UserId": owner})));
        }
        if rules.len() == before {
            return Err(invalid("A permission must have at least one range, prefix list or group"));
        }
    }
    Ok(rules)
}

/// Reads protocol and ports.
fn head(permission: &Document) -> Result<Document, AwsError> {
    let protocol = text(permission, "IpProtocol")
        .ok_or_else(|| AwsError::new("MissingParameter", "The request must contain the parameter ipProtocol"))?;
    // EC2 answers names for the protocols that have one (AuthorizeSecurityGroupIngress API reference).
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        "all" => "-1".to_owned(),
        other => other.to_owned(),
    };
    let is_number = protocol.parse::<i16>().is_ok_and(|number| (-1..=255).contains(&number));
    if !is_number && !["tcp", "udp", "icmp", "icmpv6"].contains(&protocol.as_str()) {
        return Err(invalid(format!("Invalid value '{protocol}' for IP protocol. Unknown protocol.")));
    }
    let port = |member: &str| permission.get(member).and_then(Value::as_i64);
    let (from, to) = (port("FromPort"), port("ToPort"));
    let (from, to) = match protocol.as_str() {
        "tcp" | "udp" => {
            let (Some(from), Some(to)) = (from, to) else {
                return Err(invalid(
                    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
                ));
            };
            if !(0..=65_535).contains(&from) || !(0..=65_535).contains(&to) || from > to {
                return Err(invalid(format!(
                    "Invalid value '{from}-{to}' for portRange. Must be between 0 and 65535, and the first not above the last."
                )));
            }
            (from, to)
        }
        // Type and code; -1 is all of them.
        "icmp" | "icmpv6" => (from.unwrap_or(-1), to.unwrap_or(-1)),
        // Other protocols have no ports: whatever is given, all are meant (API reference).
        _ => (-1, -1),
    };
    Ok(Document::from_iter([
        ("IpProtocol".to_owned(), json!(protocol)),
        ("FromPort".to_owned(), json!(from)),
        ("ToPort".to_owned(), json!(to)),
    ]))
}

/// Whether two rules let the same pass, whatever they are described by.
pub(super) fn is_same(a: &Document, b: &Document) -> bool {
    let members = ["IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId"];
    let group = |rule: &Document| rule.get("ReferencedGroupInfo").and_then(|info| info.get("GroupId")).cloned();
    members.iter().all(|member| a.get(*member) == b.get(*member)) && group(a) == group(b)
}

/// Returns what a rule is called in a message.
pub(super) fn words(rule: &Document) -> String {
    let text = |member: &str| rule.get(member).and_then(Value::as_str);
    let group = || rule.get("ReferencedGroupInfo")?.get("GroupId")?.as_str();
    let peer = text("CidrIpv4").or(text("CidrIpv6")).or(text("PrefixListId")).or_else(group).unwrap_or_default();
    let protocol = text("IpProtocol").unwrap_or_default();
    let ports = match protocol {
        "-1" => String::new(),
        _ => format!(", from port: {}, to port: {}", rule["FromPort"], rule["ToPort"]),
    };
    let protocol = if protocol == "-1" { "ALL".to_owned() } else { protocol.to_ascii_uppercase() };
    format!("peer: {peer}, {protocol}{ports}, ALLOW")
}

/// Gathers rules into permissions: one for each protocol and range of ports.
pub(super) fn gathered<'r>(rules: impl Iterator<Item = &'r Document>) -> Value {
    let mut permissions: Vec<Value> = Vec::new();
    for rule in rules {
        let at = permissions.iter().position(|permission| {
            let all = permission["IpProtocol"] == json!("-1");
            permission["IpProtocol"] == rule["IpProtocol"]
                && (all || permission["FromPort"] == rule["FromPort"] && permission["ToPort"] == rule["ToPort"])
        });
        let at = at.unwrap_or_else(|| {
            let mut permission = json!({
                "IpProtocol": rule["IpProtocol"], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [],
                "UserIdGroupPairs": [],
            });
            if rule["IpProtocol"] != json!("-1") {
                permission["FromPort"] = rule["FromPort"].clone();
                permission["ToPort"] = rule["ToPort"].clone();
            }
            permissions.push(permission);
            permissions.len() - 1
        });
        let described = |mut peer: Value| {
            if let Some(words) = rule.get("Description") {
                peer["Description"] = words.clone();
            }
            peer
        };
        let (list, peer) = match PEERS.iter().find(|(_, _, kept)| rule.contains_key(*kept)) {
            Some((list, named, kept)) => (*list, json!({*named: rule[*kept]})),
            None => ("UserIdGroupPairs", rule.get("ReferencedGroupInfo").cloned().unwrap_or_default()),
        };
        if let Some(peers) = permissions[at][list].as_array_mut() {
            peers.push(described(peer));
        }
    }
    Value::Array(permissions)
}
