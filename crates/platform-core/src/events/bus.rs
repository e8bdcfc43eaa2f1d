//! Event buses: what each is, and who may send to it.

use aws_model::{AwsError, Millis, Service, region, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::page::page;
use super::rule::Rule;
use super::tags::{Tag, lay_over};
use super::{missing, unsupported, wrong};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

/// The bus that is always there. It is stored only once something is said of it.
pub const DEFAULT: &str = "default";

/// Most buses of an account in a region (EventBridge's quotas).
const MOST: usize = 100;

/// An event bus.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bus {
    /// Region.
    pub region: String,
    /// Name, unique in its region.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Key that its events are said to be encrypted with; nothing is here.
    pub key: Option<String>,
    /// `LogConfig`, as it was sent.
    pub log: Option<Value>,
    /// Statements of its policy.
    pub statements: Vec<Value>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// When it was made.
    pub created: Millis,
    /// When it was changed last.
    pub changed: Millis,
}

impl Record for Bus {
    const TABLE: &'static str = "events.buses";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.name
    }
}

impl Bus {
    fn new(cx: &Cx<'_>, name: &str) -> Self {
        Self {
            region: cx.region.to_owned(),
            name: name.to_owned(),
            description: None,
            key: None,
            log: None,
            statements: Vec::new(),
            tags: Vec::new(),
            created: cx.now,
            changed: cx.now,
        }
    }

    fn policy(&self) -> Option<String> {
        let document = json!({"Version": "2012-10-17", "Statement": self.statements});
        (!self.statements.is_empty()).then(|| document.to_string())
    }

    fn shown(&self, cx: &Cx<'_>) -> Value {
        let mut out = json!({"Name": self.name, "Arn": arn(cx, &self.name)});
        // The default bus has always been there.
        if self.name != DEFAULT {
            out["CreationTime"] = json!(seconds(self.created));
            out["LastModifiedTime"] = json!(seconds(self.changed));
        }
        for (member, value) in [("Description", self.description.clone()), ("Policy", self.policy())] {
            if let Some(value) = value {
                out[member] = json!(value);
            }
        }
        out
    }

