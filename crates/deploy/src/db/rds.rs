//! Snapshots of an instance: made, listed, gone back to. In RDS's own operations, on AWS as on a platform.

use std::time::Duration;

use aws::{CallError, Client, RDS, items};
use aws_model::Document;
use deploy_core::db::Snapshot;
use serde_json::{Value, json};

use crate::databases;
use crate::observe::{object, text};

/// How often a state is asked for.
const LOOK: Duration = Duration::from_secs(1);

/// An instance, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier.
    pub id: String,
    /// RDS's word, such as `available`.
    pub status: String,
    /// Version of the engine.
    pub version: String,
    /// Where it answers; none while it is made.
    pub endpoint: Option<(String, u16)>,
    /// What it is made with, for one that is made beside it.
    document: Document,
}

/// Why a state is not reached.
#[derive(Debug, thiserror::Error)]
pub enum RdsError {
    /// The service said no, or nothing.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It is not there.
    #[error("there is no {kind} `{id}`")]
    Missing {
        /// What.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
    /// It ended in a state from which nothing follows.
    #[error("{kind} `{id}` is `{status}`, and will not become available")]
    Stuck {
        /// What.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// RDS's word.
        status: String,
    },
    /// It took too long.
    #[error("{kind} `{id}` is still `{status}`")]
    Slow {
        /// What.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// RDS's word.
        status: String,
    },
}

/// States of instances and snapshots that nothing follows from by itself (user guide, "Viewing DB instance status").
const STUCK: [&str; 8] = [
    "failed",
    "incompatible-restore",
    "incompatible-network",
    "incompatible-parameters",
    "incompatible-credentials",
    "restore-error",
    "inaccessible-encryption-credentials",
    "stopped",
];

/// Looks at an instance; none if it is not there.
///
/// # Errors
/// See [`CallError`].
pub async fn instance(client: &Client, id: &str) -> Result<Option<Instance>, CallError> {
    Ok(databases::instance(client, id).await?.as_ref().map(read))
}

impl Instance {
    /// Returns the port of this machine that leads to it: a platform of this machine says so by RDS's second endpoint.
    pub fn local_port(&self) -> Option<u16> {
        port(self.document.get("ListenerEndpoint")?.as_object()?)
    }
}

fn port(endpoint: &Document) -> Option<u16> {
    match endpoint.get("Port")? {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64().and_then(|number| u16::try_from(number).ok()),
    }
}

fn read(document: &Document) -> Instance {
    let endpoint = document.get("Endpoint").and_then(Value::as_object);
    Instance {
        id: text(document, "DBInstanceIdentifier").to_owned(),
        status: text(document, "DBInstanceStatus").to_owned(),
        version: text(document, "EngineVersion").to_owned(),
        endpoint: endpoint.and_then(|endpoint| Some((text(endpoint, "Address").to_owned(), port(endpoint)?))),
        document: document.clone(),
    }
}

/// Returns the snapshots of an instance, the oldest first.
///
/// # Errors
/// See [`CallError`].
pub async fn snapshots(client: &Client, instance: &str) -> Result<Vec<Snapshot>, CallError> {
    let mut input = object(json!({ "DBInstanceIdentifier": instance }));
    let mut found: Vec<Snapshot> = Vec::new();
    loop {
        let answer = client.call(&RDS, "DescribeDBSnapshots", input.clone()).await?;
        found.extend(items(&answer, "DBSnapshots").iter().filter_map(Value::as_object).map(snapshot));
        let marker = text(&answer, "Marker");
        if marker.is_empty() {
            break;
        }
        input.insert("Marker".to_owned(), marker.into());
    }
    found.sort_by_key(|snapshot| snapshot.at);
    Ok(found)
}

fn snapshot(document: &Document) -> Snapshot {
    let at = text(document, "SnapshotCreateTime").parse::<jiff::Timestamp>().ok();
    Snapshot {
        id: text(document, "DBSnapshotIdentifier").to_owned(),
        is_available: text(document, "Status") == "available",
        at: at.map(|at| at.as_millisecond()),
    }
}

/// Makes a snapshot and waits until it is complete; one that is there under this name is waited for.
///
/// # Errors
/// See [`RdsError`].
pub async fn make_snapshot(
    client: &Client,
    instance: &str,
    id: &str,
    limit: Duration,
    mut tell: impl FnMut(&str),
) -> Result<Snapshot, RdsError> {
    let input = json!({
        "DBInstanceIdentifier": instance, "DBSnapshotIdentifier": id,
        "Tags": [{ "Key": "managr", "Value": "snapshot" }],
    });
    match client.call(&RDS, "CreateDBSnapshot", object(input)).await {
        Err(error) if error.is("DBInstanceNotFound") => {
            return Err(RdsError::Missing { kind: "instance", id: instance.to_owned() });
        }
        done => drop(done?),
    }
    let until = tokio::time::Instant::now() + limit;
    loop {
        let answer = client.call(&RDS, "DescribeDBSnapshots", object(json!({ "DBSnapshotIdentifier": id }))).await?;
        let found = items(&answer, "DBSnapshots").first().and_then(Value::as_object).cloned();
        let found = found.ok_or_else(|| RdsError::Missing { kind: "snapshot", id: id.to_owned() })?;
        if text(&found, "Status") == "available" {
            return Ok(snapshot(&found));
        }
        wait("snapshot", id, text(&found, "Status"), until).await?;
        tell(&progress(&found));
    }
}

fn progress(document: &Document) -> String {
    match document.get("PercentProgress") {
        Some(Value::String(percent)) => format!("{percent} %"),
        Some(Value::Number(percent)) => format!("{percent} %"),
        _ => text(document, "Status").to_owned(),
    }
}

async fn wait(kind: &'static str, id: &str, status: &str, until: tokio::time::Instant) -> Result<(), RdsError> {
    let (id, status) = (id.to_owned(), status.to_owned());
    if STUCK.contains(&status.as_str()) {
        return Err(RdsError::Stuck { kind, id, status });
    }
    if tokio::time::Instant::now() >= until {
        return Err(RdsError::Slow { kind, id, status });
    }
    tokio::time::sleep(LOOK).await;
    Ok(())
}

/// What a restore left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The instance as it was, under its new name.
    pub before: String,
}

