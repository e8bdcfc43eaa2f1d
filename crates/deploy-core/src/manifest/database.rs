//! A database of the application, and what differs of it in a stage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Seconds;

/// A database that belongs to the application: a PostgreSQL here, and RDS on AWS.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Database {
    /// What it is. Default: `postgres`, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Version: a major one such as `"16"`, or `"16.4"`. Default: what RDS makes when none is said.
    #[schemars(extend("format" = "managr-postgres-version"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the database in it. Default: the application's name, `-` as `_`.
    #[schemars(extend("format" = "managr-postgres-name"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its master user, whom containers connect as. Default: like the database.
    #[schemars(extend("format" = "managr-postgres-user"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Class of the instance, such as `db.t4g.micro`. Default: `db.t4g.micro`.
    #[schemars(extend("format" = "managr-instance-class"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Size of its disk, such as `"20GiB"`. It can grow, and never shrink. Default: `20GiB`.
    #[schemars(extend("format" = "managr-storage"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// How long it can be restored to any time, in whole days: `"0d"` is no backups, `"35d"` the most. Default: `1d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Seconds>,
    /// Containers that get it. Default: every container that inherits secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers: Option<Vec<String>>,
    /// Variables that they get it by. Default: `{ url = "DATABASE_URL" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<DatabaseVariables>,
    /// Stages that it is in: elsewhere it is not there. Default: every stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
}

/// What differs of a database in a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StageDatabase {
    /// Version here.
    #[schemars(extend("format" = "managr-postgres-version"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the database in it, here.
    #[schemars(extend("format" = "managr-postgres-name"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its master user here.
    #[schemars(extend("format" = "managr-postgres-user"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Class of the instance here.
    #[schemars(extend("format" = "managr-instance-class"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Size of its disk here.
    #[schemars(extend("format" = "managr-storage"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// How long it can be restored to any time, here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Seconds>,
    /// An RDS instance that exists: managr neither makes, changes nor deletes it. Default: `{app}-{database}-{stage}`, which
    /// managr makes on a platform of its own, and which must be there on AWS.
    #[schemars(extend("format" = "managr-instance"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Name or ARN of the JSON secret that has its parts (`url`, `host`, `port`, `name`, `user`, `password`), made by
    /// somebody else. Default: managr's own, `{the stage's secret}/databases/{database}`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    #[default]
    Postgres,
}

/// Variables that containers get a database by: those that are said, and no others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct DatabaseVariables {
    /// All of it: `postgres://USER:PASSWORD@HOST:PORT/NAME`.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its host.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Name of the database.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password.
    #[schemars(extend("format" = "managr-variable"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Parts of a database's secret, in the order in which they are shown.
pub const PARTS: [&str; 6] = ["url", "host", "port", "name", "user", "password"];

/// Variable that a database's URL is given as, if nothing is said.
pub const URL: &str = "DATABASE_URL";

impl Database {
    /// Returns the variables that containers get, each with the part of the secret that it is.
    pub fn given(&self) -> Vec<(&'static str, String)> {
        let Some(said) = &self.variables else { return vec![("url", URL.to_owned())] };
        let DatabaseVariables { url, host, port, name, user, password } = said.clone();
        PARTS.into_iter().zip([url, host, port, name, user, password]).filter_map(|(p, v)| Some((p, v?))).collect()
    }

    /// Puts what a stage says in the place of what the database says.
    pub(crate) fn apply(&mut self, differs: &StageDatabase) {
        let StageDatabase { version, name, user, class, storage, backups, .. } = differs;
        for (own, here) in [
            (&mut self.version, version),
            (&mut self.name, name),
            (&mut self.user, user),
            (&mut self.class, class),
            (&mut self.storage, storage),
        ] {
            if here.is_some() {
                own.clone_from(here);
            }
        }
        self.backups = backups.or(self.backups);
    }
}

