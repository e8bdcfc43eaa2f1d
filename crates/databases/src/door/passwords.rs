//! Turns passwords into verifiers, and keeps those that RDS manages in Secrets Manager.
//!
//! RDS user guide, "Password management with Amazon RDS and AWS Secrets Manager": the secret is `rds!db-...`, holds
//! `username` and `password`, and goes with the instance.

use aws_model::{Answer, AwsError, Call, Door};
use platform_core::rds::{RESOURCE, SECRET, check_password};
use secrets::{NewSecret, NewVersion, PasswordRules, Removal, SecretText, SecretValue, password};
use serde_json::{Value, json};

use super::Rds;
use crate::verifier;

/// What RDS's own passwords do without (CreateDBInstance, MasterUserPassword), and what a URL or a shell would take for
/// something else.
const WITHOUT: &str = "/\"@ '\\`$%&?#:;<>|";

/// What is to be done about a managed password.
enum Managed {
    /// A new secret, for this resource id.
    New(String),
    /// Another version of this one.
    Rotate(String),
}

/// Lets the world make or change an instance, with a verifier in the password's place.
pub(super) async fn make<D: Door>(rds: &Rds<D>, mut call: Call) -> Result<Answer, AwsError> {
    // What only this door may say.
    for own in [RESOURCE, SECRET] {
        call.input.remove(own);
    }
    let given = call.input.get("MasterUserPassword").and_then(Value::as_str).map(SecretText::new);
    let asked = call.input.get("ManageMasterUserPassword").and_then(Value::as_bool);
    let rotate = call.input.get("RotateMasterUserPassword").and_then(Value::as_bool) == Some(true);
    let modifies = call.operation.name() == "ModifyDBInstance";
    let known = if modifies { Some(rds.find(&call)?) } else { None };
    let has = known.as_ref().and_then(|instance| instance.shape.secret.clone());

    if given.is_some() && (asked == Some(true) || rotate) {
        let words =
            "You can't specify MasterUserPassword together with ManageMasterUserPassword or RotateMasterUserPassword";
        return Err(AwsError::new("InvalidParameterCombination", words));
    }
    if let Some(given) = &given {
        check_password(given.expose())?;
        put_verifier(&mut call, given);
        let answer = rds.world.call(with_input(&call)).await?;
        forget(rds, &call.region, has.filter(|_| asked == Some(false))).await;
        return Ok(answer);
    }
    let managed = match (asked, has) {
        (Some(true), Some(secret)) | (None, Some(secret)) if rotate => Managed::Rotate(secret),
        (Some(true), None) => {
            Managed::New(known.as_ref().map_or_else(resource_id, |instance| instance.resource.clone()))
        }
        _ if rotate => {
            let words = "RotateMasterUserPassword needs a password that is managed in Secrets Manager";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
        _ => return rds.world.call(call).await,
    };
    let made = password(&PasswordRules { exclude: WITHOUT.to_owned(), ..PasswordRules::default() })?;
    put_verifier(&mut call, &made);
    let user = match &known {
        Some(instance) => instance.shape.user.clone(),
        None => user_of(rds, &call),
    };
    let value = json!({"username": user, "password": made.expose()}).to_string();
    let value = SecretValue::Text(SecretText::new(value));
    match managed {
        Managed::New(resource) => {
            let secret = create(rds, &call, &resource, value).await?;
            call.input.insert(RESOURCE.to_owned(), resource.into());
            call.input.insert(SECRET.to_owned(), secret.clone().into());
            // The secret first: a password that nobody knows would be lost with a crash, an unused secret is not missed.
            let answer = rds.world.call(with_input(&call)).await;
            if answer.is_err() {
                forget(rds, &call.region, Some(secret)).await;
            }
            answer
        }
        Managed::Rotate(secret) => {
            call.input.insert(SECRET.to_owned(), secret.clone().into());
            let answer = rds.world.call(with_input(&call)).await?;
            // The database gets it in a moment; until then the one before is the right one, as with RDS's rotation.
            rds.secrets.put(&call.region, &secret, NewVersion { token: None, value, stages: Vec::new() }).await?;
            Ok(answer)
        }
    }
}

/// Lets the world delete an instance, and deletes its managed password then.
pub(super) async fn delete<D: Door>(rds: &Rds<D>, call: Call) -> Result<Answer, AwsError> {
    let secret = rds.find(&call).ok().and_then(|instance| instance.shape.secret);
    let region = call.region.clone();
    let answer = rds.world.call(call).await?;
    forget(rds, &region, secret).await;
    Ok(answer)
}

async fn create<D: Door>(rds: &Rds<D>, call: &Call, resource: &str, value: SecretValue) -> Result<String, AwsError> {
    let new = NewSecret {
        name: format!("rds!{resource}"),
        description: Some("The secret associated with the primary RDS DB instance".to_owned()),
        kms_key_id: call.input.get("MasterUserSecretKmsKeyId").and_then(Value::as_str).map(str::to_owned),
        value: Some(value),
        ..NewSecret::default()
    };
    Ok(rds.secrets.create(&call.region, new).await?.arn)
}

/// A secret that stays is no secret of an instance's any more, and harms nobody: the call is done.
async fn forget<D: Door>(rds: &Rds<D>, region: &str, secret: Option<String>) {
    let Some(secret) = secret else { return };
    if let Err(error) = rds.secrets.delete(region, &secret, Removal::Now).await {
        tracing::warn!(secret, %error, "the secret of a database that is gone could not be deleted");
    }
}

fn put_verifier(call: &mut Call, password: &SecretText) {
    call.input.insert("MasterUserPassword".to_owned(), verifier::of(password.expose()).into());
}

/// Returns the master user of an instance that is to be made.
fn user_of<D: Door>(rds: &Rds<D>, call: &Call) -> String {
    use platform_core::rds::instance::Instance;
    use platform_core::rds::snapshot::Snapshot;

    let text = |name: &str| call.input.get(name).and_then(Value::as_str).map(|text| text.to_ascii_lowercase());
    if let Some(user) = call.input.get("MasterUsername").and_then(Value::as_str) {
        return user.to_owned();
    }
    // What is restored keeps its own.
    let last = |name: &str| name.rsplit(":db:").next().unwrap_or(name).to_owned();
    let user = rds.handle.read(|world| {
        if let Some(name) = text("DBSnapshotIdentifier") {
            let id = name.rsplit(":snapshot:").next().unwrap_or(&name).to_owned();
            return world
                .records
                .all::<Snapshot>(&call.region)
                .find(|snapshot| snapshot.id == id)
                .map(|s| s.shape.user);
        }
        let id = text("SourceDBInstanceIdentifier").map(|name| last(&name));
        let resource = call.input.get("SourceDbiResourceId").and_then(Value::as_str);
        let mut all = world.records.all::<Instance>(&call.region);
        all.find(|one| Some(&one.id) == id.as_ref() || Some(one.resource.as_str()) == resource)
            .map(|one| one.shape.user)
    });
    user.unwrap_or_default() // the world refuses the call then
}

/// Returns a new resource id, as the world makes them.
fn resource_id() -> String {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).expect("the kernel gives random bytes");
    platform_core::rds::resource_id(&mut platform_core::Ids::new(u64::from_ne_bytes(seed)))
}

/// The call as it is now; whoever made it keeps what it needs afterwards.
fn with_input(call: &Call) -> Call {
    Call {
        operation: call.operation,
        region: call.region.clone(),
        access_key: call.access_key.clone(),
        authority: call.authority.clone(),
        input: call.input.clone(),
        request_id: call.request_id.clone(),
    }
}
