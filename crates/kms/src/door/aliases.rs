//! Aliases: names for keys that can be given to another key.

use aws_model::{AwsError, Call};
use serde::Deserialize;
use serde_json::Value;

use super::Page;
use crate::Kms;
use crate::key::Alias;
use crate::state::Changes;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    alias_name: String,
    #[serde(default)]
    target_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    key_id: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// Refuses names that customers cannot give (CreateAlias API reference).
fn check(name: &str) -> Result<(), AwsError> {
    let words = match name.strip_prefix("alias/") {
        None | Some("") => "Invalid identifier: an alias begins with 'alias/' and has a name behind it",
        Some(tail) if tail.starts_with("aws/") => {
            return Err(AwsError::new("NotAuthorizedException", "Aliases that begin with alias/aws/ are AWS's own"));
        }
        Some(tail) if !tail.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c)) => {
            "Alias contains invalid characters"
        }
        Some(_) => return Ok(()),
    };
    Err(AwsError::new("InvalidAliasNameException", words))
}

impl Kms {
    pub(super) async fn create_alias(&self, call: &Call, input: Named) -> Result<Value, AwsError> {
        let region = call.region.clone();
        check(&input.alias_name)?;
        let account = self.inner.account.clone();
        self.change(move |state, now| {
            let key = state.find(&account, &region, &input.target_key_id, now)?;
            key.not_leaving()?;
            let alias =
                Alias { region: region.clone(), name: input.alias_name, key: key.id, created_at: now, updated_at: now };
            if state.aliases.contains_key(&(region, alias.name.clone())) {
                let words = format!("An alias with the name {} already exists", alias.arn(&account));
                return Err(AwsError::new("AlreadyExistsException", words));
            }
            Ok((Value::Null, Changes { aliases: vec![alias], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn update_alias(&self, call: &Call, input: Named) -> Result<Value, AwsError> {
        let region = call.region.clone();
        check(&input.alias_name)?;
        let account = self.inner.account.clone();
        self.change(move |state, now| {
            let mut alias =
                known(state.aliases.get(&(region.clone(), input.alias_name.clone())), &account, &region, &input)?;
            let key = state.find(&account, &region, &input.target_key_id, now)?;
            key.not_leaving()?;
            alias.key = key.id;
            alias.updated_at = now;
            Ok((Value::Null, Changes { aliases: vec![alias], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn delete_alias(&self, call: &Call, input: Named) -> Result<Value, AwsError> {
        let region = call.region.clone();
        check(&input.alias_name)?;
        let account = self.inner.account.clone();
        self.change(move |state, _| {
            let alias =
                known(state.aliases.get(&(region.clone(), input.alias_name.clone())), &account, &region, &input)?;
            Ok((Value::Null, Changes { gone_aliases: vec![alias], ..Changes::default() }))
        })
        .await
    }

    pub(super) async fn list_aliases(&self, call: &Call, input: List) -> Result<Value, AwsError> {
        let region = call.region.as_str();
        let of_key = input.key_id.as_ref().map(|name| self.find(region, name)).transpose()?;
        let state = self.inner.state.read();
        let wanted = |alias: &&Alias| alias.region == region && of_key.as_ref().is_none_or(|key| alias.key == key.id);
        let rows = state.aliases.values().filter(wanted).map(|a| (a.name.clone(), a.entry(&self.inner.account)));
        Ok(input.page.cut("Aliases", rows, 50))
    }
}

fn known(found: Option<&Alias>, account: &str, region: &str, input: &Named) -> Result<Alias, AwsError> {
    let arn = aws_model::region::arn("kms", region, account, &input.alias_name);
    found.cloned().ok_or_else(|| AwsError::new("NotFoundException", format!("Alias {arn} is not found.")))
}
