//! OpenID Connect providers: whose tokens a role may trust. They are never called.

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entity::date;
use super::find::{self, Which};
use super::tags::{self, Tag};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

/// Most providers of an account, client ids and thumbprints of a provider (API reference,
/// CreateOpenIDConnectProvider; IAM user guide, quotas).
pub(super) const MOST: usize = 100;
const CLIENTS: usize = 100;
const THUMBPRINTS: usize = 5;

/// An OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its ARN.
    pub arn: String,
    /// URL, without the scheme.
    pub url: String,
    /// When it was created.
    pub created: Millis,
    /// Audiences.
    pub clients: Vec<String>,
    /// SHA-1 of certificates.
    pub thumbprints: Vec<String>,
    /// Tags, in the order they were given.
    pub tags: Vec<Tag>,
}

impl Record for Provider {
    const TABLE: &'static str = "iam.oidc-providers";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.arn
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    url: String,
    #[serde(default, rename = "ClientIDList")]
    clients: Vec<String>,
    #[serde(default, rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    if let Some(name) = ["ContextProvider", "IdentityCenterInstanceArn"].iter().find(|name| input.contains_key(**name))
    {
        return Err(find::invalid(format!("{name} is not supported by managr's platform yet.")));
    }
    let Create { url, clients, thumbprints, tags } = read(input)?;
    let invalid = || AwsError::new("ValidationError", "Invalid Open ID Connect Provider URL");
    let bare = url.strip_prefix("https://").filter(|rest| !rest.is_empty() && !rest.contains(['?', '#', ' ']));
    let bare = bare.ok_or_else(invalid)?.trim_end_matches('/').to_owned();
    let arn = cx.global_arn("iam", &format!("oidc-provider/{bare}"));
    if find::provider(world, &arn).is_ok() {
        return Err(find::exists(format!("Provider with url https://{bare} already exists.")));
    }
    if world.records.all::<Provider>("").count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MOST}")));
    }
    are_few(&clients, CLIENTS, "ClientIdsPerOpenIdConnectProvider")?;
    are_few(&thumbprints, THUMBPRINTS, "ThumbprintsPerOpenIdConnectProvider")?;
    let provider = Provider { arn, url: bare, created: cx.now, clients, thumbprints, tags: tags::checked(tags)? };
    let mut reply = json!({"OpenIDConnectProviderArn": provider.arn});
    if !provider.tags.is_empty() {
        reply["Tags"] = json!(provider.tags);
    }
    Ok(Outcome { reply, changes: vec![Change::put(&provider)] })
}

fn are_few(items: &[String], most: usize, quota: &str) -> Result<(), AwsError> {
    if items.len() <= most { Ok(()) } else { Err(find::limit(format!("Cannot exceed quota for {quota}: {most}"))) }
}

pub(super) fn get(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let provider = find::provider(world, &read::<Which>(input.clone())?.name)?;
    let mut out = json!({
        "Url": provider.url,
        "ClientIDList": provider.clients,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": date(provider.created),
    });
    if !provider.tags.is_empty() {
        out["Tags"] = json!(provider.tags);
    }
    Ok(out)
}

pub(super) fn list(world: &World, _: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    let arns: Vec<Value> = world.records.all::<Provider>("").map(|provider| json!({"Arn": provider.arn})).collect();
    Ok(json!({"OpenIDConnectProviderList": arns}))
}

/// Deleting what is not there is no error (API reference, DeleteOpenIDConnectProvider).
pub(super) fn delete(_: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let arn = read::<Which>(input)?.name;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<Provider>("", &arn)] })
}

#[derive(Deserialize)]
struct Client {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "ClientID")]
    client: String,
}

/// Adding what is there and removing what is not are no errors (API reference).
pub(super) fn add_client(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Client { which, client } = read(input)?;
    let mut provider = find::provider(world, &which.name)?;
    if !provider.clients.contains(&client) {
        provider.clients.push(client);
    }
    are_few(&provider.clients, CLIENTS, "ClientIdsPerOpenIdConnectProvider")?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&provider)] })
}

pub(super) fn remove_client(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Client { which, client } = read(input)?;
    let mut provider = find::provider(world, &which.name)?;
    provider.clients.retain(|present| *present != client);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&provider)] })
}

#[derive(Deserialize)]
struct Thumbprints {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
}

pub(super) fn update_thumbprints(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Thumbprints { which, thumbprints } = read(input)?;
    let mut provider = find::provider(world, &which.name)?;
    are_few(&thumbprints, THUMBPRINTS, "ThumbprintsPerOpenIdConnectProvider")?;
    provider.thumbprints = thumbprints;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&provider)] })
}
