//! Databases of a stage: what there is of them, and how they are made, changed and removed.
//!
//! What is wanted is decided by `deploy_core::plan::database`. A password is made once, goes from Secrets Manager to RDS and
//! nowhere else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws::{CallError, Client, RDS, SECRETS, endpoint, items};
use aws_model::Document;
use deploy_core::desired::{DatabaseSpec, Desired};
use deploy_core::manifest::LOCAL;
use deploy_core::plan::database::{self, Address};
use deploy_core::plan::{DatabaseCall, ObservedDatabase};
use deploy_core::vars::json::NotAnObject;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};

use crate::down::remove;
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::{self, object, text};
use crate::secrets;
use crate::vars::Hidden;
use crate::vars::secret::{self, SecretChange, SecretError};

/// How long RDS may take: it makes an instance in five to fifteen minutes, and changes a large one for longer.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// How long nothing is said of a state that stays.
const QUIET: Duration = Duration::from_secs(30);

/// How long RDS may go on to say `available` before a change that it took shows.
const SETTLES: Duration = Duration::from_secs(5);

/// Returns what there is of a stage's databases.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn look(client: &Client, desired: &Desired) -> Result<BTreeMap<String, ObservedDatabase>, CallError> {
    let can_make = is_platform(client, desired);
    let asked = desired.databases.iter().map(async |spec| {
        let instance = instance(client, &spec.instance).await?;
        let found = observe::secret(client, &spec.secret).await?;
        let secret_arn = found.map(|secret| text(&secret, "ARN").to_owned());
        let unfit = match &secret_arn {
            Some(_) => unfit(client, spec, instance.as_ref()).await?,
            None => None,
        };
        Ok::<_, CallError>((spec.name.clone(), ObservedDatabase { instance, can_make, secret_arn, unfit }))
    });
    Ok(try_join_all(asked).await?.into_iter().collect())
}

/// Returns whether an endpoint is a platform of ours: one that makes a database costs nothing.
pub(crate) fn is_platform(client: &Client, desired: &Desired) -> bool {
    desired.stage == LOCAL || endpoint::is_loopback(&client.endpoint(&RDS))
}

/// Returns an instance; none if there is no such.
///
/// # Errors
/// See [`CallError`].
pub async fn instance(client: &Client, id: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "DBInstanceIdentifier": id }));
    match client.call(&RDS, "DescribeDBInstances", input).await {
        Ok(answer) => Ok(items(&answer, "DBInstances").first().and_then(Value::as_object).cloned()),
        // botocore's model names the error DBInstanceNotFoundFault, its code is DBInstanceNotFound.
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: &CallError) -> bool {
    error.is("DBInstanceNotFound") || error.is("DBInstanceNotFoundFault")
}

