//! Security groups and their rules. They are described and not applied: see [`super`].

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::defaults::{self, AccountRegion};
use super::interfaces;
use super::kinds::{Group, GroupRule, Vpc};
use super::permissions::{gathered, is_same, rules, words};
use super::tags::given;
use super::thing::{
    Thing, all, describe as describe_things, done, find, fresh, invalid, missing, needed, refuse_dry_run, remove,
    structures, tag_list, text, texts, yes,
};
use crate::{Change, Cx, Input, Outcome, World};

/// Rules of a group in one direction (VPC guide, "Amazon VPC quotas").
const MOST: usize = 60;

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let (name, description) = (needed(&input, "GroupName")?, needed(&input, "Description")?);
    let place = AccountRegion { region: cx.region, account: cx.account };
    let default = place.vpc();
    let vpc = find::<Vpc>(world, cx, text(&input, "VpcId").unwrap_or(&default))?;
    // API reference: up to 255 characters of these.
    let is_fit = |text: &str| {
        text.chars().count() <= 255
            && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c))
    };
    if !is_fit(name) || name.starts_with("sg-") {
        return Err(invalid(format!(
            "Invalid security group name '{name}'. Names are up to 255 characters of a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{{}}!$*, and do not start with sg-"
        )));
    }
    if !is_fit(description) {
        let words = "Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";
        return Err(invalid(words));
    }
    let is_taken = |group: &Thing<Group>| group.text("VpcId") == vpc.id && group.text("GroupName") == name;
    if all::<Group>(world, cx).iter().any(is_taken) {
        let words = format!("The security group '{name}' already exists for VPC '{}'", vpc.id);
        return Err(AwsError::new("InvalidGroup.Duplicate", words));
    }
    let tags = given::<Group>(&input)?;
    let (id, rule) = (fresh::<Group>(cx), fresh::<GroupRule>(cx));
    let place = AccountRegion { region: cx.region, account: cx.account };
    let mut group =
        Thing::<Group>::new(cx.region, id.clone(), defaults::group(&place, &id, &vpc.id, name, description));
    group.tags = tags;
    let out = defaults::with_arn(&place, &rule, defaults::to_everywhere(&place, &id));
    let reply =
        json!({"GroupId": id, "SecurityGroupArn": group.text("SecurityGroupArn"), "Tags": tag_list(&group.tags)});
    Ok(done(reply, vec![Change::put(&group), Change::put(&Thing::<GroupRule>::new(cx.region, rule, out))]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let rules = all::<GroupRule>(world, cx);
    let mut groups = all::<Group>(world, cx);
    let names = texts(input, "GroupNames");
    if let Some(name) = names.iter().find(|name| !groups.iter().any(|group| group.text("GroupName") == **name)) {
        return Err(missing::<Group>(name));
    }
    groups.retain(|group| names.is_empty() || names.contains(&group.text("GroupName")));
    for group in &mut groups {
        let of = |is_egress: bool| {
            let of_group =
                |rule: &&Thing<GroupRule>| rule.text("GroupId") == group.id && rule.flag("IsEgress") == is_egress;
            gathered(rules.iter().filter(of_group).map(|rule| &rule.body))
        };
        let (ingress, egress) = (of(false), of(true));
        group.body.insert("IpPermissions".into(), ingress);
        group.body.insert("IpPermissionsEgress".into(), egress);
    }
    describe_things(groups, input)
}

pub(super) fn describe_rules(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_things(all::<GroupRule>(world, cx), input)
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let group = named(world, cx, &input)?;
    if group.text("GroupName") == "default" {
        let words = format!("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id);
        return Err(AwsError::new("CannotDelete", words));
    }
    let rules = all::<GroupRule>(world, cx);
    let names = |list: &[Value]| list.iter().any(|one| one["GroupId"] == json!(group.id));
    let is_referred = |rule: &Thing<GroupRule>| {
        rule.text("GroupId") != group.id
            && rule.body.get("ReferencedGroupInfo").is_some_and(|info| info["GroupId"] == json!(group.id))
    };
    if rules.iter().any(is_referred) || interfaces::all(world, cx).iter().any(|one| names(one.list("Groups"))) {
        return Err(AwsError::new("DependencyViolation", format!("resource {} has a dependent object", group.id)));
    }
    let id = group.id.clone();
    let mut changes: Vec<Change> =
        rules.into_iter().filter(|rule| rule.text("GroupId") == id).map(|rule| remove(cx, rule)).collect();
    changes.push(remove(cx, group));
    Ok(done(json!({"Return": true, "GroupId": id}), changes))
}

/// Returns the group that a request names, by id or, in the default VPC, by name.
fn named(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Thing<Group>, AwsError> {
    if let Some(id) = text(input, "GroupId") {
        return find::<Group>(world, cx, id);
    }
    let Some(name) = text(input, "GroupName") else {
        return Err(AwsError::new("MissingParameter", "The request must contain the parameter groupName or groupId"));
    };
    let vpc = AccountRegion { region: cx.region, account: cx.account }.vpc();
    let is_it = |group: &Thing<Group>| group.text("VpcId") == vpc && group.text("GroupName") == name;
    all::<Group>(world, cx).into_iter().find(is_it).ok_or_else(|| missing::<Group>(name))
}

pub(super) fn authorize_ingress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    authorize(world, cx, &input, false)
}

pub(super) fn authorize_egress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    authorize(world, cx, &input, true)
}

/// Adds all rules of a request, or none.
fn authorize(world: &World, cx: &mut Cx<'_>, input: &Input, is_egress: bool) -> Result<Outcome, AwsError> {
    refuse_dry_run(input)?;
    let group = named(world, cx, input)?;
    let tags = given::<GroupRule>(input)?;
    let mut known: Vec<Document> = of_group(world, cx, &group.id).into_iter().map(|rule| rule.body).collect();
    let mut added = Vec::new();
    for rule in rules(cx, input, &group.id, is_egress)? {
        if let Some(peer) = rule.get("ReferencedGroupInfo").and_then(|info| info["GroupId"].as_str()) {
            find::<Group>(world, cx, peer)?;
        }
        if known.iter().any(|known| is_same(known, &rule)) {
            let words = format!("the specified rule \"{}\" already exists", words(&rule));
            return Err(AwsError::new("InvalidPermission.Duplicate", words));
        }
        known.push(rule.clone());
        let id = fresh::<GroupRule>(cx);
        let place = AccountRegion { region: cx.region, account: cx.account };
        let body = defaults::with_arn(&place, &id, Value::Object(rule));
        let mut rule = Thing::<GroupRule>::new(cx.region, id, body);
        rule.tags = tags.clone();
        added.push(rule);
    }
    if known.iter().filter(|rule| rule["IsEgress"] == json!(is_egress)).count() > MOST {
        let words = "The maximum number of rules per security group has been reached.";
        return Err(AwsError::new("RulesPerSecurityGroupLimitExceeded", words));
    }
    let described: Value = added.iter().map(Thing::describe).collect();
    Ok(done(json!({"Return": true, "SecurityGroupRules": described}), added.iter().map(Change::put).collect()))
}

fn of_group(world: &World, cx: &Cx<'_>, group: &str) -> Vec<Thing<GroupRule>> {
    all::<GroupRule>(world, cx).into_iter().filter(|rule| rule.text("GroupId") == group).collect()
}

pub(super) fn revoke_ingress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    revoke(world, cx, &input, false)
}

