//! Parameter groups: made, copied, changed, reset, described.

pub(super) mod formula;
pub(super) mod table;

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{self, combination, done, filters, flag, page, text, value};
use super::instance::{Instance, major};
use super::parameter_group::{ParameterGroup, Set};
use super::versions;
use super::work::Kind;
use crate::{Change, Cx, Input, Outcome, World};
use table::Parameter;

/// Returns whether a group is one of RDS's own: it has no values, and is not kept.
pub(super) fn is_default(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("default.")
}

fn missing(name: &str) -> AwsError {
    AwsError::new("DBParameterGroupNotFound", format!("DBParameterGroup not found: {name}"))
}

/// Returns a group that was made.
pub(super) fn own(world: &World, cx: &Cx<'_>, name: &str) -> Result<ParameterGroup, AwsError> {
    world.records.get(cx.region, &name.to_ascii_lowercase()).ok_or_else(|| missing(name))
}

/// Returns a group, made or RDS's own.
fn any(world: &World, cx: &Cx<'_>, name: &str) -> Result<ParameterGroup, AwsError> {
    let small = name.to_ascii_lowercase();
    let Some(family) = small.strip_prefix("default.") else { return own(world, cx, name) };
    major_of(family).map_err(|_| missing(name))?;
    Ok(default_group(cx, family))
}

fn default_group(cx: &Cx<'_>, family: &str) -> ParameterGroup {
    ParameterGroup {
        region: cx.region.to_owned(),
        id: format!("default.{family}"),
        family: family.to_owned(),
        description: format!("Default parameter group for {family}"),
        values: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

/// Returns the family of a group.
pub(super) fn family_of(world: &World, cx: &Cx<'_>, name: &str) -> Result<String, AwsError> {
    any(world, cx, name).map(|group| group.family)
}

fn major_of(family: &str) -> Result<u32, AwsError> {
    let major = family.strip_prefix("postgres").and_then(|major| major.parse().ok());
    let known = major.filter(|major| versions::majors().any(|known| known == *major));
    known.ok_or_else(|| value(format!("ParameterGroupFamily {family} is not a valid parameter group family")))
}

fn show(cx: &Cx<'_>, group: &ParameterGroup) -> Value {
    json!({
        "DBParameterGroupName": group.id,
        "DBParameterGroupFamily": group.family,
        "Description": group.description,
        "DBParameterGroupArn": cx.arn("rds", &format!("pg:{}", group.id)),
    })
}

/// Returns a name for a group that is free.
fn free(world: &World, cx: &Cx<'_>, input: &Input, member: &str) -> Result<String, AwsError> {
    let given = text(input, member).unwrap_or_default();
    // "Must be 1 to 255 letters, numbers, or hyphens. First character must be a letter. Can't end with a hyphen or contain
    // two consecutive hyphens." Dots stand in those of RDS alone.
    let name = input::identifier(input, member, 255)
        .map_err(|_| value(format!("The parameter {member} is not a valid identifier: '{given}'")))?;
    if world.records.get::<ParameterGroup>(cx.region, &name).is_some() {
        let words = format!("Parameter group {name} already exists");
        return Err(AwsError::new("DBParameterGroupAlreadyExists", words));
    }
    Ok(name)
}

/// CreateDBParameterGroup.
pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let id = free(world, cx, &input, "DBParameterGroupName")?;
    let family = text(&input, "DBParameterGroupFamily").unwrap_or_default();
    major_of(family)?;
    let group = ParameterGroup {
        region: cx.region.to_owned(),
        id,
        family: family.to_owned(),
        description: text(&input, "Description").unwrap_or_default().to_owned(),
        values: BTreeMap::new(),
        tags: input::tags(&input)?,
    };
    Ok(done(json!({"DBParameterGroup": show(cx, &group)}), vec![Change::put(&group)]))
}

/// CopyDBParameterGroup.
pub(super) fn copy(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let from = text(&input, "SourceDBParameterGroupIdentifier").unwrap_or_default();
    let source = any(world, cx, from.rsplit(':').next().unwrap_or(from))?;
    let id = free(world, cx, &input, "TargetDBParameterGroupIdentifier")?;
    let description = text(&input, "TargetDBParameterGroupDescription").unwrap_or_default().to_owned();
    let group = ParameterGroup { id, description, tags: input::tags(&input)?, ..source };
    Ok(done(json!({"DBParameterGroup": show(cx, &group)}), vec![Change::put(&group)]))
}

/// DeleteDBParameterGroup.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let name = text(&input, "DBParameterGroupName").unwrap_or_default();
    if is_default(name) {
        let words = format!("Default DBParameterGroup cannot be deleted: {name}");
        return Err(AwsError::new("InvalidDBParameterGroupState", words));
    }
    let group = own(world, cx, name)?;
    if users(world, cx, &group.id).next().is_some() {
        let words =
            "One or more database instances are still members of this parameter group, so the group cannot be deleted";
        return Err(AwsError::new("InvalidDBParameterGroupState", format!("{words}: {}", group.id)));
    }
    Ok(done(json!({}), vec![Change::remove::<ParameterGroup>(cx.region, &group.id)]))
}

