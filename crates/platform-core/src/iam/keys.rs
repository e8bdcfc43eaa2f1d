//! Access keys of users: a call with one is that user's.

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entity::{User, date};
use super::find;
use super::page::Paging;
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World, ids};

/// Most keys of a user (IAM user guide, quotas).
const MOST: usize = 2;

/// An access key. Its secret part is kept nowhere: no signature is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA...`.
    pub id: String,
    /// Whose it is: the user's name in small letters.
    pub user: String,
    /// Whether it may be used.
    pub active: bool,
    /// When it was created.
    pub created: Millis,
}

impl Record for AccessKey {
    const TABLE: &'static str = "iam.access-keys";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl AccessKey {
    fn show(&self, user: &User) -> Value {
        json!({
            "UserName": user.entity.name,
            "AccessKeyId": self.id,
            "Status": if self.active { "Active" } else { "Inactive" },
            "CreateDate": date(self.created),
        })
    }
}

/// Returns the user that is named, or else whose key the caller has.
pub(super) fn of_caller(world: &World, cx: &Cx<'_>, named: Option<String>) -> Result<String, AwsError> {
    let own = || world.records.get::<AccessKey>("", cx.access_key).map(|access| access.user);
    named
        .or_else(own)
        .ok_or_else(|| AwsError::new("ValidationError", "Must specify userName when calling with non-User credentials"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Of {
    user_name: Option<String>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let name = of_caller(world, cx, read::<Of>(input)?.user_name)?;
    let user: User = find::principal(world, &name)?;
    if world.records.all::<AccessKey>("").filter(|access| access.user == user.entity.key).count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for AccessKeysPerUser: {MOST}")));
    }
    let id = ids::access_key("AKIA", cx);
    let access = AccessKey { id, user: user.entity.key.clone(), active: true, created: cx.now };
    let mut shown = access.show(&user);
    shown["SecretAccessKey"] = json!(ids::secret_key(cx));
    Ok(Outcome { reply: json!({"AccessKey": shown}), changes: vec![Change::put(&access)] })
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = of_caller(world, cx, read::<Of>(input.clone())?.user_name)?;
    let user: User = find::principal(world, &name)?;
    let own = world.records.all::<AccessKey>("").filter(|access| access.user == user.entity.key);
    let keys = own.map(|access| (access.id.clone(), access.show(&user))).collect();
    Ok(read::<Paging>(input.clone())?.page("AccessKeyMetadata", keys))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    user_name: Option<String>,
    access_key_id: String,
}

impl Which {
    fn find(self, world: &World, cx: &Cx<'_>) -> Result<AccessKey, AwsError> {
        let user: User = find::principal(world, &of_caller(world, cx, self.user_name)?)?;
        let found = world.records.get::<AccessKey>("", &self.access_key_id);
        let found = found.filter(|access| access.user == user.entity.key);
        let words = || find::no_such(format!("The Access Key with id {} cannot be found.", self.access_key_id));
        found.ok_or_else(words)
    }
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let access = read::<Which>(input)?.find(world, cx)?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<AccessKey>("", &access.id)] })
}

#[derive(Deserialize)]
struct Update {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "Status")]
    status: String,
}

pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Update { which, status } = read(input)?;
    let access = which.find(world, cx)?;
    let active = match status.as_str() {
        "Active" => true,
        "Inactive" => false,
        // The model's enumeration has a third, which is only answered (API reference, `Status`).
        _ => return Err(find::invalid(format!("The status {status} cannot be set."))),
    };
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&AccessKey { active, ..access })] })
}