pub(super) fn revoke_egress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    revoke(world, cx, &input, true)
}

fn revoke(world: &World, cx: &mut Cx<'_>, input: &Input, is_egress: bool) -> Result<Outcome, AwsError> {
    refuse_dry_run(input)?;
    let group = named(world, cx, input)?;
    let known: Vec<Thing<GroupRule>> =
        of_group(world, cx, &group.id).into_iter().filter(|rule| rule.flag("IsEgress") == is_egress).collect();
    let gone: Vec<Thing<GroupRule>> = match texts(input, "SecurityGroupRuleIds").as_slice() {
        [] => {
            let asked = rules(cx, input, &group.id, is_egress)?;
            let find = |rule: &Document| {
                let is_it = |known: &&Thing<GroupRule>| is_same(&known.body, rule);
                let nothing = || {
                    let words = "The specified rule does not exist in this security group.";
                    AwsError::new("InvalidPermission.NotFound", words)
                };
                known.iter().find(is_it).cloned().ok_or_else(nothing)
            };
            asked.iter().map(find).collect::<Result<_, _>>()?
        }
        ids => {
            let find =
                |id: &&str| known.iter().find(|rule| rule.id == **id).cloned().ok_or_else(|| missing::<GroupRule>(id));
            ids.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    let told = |rule: &Thing<GroupRule>| {
        let mut told = rule.body.clone();
        for member in ["GroupOwnerId", "SecurityGroupRuleArn"] {
            told.remove(member);
        }
        if let Some(info) = told.remove("ReferencedGroupInfo") {
            told.insert("ReferencedGroupId".into(), info["GroupId"].clone());
        }
        told.insert("SecurityGroupRuleId".into(), json!(rule.id));
        Value::Object(told)
    };
    let revoked: Value = gone.iter().map(told).collect();
    let changes = gone.into_iter().map(|rule| remove(cx, rule)).collect();
    Ok(done(json!({"Return": true, "RevokedSecurityGroupRules": revoked}), changes))
}

pub(super) fn describe_ingress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    set_descriptions(world, cx, &input, false)
}

pub(super) fn describe_egress(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    set_descriptions(world, cx, &input, true)
}

/// Gives rules other descriptions; none removes it.
fn set_descriptions(world: &World, cx: &mut Cx<'_>, input: &Input, is_egress: bool) -> Result<Outcome, AwsError> {
    refuse_dry_run(input)?;
    let group = named(world, cx, input)?;
    let known = of_group(world, cx, &group.id);
    let described = |mut rule: Thing<GroupRule>, words: Option<&Value>| {
        match words {
            Some(words) => rule.body.insert("Description".into(), words.clone()),
            None => rule.body.remove("Description"),
        };
        Change::put(&rule)
    };
    let mut changes = Vec::new();
    for wanted in structures(input, "SecurityGroupRuleDescriptions") {
        let id = needed(wanted, "SecurityGroupRuleId")?;
        let rule = known.iter().find(|rule| rule.id == id).cloned().ok_or_else(|| missing::<GroupRule>(id))?;
        changes.push(described(rule, wanted.get("Description")));
    }
    if changes.is_empty() {
        for wanted in rules(cx, input, &group.id, is_egress)? {
            let words = "The specified rule does not exist in this security group.";
            let nothing = || AwsError::new("InvalidPermission.NotFound", words);
            let rule = known.iter().find(|rule| is_same(&rule.body, &wanted)).cloned().ok_or_else(nothing)?;
            changes.push(described(rule, wanted.get("Description")));
        }
    }
    Ok(yes(changes))
}

/// Makes rules into others under the same ids.
pub(super) fn modify_rules(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    refuse_dry_run(&input)?;
    let group = named(world, cx, &input)?;
    let known = of_group(world, cx, &group.id);
    let mut changes = Vec::new();
    for wanted in structures(&input, "SecurityGroupRules") {
        let id = needed(wanted, "SecurityGroupRuleId")?;
        let mut rule = known.iter().find(|rule| rule.id == id).cloned().ok_or_else(|| missing::<GroupRule>(id))?;
        let Some(new) = wanted.get("SecurityGroupRule").and_then(Value::as_object) else { continue };
        let mut permission = Document::new();
        for member in ["IpProtocol", "FromPort", "ToPort"] {
            permission.extend(new.get(member).map(|value| (member.to_owned(), value.clone())));
        }
        let peers = [
            ("CidrIpv4", "IpRanges", "CidrIp"),
            ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
            ("PrefixListId", "PrefixListIds", "PrefixListId"),
            ("ReferencedGroupId", "UserIdGroupPairs", "GroupId"),
        ];
        for (member, list, named) in peers {
            if let Some(value) = text(new, member) {
                let mut peer = json!({named: value});
                if let Some(words) = new.get("Description") {
                    peer["Description"] = words.clone();
                }
                permission.insert(list.to_owned(), json!([peer]));
            }
        }
        let request = Document::from_iter([("IpPermissions".to_owned(), json!([permission]))]);
        let [body] = rules(cx, &request, &group.id, rule.flag("IsEgress"))?.try_into().map_err(|_| {
            AwsError::new("InvalidParameterCombination", "A rule has exactly one range, prefix list or group")
        })?;
        let arn = rule.body.get("SecurityGroupRuleArn").cloned();
        rule.body = body;
        rule.body.extend(arn.map(|arn| ("SecurityGroupRuleArn".to_owned(), arn)));
        changes.push(Change::put(&rule));
    }
    Ok(yes(changes))
}
