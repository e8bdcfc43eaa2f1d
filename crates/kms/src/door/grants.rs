//! Grants: kept and listed. No call is refused for lack of one.

use aws_model::{AwsError, Call, Document};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Page;
use crate::Kms;
use crate::key::Grant;
use crate::state::Changes;

/// Members of the request that a grant is listed with.
const LISTED: [&str; 7] = [
    "Constraints",
    "GranteePrincipal",
    "GranteeServicePrincipal",
    "Name",
    "Operations",
    "RetiringPrincipal",
    "RetiringServicePrincipal",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    key_id: String,
    grant_id: Option<String>,
    grantee_principal: Option<String>,
    #[serde(flatten)]
    page: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retirable {
    retiring_principal: Option<String>,
    #[serde(flatten)]
    page: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Remove {
    key_id: Option<String>,
    grant_id: Option<String>,
    grant_token: Option<String>,
}

fn hex(count: usize) -> Result<String, AwsError> {
    let mut bytes = vec![0_u8; count];
    getrandom::fill(&mut bytes).map_err(|_| AwsError::server("no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Kms {
    /// A grant with a name is made once: the same request answers the same grant (API reference, `Name`).
    pub(super) async fn create_grant(&self, call: &Call, input: Document) -> Result<Value, AwsError> {
        let region = call.region.clone();
        let account = self.inner.account.clone();
        let name = input.get("KeyId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let document: Document = input.into_iter().filter(|(name, _)| LISTED.contains(&name.as_str())).collect();
        if !["GranteePrincipal", "GranteeServicePrincipal"].iter().any(|member| document.contains_key(*member)) {
            let words = "Either GranteePrincipal or GranteeServicePrincipal must be given";
            return Err(AwsError::new("ValidationException", words));
        }
        self.change(move |state, now| {
            let key = state.find(&account, &region, &name, now)?;
            key.usable()?;
            let is_same = |grant: &&Grant| {
                grant.region == key.region
                    && grant.key == key.id
                    && document.contains_key("Name")
                    && grant.document == document
            };
            if let Some(known) = state.grants.values().find(is_same) {
                return Ok((json!({"GrantId": known.id, "GrantToken": known.token}), Changes::default()));
            }
            let grant =
                Grant { region: key.region, key: key.id, id: hex(32)?, token: hex(64)?, created_at: now, document };
            let answer = json!({"GrantId": grant.id, "GrantToken": grant.token});
            Ok((answer, Changes { grants: vec![grant], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn list_grants(&self, call: &Call, input: List) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        let key = self.find(region, &input.key_id)?;
        let state = self.inner.state.read();
        let wanted = |grant: &&Grant| {
            grant.region == key.region
                && grant.key == key.id
                && input.grant_id.as_ref().is_none_or(|id| grant.id == *id)
                && input
                    .grantee_principal
                    .as_ref()
                    .is_none_or(|who| grant.document.get("GranteePrincipal") == Some(&json!(who)))
        };
        let rows = state.grants.values().filter(wanted).map(|one| (one.id.clone(), one.entry(&self.inner.account)));
        Ok(input.page.cut("Grants", rows, 50))
    }

    pub(super) async fn list_retirable(&self, call: &Call, input: Retirable) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        let state = self.inner.state.read();
        let who = input.retiring_principal.as_ref().map(|who| json!(who));
        let wanted = |grant: &&Grant| grant.region == region && grant.document.get("RetiringPrincipal") == who.as_ref();
        let rows = state.grants.values().filter(wanted).map(|one| (one.id.clone(), one.entry(&self.inner.account)));
        Ok(input.page.cut("Grants", rows, 50))
    }

    pub(super) async fn remove_grant(&self, call: &Call, input: Remove) -> Result<Value, AwsError> {
        let region = call.region.clone();
        let account = self.inner.account.clone();
        self.change(move |state, now| {
            let key = input.key_id.as_ref().map(|name| state.find(&account, &region, name, now)).transpose()?;
            let is_it = |grant: &&Grant| match (&input.grant_token, &input.grant_id, &key) {
                (Some(token), _, _) => grant.token == *token,
                (None, Some(id), Some(key)) => grant.id == *id && grant.key == key.id && grant.region == key.region,
                _ => false,
            };
            let found = state.grants.values().find(is_it).cloned();
            let nothing = || {
                let id = input.grant_id.as_deref().unwrap_or("of this token");
                AwsError::new("NotFoundException", format!("Grant ID {id} not found"))
            };
            Ok((Value::Null, Changes { gone_grants: vec![found.ok_or_else(nothing)?], ..Changes::default() }))
        })
        .await
    }
}