/// Returns what does not fit in a database's secret; none if we may not read it. Values are forgotten here.
async fn unfit(client: &Client, spec: &DatabaseSpec, live: Option<&Document>) -> Result<Option<Vec<String>>, CallError> {
    match observe::secret_text(client, &spec.secret).await {
        Ok(kept) => Ok(Some(database::unfit(spec, live, Hidden::new(kept.as_deref().unwrap_or("{}")).expose()))),
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Brings a database to what a plan says; returns the ARN of its secret. May be repeated after it was cut off anywhere.
///
/// # Errors
/// What RDS or Secrets Manager refuses; an instance that does not become available.
pub(crate) async fn ensure(
    client: &Client,
    call: DatabaseCall,
    request: &Document,
    spec: &DatabaseSpec,
    events: &Events,
) -> Result<String, StageError> {
    let id = &spec.instance;
    match call {
        DatabaseCall::Create => {
            // Kept before it is used: nobody knows the password of an instance that was made by a deploy which was cut off.
            let password = keep_password(client, spec, events).await?;
            let mut request = request.clone();
            request.insert("MasterUserPassword".to_owned(), password.expose().into());
            match client.call(&RDS, "CreateDBInstance", request).await {
                // Ours, from a deploy that was cut off, or from another attempt of this call.
                Err(error) if error.is("DBInstanceAlreadyExists") || error.is("DBInstanceAlreadyExistsFault") => {}
                answer => {
                    answer?;
                    events.resource(ResourceChange::Created, "database", id);
                }
            }
            available(client, id, Duration::ZERO, events).await?;
        }
        DatabaseCall::Modify => {
            available(client, id, Duration::ZERO, events).await?;
            client.call(&RDS, "ModifyDBInstance", request.clone()).await?;
            available(client, id, SETTLES, events).await?;
            events.resource(ResourceChange::Updated, "database", id);
        }
        DatabaseCall::Start => {
            client.call(&RDS, "StartDBInstance", request.clone()).await?;
            available(client, id, Duration::ZERO, events).await?;
            events.resource(ResourceChange::Updated, "database", id);
        }
        DatabaseCall::Secret => reset_lost_password(client, spec, events).await?,
    }
    let live = instance(client, id).await?.unwrap_or_default();
    if !spec.given_secret {
        let address = Address::of(&live);
        if address.is_none() {
            return Err(StageError::Incomplete { operation: "DescribeDBInstances", member: "Endpoint" });
        }
        write(client, spec, address.as_ref(), None, events).await?;
    }
    let found = observe::secret(client, &spec.secret).await?.unwrap_or_default();
    Ok(text(&found, "ARN").to_owned())
}

/// Returns the password that is kept, or keeps a new one.
async fn keep_password(client: &Client, spec: &DatabaseSpec, events: &Events) -> Result<Hidden, StageError> {
    if !spec.given_secret {
        let made = secrets::random().map_err(|error| StageError::Random { reason: error.to_string() })?;
        write(client, spec, None, Some(&made), events).await?;
    }
    let kept = secret::read(client, &spec.secret).await.map_err(StageError::Secret)?;
    let password = kept.as_ref().and_then(|kept| database::password(kept.expose()));
    let incomplete = StageError::DatabaseSecret { name: spec.name.clone(), secret: spec.secret.clone() };
    password.map(Hidden::new).ok_or(incomplete)
}

/// The secret is managr's own: where it is lost with the password, the instance gets another one.
async fn reset_lost_password(client: &Client, spec: &DatabaseSpec, events: &Events) -> Result<(), StageError> {
    let kept = secret::read(client, &spec.secret).await.map_err(StageError::Secret)?;
    let is_kept = kept.as_ref().and_then(|kept| database::password(kept.expose())).is_some();
    if !is_kept {
        let password = keep_password(client, spec, events).await?;
        available(client, &spec.instance, Duration::ZERO, events).await?;
        let request = json!({
            "DBInstanceIdentifier": spec.instance,
            "MasterUserPassword": password.expose(),
            "ApplyImmediately": true,
        });
        client.call(&RDS, "ModifyDBInstance", object(request)).await?;
        events.emit(Event::Warning {
            message: format!("the password of database {} was lost with its secret: it has another one", spec.name),
        });
    }
    available(client, &spec.instance, if is_kept { Duration::ZERO } else { SETTLES }, events).await.map(drop)
}

/// Writes the parts of a database into its secret. `made` becomes its password, unless it has one.
async fn write(
    client: &Client,
    spec: &DatabaseSpec,
    address: Option<&Address>,
    made: Option<&str>,
    events: &Events,
) -> Result<(), StageError> {
    let not_an_object = || SecretError::NotAnObject { name: spec.secret.clone(), source: NotAnObject };
    let written = secret::change_or(client, &spec.secret, |kept| {
        let password = database::password(kept).or_else(|| made.map(str::to_owned));
        let missing = || StageError::DatabaseSecret { name: spec.name.clone(), secret: spec.secret.clone() };
        let password = password.ok_or_else(missing)?;
        database::secret_text(spec, address, &password, kept).map_err(|_| StageError::from(not_an_object()))
    })
    .await?;
    match written.outcome {
        SecretChange::Created => events.resource(ResourceChange::Created, "secret", &spec.secret),
        SecretChange::Updated => events.resource(ResourceChange::Updated, "secret", &spec.secret),
        SecretChange::Unchanged => {}
    }
    Ok(())
}

/// Waits until an instance is available; `settles` is how long it may go on to be so before it changes.
async fn available(client: &Client, id: &str, settles: Duration, events: &Events) -> Result<Document, StageError> {
    let since = Instant::now();
    let (mut told, mut told_at) = (String::new(), since);
    let pause = match endpoint::is_loopback(&client.endpoint(&RDS)) {
        true => Duration::from_millis(100),
        false => Duration::from_secs(5),
    };
    loop {
        let live = instance(client, id).await?;
        let status = live.as_ref().map_or("gone", |live| text(live, "DBInstanceStatus"));
        let is_pending = live
            .as_ref()
            .and_then(|live| live.get("PendingModifiedValues")?.as_object())
            .is_some_and(|pending| !pending.is_empty());
        match (live.as_ref(), status) {
            (Some(live), "available") if !is_pending || since.elapsed() >= settles => return Ok(live.clone()),
            (_, "gone" | "deleting" | "failed" | "storage-full") => {
                return Err(StageError::DatabaseState { instance: id.to_owned(), status: status.to_owned() });
            }
            (_, status) if status.starts_with("incompatible-") => {
                return Err(StageError::DatabaseState { instance: id.to_owned(), status: status.to_owned() });
            }
            _ => {}
        }
        if since.elapsed() > LIMIT {
            return Err(StageError::DatabaseState { instance: id.to_owned(), status: status.to_owned() });
        }
        if told != status || told_at.elapsed() > QUIET {
            let seconds = since.elapsed().as_secs();
            events.emit(Event::Service {
                service: format!("database {id}"),
                message: format!("{status} ({seconds} s)"),
            });
            (told, told_at) = (status.to_owned(), Instant::now());
        }
        tokio::time::sleep(pause).await;
    }
}

/// Deletes the databases that managr made, and their secrets.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn remove_all(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    for spec in desired.databases.iter().filter(|spec| !spec.exists && is_platform(client, desired)) {
        let input = json!({
            "DBInstanceIdentifier": spec.instance,
            "SkipFinalSnapshot": true,
            "DeleteAutomatedBackups": true,
        });
        let codes = ["DBInstanceNotFound", "DBInstanceNotFoundFault"];
        let asked = match client.call(&RDS, "DeleteDBInstance", object(input)).await {
            // A platform that does not serve RDS has no database of ours either.
            Err(error) if error.is_unserved() => false,
            answer => remove(answer, &codes)?,
        };
        if asked {
            gone(client, &spec.instance, events).await?;
        }
        if !spec.given_secret && observe::secret(client, &spec.secret).await?.is_some() {
            let input = object(json!({ "SecretId": spec.secret, "ForceDeleteWithoutRecovery": true }));
            if remove(client.call(&SECRETS, "DeleteSecret", input).await, &["ResourceNotFoundException"])? {
                events.resource(ResourceChange::Deleted, "secret", &spec.secret);
            }
        }
    }
    Ok(())
}