/// Reads the size of a disk in GiB: `20GiB`, `1TiB`.
///
/// # Errors
/// A fragment that says what is wrong with it.
pub fn storage_gib(text: &str) -> Result<u32, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim_start() {
        "GiB" => 1,
        "TiB" => 1024,
        "" => return Err(format!("no unit after `{number}`")),
        other => return Err(format!("`{other}` is neither GiB nor TiB")),
    };
    let size = number.parse::<u32>().ok().and_then(|number| number.checked_mul(scale));
    // RDS API reference, CreateDBInstance, AllocatedStorage of RDS for PostgreSQL: "Must be an integer from 20 to 65536".
    size.filter(|size| (20..=65_536).contains(size)).ok_or_else(|| format!("`{text}` is not 20GiB to 64TiB"))
}

/// Returns the major number of a version, if it is one that there is: 13 to 18.
pub fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.').map_or((version, None), |(major, minor)| (major, Some(minor)));
    let is_number = |text: &str| !text.is_empty() && text.len() < 4 && text.bytes().all(|b| b.is_ascii_digit());
    let is_sound = is_number(major) && minor.is_none_or(is_number);
    major.parse().ok().filter(|major| is_sound && (13..=18).contains(major))
}

/// Words that RDS does not take for a master user of PostgreSQL: its own roles, and PostgreSQL's reserved words that people
/// would think of (RDS API reference, CreateDBInstance, MasterUsername: "Can't be a reserved word for the chosen database
/// engine").
const RESERVED: [&str; 8] =
    ["rdsadmin", "rds_superuser", "rds_iam", "rds_replication", "rds_password", "user", "public", "admin"];

/// Returns whether RDS takes a name for a master user.
pub fn is_user(text: &str) -> bool {
    is_postgres_name(text) && !RESERVED.contains(&text.to_ascii_lowercase().as_str()) && !text.starts_with("pg_")
}

/// RDS API reference, CreateDBInstance, DBName of PostgreSQL: 1 to 63 letters, numbers or underscores, beginning with a letter.
/// Capital letters would need quotes in SQL for ever.
pub fn is_postgres_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// RDS API reference, CreateDBInstance, DBInstanceIdentifier: 1 to 63 letters, numbers or hyphens, first a letter, no hyphen
/// at the end nor two in a row.
pub fn is_instance(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_versions_are_those_of_rds() {
        assert_eq!(storage_gib("20GiB"), Ok(20));
        assert_eq!(storage_gib("1TiB"), Ok(1024));
        assert_eq!(storage_gib("20"), Err("no unit after `20`".to_owned()));
        assert_eq!(storage_gib("20GB"), Err("`GB` is neither GiB nor TiB".to_owned()));
        assert_eq!(storage_gib("19GiB"), Err("`19GiB` is not 20GiB to 64TiB".to_owned()));
        assert_eq!(storage_gib("9999999TiB"), Err("`9999999TiB` is not 20GiB to 64TiB".to_owned()));
        assert_eq!(["16", "16.4", "13", "18.1"].map(major), [Some(16), Some(16), Some(13), Some(18)]);
        assert_eq!(["12", "19", "16.", "16.4.1", "x", "", "-16", "+16"].map(major), [None; 8]);
    }

    #[test]
    fn names_are_those_that_rds_takes() {
        assert!(["shop", "shop_2"].into_iter().all(is_postgres_name));
        assert!(!["", "2shop", "Shop", "shop-prod", "_shop"].into_iter().any(is_postgres_name));
        assert!(is_user("shop") && is_user("postgres") && !is_user("rdsadmin") && !is_user("pg_x"));
        assert!(["shop-prod", "a"].into_iter().all(is_instance));
        assert!(!["", "shop_prod", "shop--prod", "shop-", "2shop"].into_iter().any(is_instance));
    }

    #[test]
    fn what_is_given_is_the_url_or_what_is_said() {
        assert_eq!(Database::default().given(), [("url", "DATABASE_URL".to_owned())]);
        let variables = DatabaseVariables { host: Some("PGHOST".to_owned()), ..DatabaseVariables::default() };
        let database = Database { variables: Some(variables), ..Database::default() };
        assert_eq!(database.given(), [("host", "PGHOST".to_owned())]);
    }
}