/// Goes back to a snapshot: another instance is made of it beside the one that runs, which keeps serving until that one
/// is available; then the names are changed. The instance as it was stays, under a name of its own.
///
/// # Errors
/// See [`RdsError`]. What was renamed and could not be replaced gets its name back.
pub async fn restore(
    client: &Client,
    now: &Instance,
    snapshot: &str,
    stamp: &str,
    limit: Duration,
    mut tell: impl FnMut(&str),
) -> Result<Restored, RdsError> {
    let (beside, before) = (name(&now.id, "new", stamp), name(&now.id, "old", stamp));
    tell(&format!("makes {beside} of the snapshot"));
    let made = client.call(&RDS, "RestoreDBInstanceFromDBSnapshot", as_it_is(now, &beside, snapshot)).await;
    match made {
        Err(error) if error.is("DBSnapshotNotFound") => {
            return Err(RdsError::Missing { kind: "snapshot", id: snapshot.to_owned() });
        }
        made => drop(made?),
    }
    available(client, &beside, limit, &mut tell).await?;
    tell(&format!("renames {} to {before}", now.id));
    rename(client, &now.id, &before, limit, &mut tell).await?;
    tell(&format!("renames {beside} to {}", now.id));
    if let Err(error) = rename(client, &beside, &now.id, limit, &mut tell).await {
        // The application would find nothing under the name.
        if instance(client, &now.id).await.is_ok_and(|found| found.is_none()) {
            rename(client, &before, &now.id, limit, &mut tell).await?;
        }
        return Err(error);
    }
    Ok(Restored { before })
}

/// An identifier has 63 letters at most.
fn name(id: &str, word: &str, stamp: &str) -> String {
    let rest = format!("-{word}-{stamp}");
    let room = 63 - rest.len();
    format!("{}{rest}", id[..id.len().min(room)].trim_end_matches('-'))
}

