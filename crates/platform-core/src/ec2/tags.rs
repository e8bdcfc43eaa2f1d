//! Tags of EC2's objects: given when they are made, put on and taken off afterwards, listed over all kinds.

use std::collections::BTreeMap;

use aws_model::{AwsError, Document, Service};
use serde_json::{Value, json};

use super::filter;
use super::kinds::{
    Address, DhcpOptions, Endpoint, Group, GroupRule, InternetGateway, NatGateway, NetworkAcl, RouteTable, Subnet, Vpc,
};
use super::thing::{ObjectKind, all, done, find, invalid, page, refuse_dry_run, structures, texts};
use crate::{Change, Cx, Input, Outcome, World};

/// Reads the tags of a request that makes an object.
///
/// # Errors
/// Tags for another type of object, or more than 50.
pub(super) fn given<K: ObjectKind>(input: &Input) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for specification in structures(input, "TagSpecifications") {
        let of = specification.get("ResourceType").and_then(Value::as_str).unwrap_or_default();
        if of != K::TYPE {
            return Err(invalid(format!(
                "'{of}' is not a valid taggable resource type for this operation, '{}' is",
                K::TYPE
            )));
        }
        tags.extend(read(specification)?);
    }
    check(&tags)?;
    Ok(tags)
}

fn read(from: &Document) -> Result<Vec<(String, String)>, AwsError> {
    let mut tags = Vec::new();
    for tag in structures(from, "Tags") {
        let text = |member: &str| tag.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (key, value) = (text("Key"), text("Value"));
        aws_model::tags::refuse(Service::Ec2, [(key.as_str(), value.as_str())])?;
        tags.push((key, value));
    }
    Ok(tags)
}

fn check(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    Ok(aws_model::tags::refuse_many(Service::Ec2, tags.len())?)
}

/// What is done with the tags of one object.
type Retag<'a> = &'a dyn Fn(&mut BTreeMap<String, String>) -> Result<(), AwsError>;

fn retag<K: ObjectKind>(world: &World, cx: &Cx<'_>, id: &str, change: Retag<'_>) -> Result<Change, AwsError> {
    let mut thing = find::<K>(world, cx, id)?;
    change(&mut thing.tags)?;
    Ok(Change::put(&thing))
}

/// Carries a change out at each object that is named: their ids say of which kind they are.
fn each(world: &World, cx: &Cx<'_>, input: &Input, change: Retag<'_>) -> Result<Vec<Change>, AwsError> {
    let one = |id: &str| {
        let prefix = id.rfind('-').map_or("", |end| &id[..=end]);
        match prefix {
            "vpc-" => retag::<Vpc>(world, cx, id, change),
            "subnet-" => retag::<Subnet>(world, cx, id, change),
            "sg-" => retag::<Group>(world, cx, id, change),
            "sgr-" => retag::<GroupRule>(world, cx, id, change),
            "igw-" => retag::<InternetGateway>(world, cx, id, change),
            "nat-" => retag::<NatGateway>(world, cx, id, change),
            "eipalloc-" => retag::<Address>(world, cx, id, change),
            "rtb-" => retag::<RouteTable>(world, cx, id, change),
            "vpce-" => retag::<Endpoint>(world, cx, id, change),
            "acl-" => retag::<NetworkAcl>(world, cx, id, change),
            "dopt-" => retag::<DhcpOptions>(world, cx, id, change),
            _ => Err(AwsError::new("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    };
    texts(input, "Resources").into_iter().map(one).collect()
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let new = read(&input)?;
    let change = |tags: &mut BTreeMap<String, String>| {
        tags.extend(new.iter().cloned());
        check(tags)
    };
    Ok(done(Value::Null, each(world, cx, &input, &change)?))
}

/// A tag with a value is taken off only where it has this value; without tags all are (API reference).
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let named = structures(&input, "Tags");
    let change = |tags: &mut BTreeMap<String, String>| {
        if named.is_empty() {
            tags.clear();
        }
        for tag in &named {
            let key = tag.get("Key").and_then(Value::as_str).unwrap_or_default();
            let value = tag.get("Value").and_then(Value::as_str);
            if value.is_none_or(|value| tags.get(key).is_some_and(|known| known == value)) {
                tags.remove(key);
            }
        }
        Ok(())
    };
    Ok(done(Value::Null, each(world, cx, &input, &change)?))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    const FILTERS: [(&str, &str); 4] =
        [("key", "Key"), ("resource-id", "ResourceId"), ("resource-type", "ResourceType"), ("value", "Value")];
    fn of<K: ObjectKind>(world: &World, cx: &Cx<'_>, rows: &mut Vec<(String, Value)>) {
        for thing in all::<K>(world, cx) {
            rows.extend(thing.tags.iter().map(|(key, value)| {
                let row = json!({"Key": key, "ResourceId": thing.id, "ResourceType": K::TYPE, "Value": value});
                (format!("{}/{}", thing.id, key.replace(char::is_whitespace, "_")), row)
            }));
        }
    }
    let mut rows = Vec::new();
    of::<Vpc>(world, cx, &mut rows);
    of::<Subnet>(world, cx, &mut rows);
    of::<Group>(world, cx, &mut rows);
    of::<GroupRule>(world, cx, &mut rows);
    of::<InternetGateway>(world, cx, &mut rows);
    of::<NatGateway>(world, cx, &mut rows);
    of::<Address>(world, cx, &mut rows);
    of::<RouteTable>(world, cx, &mut rows);
    of::<Endpoint>(world, cx, &mut rows);
    of::<NetworkAcl>(world, cx, &mut rows);
    of::<DhcpOptions>(world, cx, &mut rows);
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let filters = filter::read(input, &FILTERS)?;
    rows.retain(|(_, row)| {
        let tag = BTreeMap::from([(
            row["Key"].as_str().unwrap_or_default().to_owned(),
            row["Value"].as_str().unwrap_or_default().to_owned(),
        )]);
        filter::matches(&filters, row, &tag)
    });
    Ok(page(input, "Tags", rows))
}