async fn gone(client: &Client, id: &str, events: &Events) -> Result<(), StageError> {
    let since = Instant::now();
    while let Some(live) = instance(client, id).await? {
        if since.elapsed() > LIMIT {
            let status = text(&live, "DBInstanceStatus").to_owned();
            return Err(StageError::DatabaseState { instance: id.to_owned(), status });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    events.resource(ResourceChange::Deleted, "database", id);
    Ok(())
}

/// What a database looks like now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Name in the manifest.
    pub database: String,
    /// Identifier of its instance.
    pub instance: String,
    /// DBInstanceStatus; none if there is no such instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<u64>,
    /// Host and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Returns what a stage's databases look like now.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn status(client: &Client, desired: &Desired) -> Result<Vec<DatabaseStatus>, CallError> {
    let asked = desired.databases.iter().map(async |spec| {
        let live = instance(client, &spec.instance).await?;
        let member = |name: &str| {
            let found = live.as_ref().map(|live| text(live, name)).unwrap_or_default();
            (!found.is_empty()).then(|| found.to_owned())
        };
        Ok::<_, CallError>(DatabaseStatus {
            database: spec.name.clone(),
            instance: spec.instance.clone(),
            status: member("DBInstanceStatus"),
            version: member("EngineVersion"),
            class: member("DBInstanceClass"),
            storage: live.as_ref().and_then(|live| database::number(live, "AllocatedStorage")),
            endpoint: live.as_ref().and_then(Address::of).map(|at| format!("{}:{}", at.host, at.port)),
        })
    });
    try_join_all(asked).await
}