fn users<'w>(world: &'w World, cx: &Cx<'_>, id: &str) -> impl Iterator<Item = Instance> + use<'w> {
    let id = id.to_owned();
    world.records.all::<Instance>(cx.region).filter(move |instance| instance.shape.parameter_group == id)
}

/// DescribeDBParameterGroups: RDS's own, which an account has for each family, beside those that were made.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &[])?;
    let mut found = match text(input, "DBParameterGroupName") {
        Some(name) => vec![any(world, cx, name)?],
        None => {
            let defaults = versions::majors().map(|major| default_group(cx, &format!("postgres{major}")));
            defaults.chain(world.records.all::<ParameterGroup>(cx.region)).collect()
        }
    };
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(page(input, "DBParameterGroups", found.iter().map(|group| (group.id.clone(), show(cx, group)))))
}

fn described(parameter: &Parameter, set: Option<&Set>, major: u32) -> Value {
    let mut out = json!({
        "ParameterName": parameter.name,
        "Source": if set.is_some() { "user" } else if default_of(parameter.name, major).is_some() { "system" } else { "engine-default" },
        "ApplyType": if parameter.is_static { "static" } else { "dynamic" },
        "DataType": parameter.kind,
        "IsModifiable": parameter.is_modifiable,
        "ApplyMethod": set.map_or("pending-reboot", |set| set.method.as_str()),
    });
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            out[name] = value.into();
        }
    };
    put("AllowedValues", parameter.allowed);
    if !parameter.unit.is_empty() {
        put("Description", &format!("({})", parameter.unit));
    }
    if let Some(value) = set.map(|set| set.value.as_str()).or_else(|| default_of(parameter.name, major)) {
        put("ParameterValue", value);
    }
    out
}

/// Returns what RDS sets by itself (user guide, "Requiring an SSL connection": 1 from 15 on; "shared_preload_libraries").
fn default_of(name: &str, major: u32) -> Option<&'static str> {
    match name {
        "rds.force_ssl" => Some(if major >= 15 { "1" } else { "0" }),
        "rds.logical_replication" => Some("0"),
        "shared_preload_libraries" => Some("pg_stat_statements"),
        "rds.log_retention_period" => Some("4320"),
        _ => None,
    }
}

fn rows(input: &Input, family: &str, values: &BTreeMap<String, Set>) -> Result<Vec<(String, Value)>, AwsError> {
    let filters = filters(input, &["parameter-name"])?;
    let source = text(input, "Source");
    if let Some(source) = source.filter(|source| !["user", "system", "engine-default"].contains(source)) {
        return Err(value(format!("Unknown source: {source}")));
    }
    let major = major_of(family)?;
    let named = |name: &str| filters.iter().all(|(_, values)| values.contains(&name));
    let all = table::of(major).filter(|parameter| named(parameter.name));
    let all = all.map(|parameter| {
        let shown = described(parameter, values.get(parameter.name), major);
        (parameter.name.to_owned(), shown)
    });
    Ok(all.filter(|(_, shown)| source.is_none_or(|source| shown["Source"] == source)).collect())
}

/// DescribeDBParameters.
pub(super) fn describe_parameters(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = any(world, cx, text(input, "DBParameterGroupName").unwrap_or_default())?;
    Ok(page(input, "Parameters", rows(input, &group.family, &group.values)?))
}

/// DescribeEngineDefaultParameters.
pub(super) fn engine_defaults(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let family = text(input, "DBParameterGroupFamily").unwrap_or_default();
    let mut page = page(input, "Parameters", rows(input, family, &BTreeMap::new())?);
    page["DBParameterGroupFamily"] = family.into();
    Ok(json!({"EngineDefaults": page}))
}

struct Asked {
    parameter: &'static Parameter,
    value: Option<String>,
    method: String,
}

/// Reads the parameters of a call, and holds them against the version's.
fn asked(input: &Input, family: &str) -> Result<Vec<Asked>, AwsError> {
    let major = major_of(family)?;
    let mut all = Vec::new();
    for one in input.get("Parameters").and_then(Value::as_array).into_iter().flatten() {
        let Some(one) = one.as_object() else { continue };
        let name = text(one, "ParameterName").unwrap_or_default();
        let Some(parameter) = table::find(major, name) else {
            return Err(value(format!("Could not find parameter with name: {name}")));
        };
        let method = text(one, "ApplyMethod").unwrap_or("pending-reboot");
        all.push(Asked { parameter, value: text(one, "ParameterValue").map(str::to_owned), method: method.to_owned() });
    }
    // "A maximum of 20 parameters can be modified in a single request."
    if all.len() > 20 {
        return Err(combination("A maximum of 20 parameters can be modified in a single request"));
    }
    Ok(all)
}

