//! Do the security groups of a database let a stage's tasks in?
//!
//! Only what a database lets in is asked: a group lets out everything unless somebody took that away (VPC user guide,
//! "Security group rules": "By default, a security group includes an outbound rule that allows all outbound traffic").

use std::net::Ipv4Addr;

use aws_model::Document;
use serde_json::Value;

use super::database::number;
use super::service::text;

/// Whether tasks get to a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A rule lets all of them in.
    Open,
    /// No rule does, or none that lets in all of them.
    Closed,
    /// A rule might: it names what was not looked at.
    Unknown(String),
}

/// Returns whether tasks with these groups, in subnets with these address ranges, get to a port behind `groups`, as
/// DescribeSecurityGroups tells them.
pub fn reach(port: u16, groups: &[Document], tasks: &[String], subnets: &[String]) -> Reach {
    let rules = groups.iter().flat_map(|group| list(group, "ipPermissions")).filter(|rule| is_for(rule, port));
    let (mut open, mut unsure) = (Vec::new(), None);
    for rule in rules {
        let of_group = list(rule, "groups").any(|pair| tasks.iter().any(|group| group == text(pair, "groupId")));
        if of_group {
            return Reach::Open;
        }
        open.extend(list(rule, "ipRanges").filter_map(|range| range_of(text(range, "cidrIp"))));
        unsure = unsure.or_else(|| list(rule, "prefixListIds").next().map(|list| text(list, "prefixListId").to_owned()));
    }
    let covered = |subnet: &String| range_of(subnet).is_some_and(|subnet| open.iter().any(|range| covers(*range, subnet)));
    match (subnets.is_empty(), unsure) {
        (false, _) if subnets.iter().all(covered) => Reach::Open,
        (true, _) if open.iter().any(|(_, bits)| *bits == 0) => Reach::Open,
        (_, Some(prefixes)) => Reach::Unknown(format!("a rule lets in the prefix list {prefixes}, which was not read")),
        (true, None) if !open.is_empty() => {
            Reach::Unknown("rules let in ranges of addresses, and the stage names no subnets".to_owned())
        }
        _ => Reach::Closed,
    }
}

fn list<'a>(document: &'a Document, name: &str) -> impl Iterator<Item = &'a Document> + use<'a> {
    document.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// EC2 API reference, IpPermission: protocol `-1` is all protocols and all ports.
fn is_for(rule: &Document, port: u16) -> bool {
    let within = || {
        let (from, to) = (number(rule, "fromPort"), number(rule, "toPort"));
        matches!((from, to), (Some(from), Some(to)) if (from..=to).contains(&u64::from(port)))
    };
    match text(rule, "ipProtocol") {
        "-1" => true,
        "tcp" | "6" => within(),
        _ => false,
    }
}

fn range_of(cidr: &str) -> Option<(u32, u32)> {
    let (address, bits) = cidr.split_once('/')?;
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?;
    Some((u32::from(address.parse::<Ipv4Addr>().ok()?), bits))
}

fn covers((outer, bits): (u32, u32), (inner, inner_bits): (u32, u32)) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    bits <= inner_bits && outer & mask == inner & mask
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(rules: Value, subnets: &[&str], expected: &Reach) {
        let group = json!({ "groupId": "sg-db", "ipPermissions": rules });
        let groups = [group.as_object().unwrap().clone()];
        let subnets: Vec<String> = subnets.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(&reach(5432, &groups, &["sg-app".to_owned()], &subnets), expected, "{rules}");
    }

    #[test]
    fn rules_let_in_by_group_and_by_range() {
        let rule = |more: Value| {
            let mut rule = json!({ "ipProtocol": "tcp", "fromPort": "5432", "toPort": "5432" });
            rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([rule])
        };
        let subnets = ["10.0.1.0/24", "10.0.2.0/24"];
        check(json!([]), &subnets, &Reach::Closed);
        check(rule(json!({ "groups": [{ "groupId": "sg-app" }] })), &[], &Reach::Open);
        check(rule(json!({ "groups": [{ "groupId": "sg-other" }] })), &subnets, &Reach::Closed);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "10.0.0.0/16" }] })), &subnets, &Reach::Open);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "10.0.1.0/24" }] })), &subnets, &Reach::Closed);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "0.0.0.0/0" }] })), &[], &Reach::Open);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "10.0.0.0/8" }], "fromPort": "3306", "toPort": "3306" })), &subnets, &Reach::Closed);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "10.0.0.0/8" }], "ipProtocol": "udp" })), &subnets, &Reach::Closed);
        check(rule(json!({ "ipRanges": [{ "cidrIp": "10.0.0.0/8" }], "ipProtocol": "-1" })), &subnets, &Reach::Open);
        let why = "a rule lets in the prefix list pl-1, which was not read".to_owned();
        check(rule(json!({ "prefixListIds": [{ "prefixListId": "pl-1" }] })), &subnets, &Reach::Unknown(why));
    }
}