    fn said(&self) -> Value {
        let members = [
            ("Description", self.description.as_ref().map(|text| json!(text))),
            ("KmsKeyIdentifier", self.key.as_ref().map(|text| json!(text))),
            ("LogConfig", self.log.clone()),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Returns a bus's ARN.
pub fn arn(cx: &Cx<'_>, name: &str) -> String {
    region::arn("events", cx.region, cx.account, &format!("event-bus/{name}"))
}

/// Returns the bus that a name or an ARN means; the default one if the caller names none.
pub(crate) fn find(world: &World, cx: &Cx<'_>, named: Option<&str>) -> Result<Bus, AwsError> {
    let named = named.unwrap_or(DEFAULT);
    let name = if named.starts_with("arn:") {
        let home = arn(cx, "");
        named.strip_prefix(&home).ok_or_else(|| no_bus(named))?
    } else {
        named
    };
    let stored = world.records.get(cx.region, name);
    stored.or_else(|| (name == DEFAULT).then(|| Bus::new(cx, DEFAULT))).ok_or_else(|| no_bus(name))
}

fn no_bus(name: &str) -> AwsError {
    missing(format!("Event bus {name} does not exist."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    log_config: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn served(input: &Input) -> Result<(), AwsError> {
    let letters = input.get("DeadLetterConfig").is_some_and(|config| config.get("Arn").is_some());
    match () {
        () if letters => Err(unsupported("DeadLetterConfig is not supported: the platform serves no SQS")),
        () if input.contains_key("EventSourceName") => {
            Err(unsupported("EventSourceName is not supported: the platform has no partner event sources"))
        }
        () => Ok(()),
    }
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    served(&input)?;
    let Said { name, description, kms_key_identifier, log_config, tags } = read(input)?;
    let name = name.unwrap_or_default();
    if name == DEFAULT || world.records.get::<Bus>(cx.region, &name).is_some() {
        return Err(AwsError::new("ResourceAlreadyExistsException", format!("Event bus {name} already exists.")));
    }
    // API reference, CreateEventBus, `Name`: custom event bus names can't contain the / character.
    if name.contains('/') {
        return Err(wrong("Event bus name must not contain '/'."));
    }
    if world.records.all::<Bus>(cx.region).count() >= MOST {
        return Err(super::limit());
    }
    let mut bus = Bus { description, key: kms_key_identifier, log: log_config, ..Bus::new(cx, &name) };
    lay_over(Service::Events, &mut bus.tags, tags)?;
    let mut reply = bus.said();
    reply["EventBusArn"] = json!(arn(cx, &name));
    Ok(Outcome { reply, changes: vec![Change::put(&bus)] })
}

pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    served(&input)?;
    let Said { name, description, kms_key_identifier, log_config, .. } = read(input)?;
    let bus = find(world, cx, name.as_deref())?;
    let bus = Bus {
        description: description.or(bus.description),
        key: kms_key_identifier.or(bus.key),
        log: log_config.or(bus.log),
        changed: cx.now,
        ..bus
    };
    let mut reply = bus.said();
    reply["Name"] = json!(bus.name);
    reply["Arn"] = json!(arn(cx, &bus.name));
    Ok(Outcome { reply, changes: vec![Change::put(&bus)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    name: Option<String>,
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Which { name } = read(input.clone())?;
    let bus = find(world, cx, name.as_deref())?;
    let mut out = bus.shown(cx);
    if let (Some(out), Value::Object(said)) = (out.as_object_mut(), bus.said()) {
        out.extend(said);
    }
    Ok(out)
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Which { name } = read(input)?;
    let name = name.unwrap_or_default();
    if name == DEFAULT {
        return Err(wrong("Cannot delete event bus default."));
    }
    // API reference, DeleteEventBus: "All rules associated with this event bus need to be deleted."
    if Rule::of_bus(world, cx.region, &name).next().is_some() {
        return Err(wrong(format!("Event bus {name} can't be deleted since it has rules.")));
    }
    Ok(Outcome { reply: json!({}), changes: vec![Change::remove::<Bus>(cx.region, &name)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { name_prefix, next_token, limit } = read(input.clone())?;
    let mut all: Vec<Bus> = world.records.all(cx.region).collect();
    if all.iter().all(|bus| bus.name != DEFAULT) {
        all.push(Bus::new(cx, DEFAULT));
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let fits = |bus: &Bus| name_prefix.as_ref().is_none_or(|prefix| bus.name.starts_with(prefix));
    let items = all.iter().filter(|bus| fits(bus)).map(|bus| (bus.name.clone(), bus.shown(cx)));
    Ok(page("EventBuses", items.collect(), limit, next_token.as_deref()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Permission {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<Condition>,
    policy: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    r#type: String,
    key: String,
    value: String,
}

/// Most of a bus's policy (API reference, PolicyLengthExceededException; 10 KiB, EventBridge's quotas).
const POLICY: usize = 10 * 1024;

pub(super) fn permit(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let said: Permission = read(input)?;
    let mut bus = find(world, cx, said.event_bus_name.as_deref())?;
    if let Some(policy) = said.policy {
        let document: Value =
            serde_json::from_str(&policy).map_err(|_| wrong("Parameter Policy is not valid: it is no JSON."))?;
        bus.statements = match &document["Statement"] {
            Value::Array(statements) => statements.clone(),
            statement @ Value::Object(_) => vec![statement.clone()],
            _ => return Err(wrong("Parameter Policy is not valid: it has no Statement.")),
        };
    } else {
        let (Some(action), Some(principal), Some(sid)) = (said.action, said.principal, said.statement_id) else {
            return Err(wrong("Parameter(s) Action, Principal and StatementId, or Policy, must be specified."));
        };
        if action != "events:PutEvents" {
            return Err(wrong("Provided value in parameter 'action' is not supported."));
        }
        let who = match principal.as_str() {
            "*" => json!("*"),
            account => json!({"AWS": aws_model::region::global_arn("iam", cx.region, account, "root")}),
        };
        let mut statement = json!({"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action,
            "Resource": arn(cx, &bus.name)});
        if let Some(Condition { r#type, key, value }) = said.condition {
            statement["Condition"] = json!({ r#type: { key: value } });
        }
        bus.statements.retain(|old| old["Sid"] != statement["Sid"]);
        bus.statements.push(statement);
    }
    if bus.policy().is_some_and(|policy| policy.len() > POLICY) {
        return Err(AwsError::new("PolicyLengthExceededException", "The event bus policy is too long."));
    }
    bus.changed = cx.now;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&bus)] })
}

pub(super) fn forbid(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let said: Permission = read(input)?;
    let mut bus = find(world, cx, said.event_bus_name.as_deref())?;
    let before = bus.statements.len();
    match said.statement_id {
        _ if said.remove_all_permissions => bus.statements.clear(),
        Some(sid) => bus.statements.retain(|statement| statement["Sid"] != sid.as_str()),
        None => return Err(wrong("Parameter StatementId or RemoveAllPermissions must be specified.")),
    }
    if before == bus.statements.len() && !said.remove_all_permissions {
        return Err(missing("Statement with the provided id does not exist."));
    }
    bus.changed = cx.now;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&bus)] })
}
