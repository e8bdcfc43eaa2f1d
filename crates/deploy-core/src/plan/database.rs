//! What must be done so that a stage's databases are what the manifest says, and what is refused?
//!
//! Nothing here deletes a database, and nothing makes one smaller or older: what RDS cannot change is refused in words, before
//! anything is done. An instance that the manifest names as one that exists is only looked at.

use std::collections::BTreeMap;

use aws_model::Document;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::decide::bare;
use super::service::text;
use super::{Action, Mark, Step};
use crate::desired::{DatabaseSpec, Desired};
use crate::diff::{Change, Difference};
use crate::manifest::database::{PARTS, major};

/// Class of an instance that is made and of which nothing is said.
const CLASS: &str = "db.t4g.micro";
/// GiB of an instance that is made and of which nothing is said.
const STORAGE: u32 = 20;
/// Days of an instance that is made and of which nothing is said: RDS's own default.
const BACKUP_DAYS: u32 = 1;
/// What stays as it is in a URL.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What there is of a database.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedDatabase {
    /// The instance, as DescribeDBInstances tells it.
    pub instance: Option<Document>,
    /// Whether the endpoint is a platform of ours, where managr makes what is missing.
    pub can_make: bool,
    /// ARN of the secret with its parts.
    pub secret_arn: Option<String>,
    /// What does not fit in that secret, without a value; none if it was not read.
    pub unfit: Option<Vec<String>>,
}

/// Which call makes a database so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseCall {
    /// CreateDBInstance.
    Create,
    /// ModifyDBInstance.
    Modify,
    /// StartDBInstance.
    Start,
    /// None: the instance is as it should be, and its secret is not.
    Secret,
}

/// Why the databases of a stage cannot be what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; nothing was changed", reasons.join("; "))]
pub struct DatabaseError {
    /// Every reason.
    pub reasons: Vec<String>,
}

/// Where a database answers, as its instance tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Address {
    /// Returns where an instance answers; none while it has no endpoint.
    pub fn of(instance: &Document) -> Option<Self> {
        let endpoint = instance.get("Endpoint")?.as_object()?;
        let host = text(endpoint, "Address");
        let port = number(endpoint, "Port").and_then(|port| u16::try_from(port).ok())?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }
}

