//! The operations of Secrets Manager that change something.

use aws_model::call::read;
use aws_model::{AwsError, Call, Document, seconds};
use serde_json::{Value, json};

use super::answers::{Made, Named};
use super::input::{Create, Delete, Policy, Put, Stage, Tags, Untag, Update, Which};
use super::{Answered, refuse, written};
use crate::{Removal, Secret, SecretError, Secrets};

fn named(secret: &Secret) -> Answered {
    written(&Named::of(secret))
}

pub(super) async fn create(secrets: &Secrets, call: &Call, input: Document) -> Answered {
    refuse(&input, &["AddReplicaRegions", "Type", "CrossAccountPrimaryARN"])?;
    let new: Create = read(call.operation, input)?;
    written(&Made::from(secrets.create(&call.region, new.read()?).await?))
}

pub(super) async fn delete(secrets: &Secrets, call: &Call, input: Delete) -> Answered {
    let removal = input.removal()?;
    match secrets.delete(&call.region, &input.secret_id, removal).await {
        Ok((secret, gone)) => {
            let mut answer = named(&secret)?;
            answer["DeletionDate"] = seconds(gone);
            Ok(answer)
        }
        // API reference, `DeleteSecret`: forcing the deletion of what is not there is no error.
        Err(SecretError::NotFound(_)) if matches!(removal, Removal::Now) => Ok(json!({"Name": input.secret_id})),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn restore(secrets: &Secrets, call: &Call, input: Which) -> Answered {
    named(&*secrets.restore(&call.region, &input.secret_id).await?)
}

pub(super) async fn put(secrets: &Secrets, call: &Call, input: Document) -> Answered {
    refuse(&input, &["RotationToken"])?;
    let put: Put = read(call.operation, input)?;
    let made = secrets.put(&call.region, &put.secret_id.clone(), put.read()?).await?;
    let stages = made.version.as_ref().map(|version| version.stages.clone());
    let mut answer = written(&Made::from(made))?;
    answer["VersionStages"] = json!(stages);
    Ok(answer)
}

pub(super) async fn update(secrets: &Secrets, call: &Call, input: Document) -> Answered {
    refuse(&input, &["Type"])?;
    let update: Update = read(call.operation, input)?;
    written(&Made::from(secrets.update(&call.region, &update.secret_id.clone(), update.read()?).await?))
}

pub(super) async fn move_stage(secrets: &Secrets, call: &Call, input: Stage) -> Answered {
    let Stage { secret_id, version_stage, remove_from_version_id: from, move_to_version_id: to } = input;
    named(&*secrets.move_stage(&call.region, &secret_id, version_stage, from, to).await?)
}

pub(super) async fn put_policy(secrets: &Secrets, call: &Call, input: Policy) -> Answered {
    if !serde_json::from_str::<Value>(&input.resource_policy).is_ok_and(|policy| policy.is_object()) {
        let words = "This resource policy contains invalid Json";
        return Err(AwsError::new("MalformedPolicyDocumentException", words));
    }
    named(&*secrets.set_policy(&call.region, &input.secret_id, Some(input.resource_policy)).await?)
}

pub(super) async fn delete_policy(secrets: &Secrets, call: &Call, input: Which) -> Answered {
    named(&*secrets.set_policy(&call.region, &input.secret_id, None).await?)
}

pub(super) async fn tag(secrets: &Secrets, call: &Call, input: Tags) -> Result<(), AwsError> {
    let (id, tags) = input.read();
    Ok(secrets.tag(&call.region, &id, tags).await.map(drop)?)
}

pub(super) async fn untag(secrets: &Secrets, call: &Call, input: Untag) -> Result<(), AwsError> {
    Ok(secrets.untag(&call.region, &input.secret_id, input.tag_keys).await.map(drop)?)
}