/// Returns the input that makes an instance like this one of a snapshot: what is not said is taken from defaults, and
/// not from the instance that the snapshot is of (API reference).
fn as_it_is(now: &Instance, id: &str, snapshot: &str) -> Document {
    let mut input = object(json!({ "DBInstanceIdentifier": id, "DBSnapshotIdentifier": snapshot }));
    for member in [
        "DBInstanceClass",
        "MultiAZ",
        "PubliclyAccessible",
        "AutoMinorVersionUpgrade",
        "StorageType",
        "CopyTagsToSnapshot",
        "DeletionProtection",
        "IAMDatabaseAuthenticationEnabled",
    ] {
        if let Some(value) = now.document.get(member).filter(|value| !value.is_null()) {
            let name =
                if member == "IAMDatabaseAuthenticationEnabled" { "EnableIAMDatabaseAuthentication" } else { member };
            input.insert(name.to_owned(), value.clone());
        }
    }
    if let Some((_, port)) = &now.endpoint {
        input.insert("Port".to_owned(), (*port).into());
    }
    let group = now.document.get("DBSubnetGroup").and_then(Value::as_object);
    if let Some(group) = group.map(|group| text(group, "DBSubnetGroupName")).filter(|name| !name.is_empty()) {
        input.insert("DBSubnetGroupName".to_owned(), group.into());
    }
    let parameters = items(&now.document, "DBParameterGroups").first().and_then(Value::as_object);
    if let Some(name) = parameters.map(|group| text(group, "DBParameterGroupName")).filter(|name| !name.is_empty()) {
        input.insert("DBParameterGroupName".to_owned(), name.into());
    }
    let groups: Vec<Value> = items(&now.document, "VpcSecurityGroups")
        .iter()
        .filter_map(|group| group.get("VpcSecurityGroupId").cloned())
        .collect();
    if !groups.is_empty() {
        input.insert("VpcSecurityGroupIds".to_owned(), groups.into());
    }
    input
}

async fn rename(
    client: &Client,
    from: &str,
    to: &str,
    limit: Duration,
    tell: &mut impl FnMut(&str),
) -> Result<(), RdsError> {
    let input = json!({ "DBInstanceIdentifier": from, "NewDBInstanceIdentifier": to, "ApplyImmediately": true });
    client.call(&RDS, "ModifyDBInstance", object(input)).await?;
    available(client, to, limit, tell).await
}

/// Waits until an instance is available; one that is about to get this name is not there yet.
async fn available(client: &Client, id: &str, limit: Duration, tell: &mut impl FnMut(&str)) -> Result<(), RdsError> {
    let until = tokio::time::Instant::now() + limit;
    let mut said = String::new();
    loop {
        let status = match instance(client, id).await? {
            Some(found) if found.status == "available" => return Ok(()),
            Some(found) => found.status,
            None => "not there yet".to_owned(),
        };
        if status != said {
            tell(&format!("{id} is {status}"));
            said.clone_from(&status);
        }
        wait("instance", id, &status, until).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_fit_whatever_the_instance_is_called() {
        assert_eq!(name("shop-main", "old", "20261201-020000"), "shop-main-old-20261201-020000");
        let long = name(&"a".repeat(63), "new", "20261201-020000");
        assert_eq!((long.len(), long.ends_with("a-new-20261201-020000")), (63, true));
    }

    #[test]
    fn what_is_made_of_a_snapshot_is_like_the_instance() {
        let now = read(&object(json!({
            "DBInstanceIdentifier": "a", "DBInstanceClass": "db.t4g.micro", "MultiAZ": "false", "DBInstanceStatus": "available",
            "Endpoint": { "Address": "a.x.rds.localhost", "Port": "5433" },
            "DBSubnetGroup": { "DBSubnetGroupName": "private" }, "DBParameterGroups": [{ "DBParameterGroupName": "mine" }],
            "VpcSecurityGroups": [{ "VpcSecurityGroupId": "sg-1", "Status": "active" }],
        })));
        assert_eq!(now.endpoint, Some(("a.x.rds.localhost".to_owned(), 5433)));
        let input = as_it_is(&now, "b", "s");
        assert_eq!(
            Value::Object(input),
            json!({
                "DBInstanceIdentifier": "b", "DBSnapshotIdentifier": "s", "DBInstanceClass": "db.t4g.micro", "MultiAZ": "false",
                "Port": 5433, "DBSubnetGroupName": "private", "DBParameterGroupName": "mine", "VpcSecurityGroupIds": ["sg-1"],
            })
        );
    }
}