/// Returns a number, which XML carries as text.
pub fn number(document: &Document, name: &str) -> Option<u64> {
    match document.get(name)? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// Refuses what cannot be.
///
/// # Errors
/// See [`DatabaseError`].
pub fn check(desired: &Desired, seen: &BTreeMap<String, ObservedDatabase>) -> Result<(), DatabaseError> {
    let none = ObservedDatabase::default();
    let one = |spec: &DatabaseSpec| refusals(spec, seen.get(&spec.name).unwrap_or(&none), &desired.stage);
    let reasons: Vec<String> = desired.databases.iter().flat_map(one).collect();
    if reasons.is_empty() { Ok(()) } else { Err(DatabaseError { reasons }) }
}

/// Returns why a database cannot be what the manifest says; nothing is wrong if there is none.
pub fn refusals(spec: &DatabaseSpec, seen: &ObservedDatabase, stage: &str) -> Vec<String> {
    let DatabaseSpec { name, instance: id, .. } = spec;
    let makes = seen.can_make && !spec.exists;
    let mut found = Vec::new();
    match &seen.instance {
        None if makes => {}
        None if spec.exists => found.push(format!("database `{name}`: RDS has no instance `{id}`")),
        None => found.push(format!(
            "database `{name}`: RDS has no instance `{id}`, and managr makes none on AWS: make it, or name one that exists with `instance` in [stages.{stage}.databases.{name}]"
        )),
        Some(live) => found.extend(of_instance(spec, live, makes)),
    }
    // Where managr makes the database, it makes the secret too.
    if spec.given_secret || !makes {
        let parts = spec.parts.join(", ");
        match (&seen.secret_arn, &seen.unfit) {
            (None, _) => found.push(format!(
                "database `{name}`: Secrets Manager has no secret `{}`: make it, a JSON object with {parts}, or name another one with `secret` in [stages.{stage}.databases.{name}]",
                spec.secret
            )),
            (Some(_), Some(unfit)) => {
                found.extend(unfit.iter().map(|what| format!("database `{name}`: secret `{}` {what}", spec.secret)));
            }
            (Some(_), None) => {}
        }
    }
    found
}

fn of_instance(spec: &DatabaseSpec, live: &Document, makes: bool) -> Vec<String> {
    let DatabaseSpec { name, instance: id, .. } = spec;
    let (engine, status, version) = (text(live, "Engine"), text(live, "DBInstanceStatus"), text(live, "EngineVersion"));
    let mut found = Vec::new();
    let mut say = |words: String| found.push(format!("database `{name}`: instance `{id}` {words}"));
    if engine != "postgres" {
        say(format!("is {engine}, and the manifest says postgres"));
        return found;
    }
    match status {
        "deleting" => say("is being deleted: wait until it is gone".to_owned()),
        "stopped" | "stopping" if !makes => say(format!("is {status}: start it first")),
        status if status == "failed" || status.starts_with("incompatible-") => {
            say(format!("is {status}: RDS's events tell why (`aws rds describe-events --source-type db-instance`)"));
        }
        _ => {}
    }
    if let (Some(wanted), Some(is)) = (spec.major(), major(version))
        && wanted != is
    {
        say(match (makes, wanted < is) {
            (false, _) => format!("is PostgreSQL {version}, and the manifest says {wanted}"),
            (true, true) => format!("is PostgreSQL {version}: it cannot become {wanted}, which is older"),
            (true, false) => format!(
                "is PostgreSQL {version}: a deploy makes no {wanted} of it. Give the new one a name of its own in [databases], and carry the data over with `managr db dump` and `managr db restore`"
            ),
        });
    }
    let differs = |member: &str, wanted: &str| {
        let is = text(live, member);
        (!is.is_empty() && is != wanted).then(|| is.to_owned())
    };
    if makes {
        if let Some(is) = differs("DBName", &spec.database) {
            say(format!("has the database `{is}`: RDS cannot rename it to `{}`", spec.database));
        }
        if let Some(is) = differs("MasterUsername", &spec.user) {
            say(format!("has the master user `{is}`: RDS cannot rename it to `{}`", spec.user));
        }
        if let (Some(wanted), Some(is)) = (spec.storage, number(live, "AllocatedStorage"))
            && u64::from(wanted) < is
        {
            say(format!("has a disk of {is} GiB: RDS cannot make it smaller ({wanted} GiB)"));
        }
    }
    found
}

/// Returns what must be done, and ends where nothing is to be done.
pub(super) fn steps(desired: &Desired, seen: &BTreeMap<String, ObservedDatabase>) -> Vec<Step> {
    desired.databases.iter().filter_map(|spec| step(desired, spec, seen.get(&spec.name)?)).collect()
}

fn step(desired: &Desired, spec: &DatabaseSpec, seen: &ObservedDatabase) -> Option<Step> {
    if spec.exists || !seen.can_make {
        return None;
    }
    let set = |mark, call, request| {
        let action = Action::SetDatabase { call, request, spec: Box::new(spec.clone()) };
        bare(mark, "database", &spec.instance, action)
    };
    let Some(live) = &seen.instance else {
        let mut step = set(Mark::Create, DatabaseCall::Create, creation(desired, spec));
        let version = spec.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        step.detail = format!("PostgreSQL{version}, database {}, secret {}", spec.database, spec.secret);
        return Some(step);
    };
    let (request, difference) = modification(spec, live);
    if !difference.is_empty() {
        let mut step = set(Mark::Update, DatabaseCall::Modify, request);
        step.difference = difference;
        return Some(step);
    }
    if text(live, "DBInstanceStatus") == "stopped" {
        let mut step = set(Mark::Update, DatabaseCall::Start, identified(spec));
        step.detail = "it is stopped, and is started".to_owned();
        return Some(step);
    }
    let unfit = seen.unfit.as_deref().unwrap_or_default();
    let is_whole = spec.given_secret || (seen.secret_arn.is_some() && unfit.is_empty());
    (!is_whole).then(|| {
        let mark = if seen.secret_arn.is_some() { Mark::Update } else { Mark::Create };
        let mut step = set(mark, DatabaseCall::Secret, identified(spec));
        step.detail = match unfit {
            [] => format!("secret {} is not there", spec.secret),
            all => format!("secret {} {}", spec.secret, all.join(", ")),
        };
        step
    })
}

fn identified(spec: &DatabaseSpec) -> Document {
    object(json!({ "DBInstanceIdentifier": spec.instance }))
}

/// Returns the request of CreateDBInstance, without the password: no plan has one.
fn creation(desired: &Desired, spec: &DatabaseSpec) -> Document {
    let mut request = object(json!({
        "DBInstanceIdentifier": spec.instance,
        "Engine": "postgres",
        "DBInstanceClass": spec.class.as_deref().unwrap_or(CLASS),
        "AllocatedStorage": spec.storage.unwrap_or(STORAGE),
        "DBName": spec.database,
        "MasterUsername": spec.user,
        "BackupRetentionPeriod": spec.backup_days.unwrap_or(BACKUP_DAYS),
        "Tags": [
            { "Key": "managr:app", "Value": desired.app },
            { "Key": "managr:stage", "Value": desired.stage },
            { "Key": "managr:database", "Value": spec.name },
        ],
    }));
    request.extend(spec.version.as_ref().map(|version| ("EngineVersion".to_owned(), version.as_str().into())));
    request
}

/// Returns the request of ModifyDBInstance, and what it changes. What the manifest does not say stays as it is.
fn modification(spec: &DatabaseSpec, live: &Document) -> (Document, Difference) {
    let mut request = identified(spec);
    let mut changes = Vec::new();
    let mut change = |member: &str, word: &str, before: Value, after: Value| {
        request.insert(member.to_owned(), after.clone());
        changes.push(Change { path: vec![word.to_owned()], before: Some(before), after: Some(after) });
    };
    let is_class = text(live, "DBInstanceClass");
    if let Some(class) = spec.class.as_deref().filter(|class| *class != is_class) {
        change("DBInstanceClass", "class", is_class.into(), class.into());
    }
    for (member, word, wanted) in
        [("AllocatedStorage", "storage", spec.storage), ("BackupRetentionPeriod", "backup-days", spec.backup_days)]
    {
        let is = number(live, member);
        if let Some(wanted) = wanted.filter(|wanted| is.is_some_and(|is| is != u64::from(*wanted))) {
            change(member, word, json!(is), json!(wanted));
        }
    }
    // A minor version that is said is wanted; a major one is whatever minor version it has by now.
    let version = text(live, "EngineVersion");
    if let Some(wanted) = spec.version.as_deref().filter(|wanted| wanted.contains('.') && *wanted != version) {
        change("EngineVersion", "version", version.into(), wanted.into());
    }
    if !changes.is_empty() {
        request.insert("ApplyImmediately".to_owned(), true.into());
    }
    (request, Difference { changes, unchanged: Vec::new() })
}

/// Returns the text of a database's secret: its parts, and whatever else was kept in it.
///
/// # Errors
/// What is kept is no JSON object.
pub fn secret_text(
    spec: &DatabaseSpec,
    address: Option<&Address>,
    password: &str,
    kept: &str,
) -> Result<String, crate::vars::json::NotAnObject> {
    let mut parts = vec![("name", spec.database.clone()), ("user", spec.user.clone()), ("password", password.to_owned())];
    if let Some(Address { host, port }) = address {
        let encoded = |text: &str| utf8_percent_encode(text, KEPT).to_string();
        let (user, secret) = (encoded(&spec.user), encoded(password));
        parts.push(("url", format!("postgres://{user}:{secret}@{host}:{port}/{}", encoded(&spec.database))));
        parts.push(("host", host.clone()));
        parts.push(("port", port.to_string()));
    }
    let mut text = kept.to_owned();
    for (part, value) in parts {
        text = crate::vars::json::set(&text, part, &value)?;
    }
    Ok(text)
}

/// Returns what does not fit in a database's secret, in words that follow "the secret"; never a value of it.
pub fn unfit(spec: &DatabaseSpec, live: Option<&Document>, kept: &str) -> Vec<String> {
    let Ok(parts) = serde_json::from_str::<Map<String, Value>>(kept) else {
        return vec!["is no JSON object".to_owned()];
    };
    let part = |name: &str| match parts.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        // Secrets that RDS's rotation made have the port as a number.
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let needed = |name: &&str| if spec.given_secret { spec.parts.iter().any(|part| part == name) } else { true };
    let missing: Vec<&str> =
        PARTS.into_iter().filter(needed).filter(|name| part(name).is_none_or(|value| value.is_empty())).collect();
    let mut found = Vec::new();
    if !missing.is_empty() {
        found.push(format!("has no {}", missing.join(", ")));
    }
    let address = live.and_then(Address::of);
    let database = live.map(|live| text(live, "DBName")).filter(|name| !name.is_empty());
    let wrong = |place: &str, what: &str, is: &str| format!("{place} {what} than the instance, which has {is}");
    if let Some(address) = &address {
        if part("host").is_some_and(|host| !host.eq_ignore_ascii_case(&address.host)) {
            found.push(wrong("has another", "host", &address.host));
        }
        if part("port").is_some_and(|port| port != address.port.to_string()) {
            found.push(wrong("has another", "port", &address.port.to_string()));
        }
    }
    if let (Some(name), Some(is)) = (part("name"), database)
        && name != is
        && !spec.exists
    {
        found.push(wrong("has another", "name", is));
    }
    if let Some(url) = part("url") {
        match Url::read(&url) {
            None => found.push("has a `url` that is not postgres://USER:PASSWORD@HOST:PORT/NAME".to_owned()),
            Some(url) => {
                if let Some(address) = &address
                    && (!url.host.eq_ignore_ascii_case(&address.host) || url.port != address.port)
                {
                    found.push(wrong("has a `url` to another", "place", &format!("{}:{}", address.host, address.port)));
                }
                let differs = |name: &str, is: &str| part(name).is_some_and(|value| value != is);
                for (name, is) in [("name", &url.name), ("user", &url.user), ("password", &url.password)] {
                    if differs(name, is) {
                        found.push(format!("has another `{name}` than its `url`"));
                    }
                }
            }
        }
    }
    found
}

/// A database's URL, taken apart.
struct Url {
    host: String,
    port: u16,
    name: String,
    user: String,
    password: String,
}

impl Url {
    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))?;
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, name) = rest.split_once('/')?;
        let (who, place) = place.rsplit_once('@')?;
        let (user, password) = who.split_once(':')?;
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "5432"));
        let plain = |text: &str| percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
        let is_whole = !host.is_empty() && !name.is_empty();
        is_whole.then_some(())?;
        Some(Self {
            host: plain(host)?,
            port: port.parse().ok()?,
            name: plain(name)?,
            user: plain(user)?,
            password: plain(password)?,
        })
    }
}

/// Returns a database's password, if its secret has one.
pub fn password(kept: &str) -> Option<String> {
    let parts: Map<String, Value> = serde_json::from_str(kept).ok()?;
    parts.get("password")?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

impl ObservedDatabase {
    /// Returns what a plan depends on and that does not move by itself.
    pub(super) fn state(&self) -> Value {
        const KEPT: [&str; 8] = [
            "DBInstanceIdentifier",
            "Engine",
            "EngineVersion",
            "DBInstanceClass",
            "AllocatedStorage",
            "BackupRetentionPeriod",
            "DBName",
            "MasterUsername",
        ];
        let instance = self.instance.as_ref().map(|live| {
            live.iter().filter(|(name, _)| KEPT.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect::<Document>()
        });
        json!([instance, self.secret_arn, self.unfit])
    }
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(members) => members,
        _ => Document::new(),
    }
}
