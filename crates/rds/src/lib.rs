//! RDS's operations that may bring a master user's password: it becomes a verifier before the world sees it, and a secret
//! where RDS is to manage it.
//!
//! Never: a password in the world, in a log line or in an error. What an operation means is decided in
//! `platform_core::rds`.

use aws_model::{Answer, Answering, AwsError, Call, Document, Door};
use orchestrator::{CallCx, Handle, WorldDoor};
use platform_core::rds::{self, Guarded};
use secrets::{NewSecret, NewVersion, PasswordRules, Removal, SecretText, SecretValue, Secrets, Tag};
use serde_json::{Value, json};

/// The door; it stands before the world's table of these operations.
pub struct Passwords {
    handle: Handle,
    secrets: Secrets,
    world: WorldDoor,
}

/// What is undone if the world refuses the call.
#[derive(Default)]
struct Made {
    secret: Option<String>,
}

impl Passwords {
    /// Makes the door.
    pub fn new(handle: Handle, secrets: Secrets) -> Self {
        let world = WorldDoor::new(handle.clone(), rds::GUARDED);
        Self { handle, secrets, world }
    }

    async fn answer(&self, mut call: Call) -> Result<Answer, AwsError> {
        let (region, operation) = (call.region.clone(), call.operation.name());
        let cx = CallCx { region: region.clone(), access_key: call.access_key.clone() };
        let known = self.handle.answer(&cx, |world, cx| Ok(rds::guarded(world, cx, operation, &call.input)))?;
        for name in [rds::RESOURCE, rds::SECRET] {
            call.input.remove(name);
        }
        let mut made = Made::default();
        if operation != "DeleteDBInstance" {
            made = self.guard(&region, operation, &known, &mut call.input).await?;
        }
        let drops = drops(operation, &call.input, &known);
        match self.world.call(call).await {
            Ok(answer) => {
                if let Some(arn) = drops {
                    self.drop_secret(&region, &arn).await;
                }
                Ok(answer)
            }
            Err(error) => {
                if let Some(arn) = made.secret {
                    self.drop_secret(&region, &arn).await;
                }
                Err(error)
            }
        }
    }

    /// Puts a verifier in the place of the password that is given, or made.
    async fn guard(
        &self,
        region: &str,
        operation: &str,
        known: &Guarded,
        input: &mut Document,
    ) -> Result<Made, AwsError> {
        let given = match input.remove("MasterUserPassword") {
            Some(Value::String(password)) => Some(SecretText::new(password)),
            _ => None,
        };
        let managed = input.get("ManageMasterUserPassword").and_then(Value::as_bool);
        let rotates = input.get("RotateMasterUserPassword").and_then(Value::as_bool) == Some(true);
        if given.is_some() && managed == Some(true) {
            let words = "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
        if rotates && known.secret.is_none() {
            let words =
                "RotateMasterUserPassword needs an instance whose password is managed (ManageMasterUserPassword).";
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
        if let Some(password) = &given {
            rds::check_password(password.expose())?;
            input.insert("MasterUserPassword".to_owned(), verifier(password).into());
        }
        let mut made = Made::default();
        if operation != "ModifyDBInstance" && managed == Some(true) {
            let resource = new_resource();
            let password = password()?;
            let arn = self.make_secret(region, &resource, known, &password, input).await?;
            input.insert(rds::RESOURCE.to_owned(), resource.into());
            made.secret = Some(arn.clone());
            input.insert(rds::SECRET.to_owned(), arn.into());
            input.insert("MasterUserPassword".to_owned(), verifier(&password).into());
        } else if operation == "ModifyDBInstance" && managed == Some(true) && known.secret.is_none() {
            if let Some(resource) = &known.resource {
                let password = password()?;
                let arn = self.make_secret(region, resource, known, &password, input).await?;
                made.secret = Some(arn.clone());
                input.insert(rds::SECRET.to_owned(), arn.into());
                input.insert("MasterUserPassword".to_owned(), verifier(&password).into());
            }
        } else if let Some(arn) = known.secret.as_ref().filter(|_| rotates) {
            let password = password()?;
            let new = NewVersion { token: None, value: value(known, &password), stages: Vec::new() };
            self.secrets.put(region, arn, new).await?;
            input.insert(rds::SECRET.to_owned(), arn.clone().into());
            input.insert("MasterUserPassword".to_owned(), verifier(&password).into());
        }
        Ok(made)
    }

    /// Makes the secret, under the name that RDS gives it: `rds!` and the instance's resource id.
    async fn make_secret(
        &self,
        region: &str,
        resource: &str,
        known: &Guarded,
        password: &SecretText,
        input: &Document,
    ) -> Result<String, AwsError> {
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        let new = NewSecret {
            name: format!("rds!{}", resource.to_ascii_lowercase()),
            token: None,
            description: Some("The master user's password of a DB instance, managed by RDS".to_owned()),
            kms_key_id: input.get("MasterUserSecretKmsKeyId").and_then(Value::as_str).map(str::to_owned),
            value: Some(value(known, password)),
            tags: vec![tag("managed-by", "rds")],
        };
        Ok(self.secrets.create(region, new).await?.arn)
    }

    async fn drop_secret(&self, region: &str, arn: &str) {
        if let Err(error) = self.secrets.delete(region, arn, Removal::Now).await {
            tracing::warn!(%error, secret = arn, "a database's secret was left behind");
        }
    }
}

/// Returns the secret that goes once the call is done: with its instance, or when RDS manages the password no more.
fn drops(operation: &str, input: &Document, known: &Guarded) -> Option<String> {
    let unmanaged = input.get("ManageMasterUserPassword") == Some(&Value::Bool(false));
    let goes = operation == "DeleteDBInstance" || (operation == "ModifyDBInstance" && unmanaged);
    known.secret.clone().filter(|_| goes)
}

fn value(known: &Guarded, password: &SecretText) -> SecretValue {
    let parts = json!({"username": known.user, "password": password.expose()});
    SecretValue::Text(SecretText::new(parts.to_string()))
}

/// RDS makes passwords of 28 characters without those that its own API refuses; quotes and backslashes are left out too,
/// since people paste these into shells and URLs.
fn password() -> Result<SecretText, AwsError> {
    let rules = PasswordRules { length: 28, exclude: "/\"@'\\`$ ".to_owned(), ..PasswordRules::default() };
    Ok(secrets::password(&rules)?)
}

fn verifier(password: &SecretText) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

fn new_resource() -> String {
    let seed = getrandom::u64().expect("the kernel's random source answers once the system is up");
    rds::resource_id(&mut platform_core::Ids::new(seed))
}

impl Door for Passwords {
    fn operations(&self) -> Vec<&'static str> {
        self.world.operations()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}