/// ModifyDBParameterGroup.
pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut group = changeable(world, cx, &input)?;
    let all = asked(&input, &group.family)?;
    if all.is_empty() {
        return Err(combination("The parameter Parameters must be provided"));
    }
    let mut changed = Vec::new();
    for Asked { parameter, value: wanted, method } in all {
        let name = parameter.name;
        let Some(wanted) = wanted else {
            return Err(combination(format!("The parameter ParameterValue must be provided for {name}")));
        };
        if !parameter.is_modifiable {
            return Err(value(format!("The parameter {name} cannot be modified.")));
        }
        if parameter.is_static && method == "immediate" {
            return Err(combination(format!("cannot use immediate apply method for static parameter {name}")));
        }
        if !parameter.takes(&wanted) {
            return Err(value(format!(
                "Invalid parameter value: {wanted} for: {name} allowed values are: {}",
                parameter.allowed
            )));
        }
        let set = Set { value: wanted, method };
        if group.values.get(name).is_none_or(|known| known.value != set.value) {
            changed.push((parameter, set.method == "immediate"));
        }
        group.values.insert(name.to_owned(), set);
    }
    Ok(stored(world, cx, &group, &changed))
}

/// ResetDBParameterGroup.
pub(super) fn reset(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut group = changeable(world, cx, &input)?;
    let major = major_of(&group.family)?;
    let given = asked(&input, &group.family)?;
    // "ResetAllParameters: ... By default, all parameters in the DB parameter group are reset to default values."
    let resets_all = flag(&input, "ResetAllParameters").unwrap_or(given.is_empty());
    let mut changed = Vec::new();
    if resets_all {
        for name in std::mem::take(&mut group.values).into_keys() {
            changed.extend(table::find(major, &name).map(|parameter| (parameter, !parameter.is_static)));
        }
    } else {
        for Asked { parameter, method, .. } in given {
            if parameter.is_static && method == "immediate" {
                let words = format!("cannot use immediate apply method for static parameter {}", parameter.name);
                return Err(combination(words));
            }
            if group.values.remove(parameter.name).is_some() {
                changed.push((parameter, method == "immediate"));
            }
        }
    }
    Ok(stored(world, cx, &group, &changed))
}

fn changeable(world: &World, cx: &Cx<'_>, input: &Input) -> Result<ParameterGroup, AwsError> {
    let name = text(input, "DBParameterGroupName").unwrap_or_default();
    if is_default(name) {
        let words = format!("Default DBParameterGroup cannot be modified: {name}");
        return Err(AwsError::new("InvalidDBParameterGroupState", words));
    }
    own(world, cx, name)
}

/// Stores a group, and lets the instances that use it know: what may be applied at once is, the rest waits for a reboot.
fn stored(world: &World, cx: &Cx<'_>, group: &ParameterGroup, changed: &[(&Parameter, bool)]) -> Outcome {
    let mut changes = vec![Change::put(group)];
    let applies = changed.iter().any(|(_, immediate)| *immediate);
    let waits = changed.iter().any(|(_, immediate)| !immediate);
    for mut instance in users(world, cx, &group.id) {
        if applies && !instance.queue.contains(&Kind::Delete) {
            instance.queue.push(Kind::Apply { restart: false });
        }
        instance.reboot_pending |= waits;
        changes.push(Change::put(&instance));
    }
    done(json!({"DBParameterGroupName": group.id}), changes)
}

/// Returns the values of an instance's group, formulas worked out for its class.
pub(super) fn values(world: &World, instance: &Instance, memory_bytes: u64) -> BTreeMap<String, String> {
    let group: Option<ParameterGroup> = world.records.get(&instance.region, &instance.shape.parameter_group);
    let major = major(&instance.shape.version);
    let worked_out = |(name, set): (String, Set)| {
        let is_number = table::find(major, &name).is_some_and(|p| matches!(p.kind, "integer" | "float"));
        let is_formula = is_number && set.value.contains(['{', '(']);
        let number = is_formula.then(|| formula::value(&set.value, memory_bytes, u64::from(instance.shape.storage)));
        (name, number.flatten().map_or(set.value, |number| number.to_string()))
    };
    group.map(|group| group.values.into_iter().map(worked_out).collect()).unwrap_or_default()
}
