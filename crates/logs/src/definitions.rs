//! Query definitions: queries that are kept by name.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LogsError;
use crate::records::{Record, Records};
use crate::{Logs, ids};

/// A query that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Its identifier; a new one unless it is another's new content.
    #[serde(default)]
    pub query_definition_id: String,
    /// Its name.
    pub name: String,
    /// The query.
    pub query_string: String,
    /// Groups that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_group_names: Vec<String>,
    /// Language that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_language: Option<String>,
    /// Parameters, as the caller gave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Value>,
    /// When it was put.
    #[serde(default)]
    pub last_modified: Millis,
}

impl Record for Definition {
    const TABLE: &'static str = "logs.query-definitions";

    fn rows(records: &mut Records) -> &mut BTreeMap<String, Self> {
        &mut records.definitions
    }
}

impl Logs {
    /// Puts a definition: a new one, or in place of the one of its identifier, which is returned.
    ///
    /// # Errors
    /// When it names one that is not there.
    pub async fn put_definition(&self, region: &str, mut definition: Definition) -> Result<String, LogsError> {
        let region = region.to_owned();
        self.record(move |index, now| {
            if definition.query_definition_id.is_empty() {
                definition.query_definition_id = ids::uuid().ok_or(LogsError::Interrupted)?;
            } else if !index.records.definitions.contains_key(&key(&region, &definition.query_definition_id)) {
                return Err(LogsError::NoDefinition);
            }
            definition.last_modified = now;
            let id = definition.query_definition_id.clone();
            Ok((id.clone(), vec![(key(&region, &id), Some(definition))]))
        })
        .await
    }

    /// Removes a definition.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn delete_definition(&self, region: &str, id: &str) -> Result<(), LogsError> {
        let key = key(region, id);
        self.record::<Definition, ()>(move |index, _| match index.records.definitions.contains_key(&key) {
            true => Ok(((), vec![(key, None)])),
            false => Err(LogsError::NoDefinition),
        })
        .await
    }

    /// Returns the definitions of a region, by identifier.
    pub fn definitions(&self, region: &str) -> Vec<(String, Definition)> {
        let front = format!("{region}:");
        let index = self.inner.index.read();
        let rows = index.records.definitions.range(front.clone()..).take_while(|(key, _)| key.starts_with(&front));
        rows.map(|(key, definition)| (key.clone(), definition.clone())).collect()
    }
}

fn key(region: &str, id: &str) -> String {
    format!("{region}:{id}")
}
