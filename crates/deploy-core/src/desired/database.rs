//! What should a database of a stage be? An instance of RDS, and a secret with what is needed to reach it.

use serde::{Deserialize, Serialize};

use super::names::hash;
use super::{Scope, seen};
use crate::manifest::database::{major, storage_gib};
use crate::manifest::{Database, Manifest};

/// A database of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// Name in `[databases]`.
    pub name: String,
    /// Identifier of the RDS instance.
    pub instance: String,
    /// Whether the manifest names the instance as one that exists: it is neither made, changed nor deleted.
    pub exists: bool,
    /// Version, if the manifest says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the database in it.
    pub database: String,
    /// Master user.
    pub user: String,
    /// Class; none is whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// GiB; none is whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<u32>,
    /// Days that backups are kept; none is whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_days: Option<u32>,
    /// Name or ARN of the secret with its parts.
    pub secret: String,
    /// Whether somebody else makes that secret.
    pub given_secret: bool,
    /// Parts that containers get.
    pub parts: Vec<String>,
}

impl DatabaseSpec {
    /// Returns the major version, if the manifest says one.
    pub fn major(&self) -> Option<u32> {
        major(self.version.as_deref()?)
    }
}

/// Returns the identifier of a stage's instance: the one that exists, or the one that managr makes.
pub fn database_instance(manifest: &Manifest, stage: &str, database: &str) -> String {
    let manifest = seen(manifest, stage);
    let own = manifest.stages.get(stage).and_then(|stage| stage.databases.get(database)?.instance.clone());
    own.unwrap_or_else(|| made(&manifest.app, database, stage))
}

/// Returns `{app}-{database}-{stage}` as RDS takes it; one that had to be changed ends in a hash of what it was.
pub(super) fn made(app: &str, database: &str, stage: &str) -> String {
    let wanted = format!("{app}-{database}-{stage}");
    // RDS keeps identifiers in lower case (API reference, CreateDBInstance).
    let mut plain = String::with_capacity(wanted.len());
    for c in wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }) {
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    if plain == wanted && plain.len() <= 63 {
        return plain;
    }
    let room = plain.len().min(63 - 9);
    format!("{}-{:08x}", plain[..room].trim_end_matches('-'), hash(&wanted))
}

impl Scope<'_> {
    pub(super) fn databases(&self) -> Vec<DatabaseSpec> {
        self.manifest.databases.iter().map(|(name, database)| self.database(name, database)).collect()
    }

    fn database(&self, name: &str, spec: &Database) -> DatabaseSpec {
        let differs = self.stage.databases.get(name);
        let exists = differs.and_then(|differs| differs.instance.clone());
        let given = differs.and_then(|differs| differs.secret.clone());
        let plain = || {
            let plain = self.manifest.app.replace('-', "_");
            // The master user and the database are not the same thing, but what PostgreSQL keeps for itself is both's.
            if crate::manifest::database::is_user(&plain) { plain } else { format!("{plain}_db") }
        };
        let database = spec.name.clone().unwrap_or_else(plain);
        let user = spec
            .user
            .clone()
            .unwrap_or_else(|| if crate::manifest::database::is_user(&database) { database.clone() } else { plain() });
        let storage = spec.storage.as_deref().and_then(|size| storage_gib(size).ok());
        DatabaseSpec {
            name: name.to_owned(),
            instance: exists.clone().unwrap_or_else(|| made(&self.manifest.app, name, self.name)),
            exists: exists.is_some(),
            version: spec.version.clone(),
            database,
            user,
            class: spec.class.clone().filter(|_| exists.is_none()),
            storage: storage.filter(|_| exists.is_none()),
            backup_days: spec.backups.map(|time| time.0 / 86_400).filter(|_| exists.is_none()),
            given_secret: given.is_some(),
            secret: given.unwrap_or_else(|| self.database_secret(name)),
            parts: spec.given().into_iter().map(|(part, _)| part.to_owned()).collect(),
        }
    }

    fn database_secret(&self, name: &str) -> String {
        format!("{}/databases/{name}", self.secret_name())
    }

    pub(super) fn database_secret_arn(&self, name: &str) -> String {
        let given = self.stage.databases.get(name).and_then(|differs| differs.secret.clone());
        let secret = given.unwrap_or_else(|| self.database_secret(name));
        self.facts.database_secrets.get(name).cloned().unwrap_or_else(|| match secret.starts_with("arn:") {
            true => secret,
            false => format!("arn:aws:secretsmanager:{}:{}:secret:{secret}", self.region, self.facts.account),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::made;
    use crate::manifest::database::is_instance;

    #[test]
    fn instances_have_names_that_rds_takes() {
        assert_eq!(made("shop", "main", "prod"), "shop-main-prod");
        assert!(made("shop", "main_2", "prod").starts_with("shop-main-2-prod-"));
        assert_ne!(made("shop", "a_b", "prod"), made("shop", "a-b", "prod"));
        for stage in ["prod", "Pr_7", "a--b", &"x".repeat(64)] {
            let name = made("shop", "main", stage);
            assert!(is_instance(&name), "{name}");
        }
    }
}
