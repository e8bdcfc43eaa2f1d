//! Which roles and databases does a fresh server get? SQL as text, no I/O. Each may be said again.

use super::files::SUPERUSER;

/// Returns a name as SQL's identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a text as SQL's literal.
pub(crate) fn literal(text: &str) -> String {
    // With a backslash it is an escape string, whatever `standard_conforming_strings` says.
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Keeps what is said next out of the log and the statistics: a verifier is as good as a hash of the password.
pub(crate) const QUIETLY: &str = "SET log_statement = 'none'; SET log_min_duration_statement = -1; \
     SET log_min_error_statement = 'panic'; SET pg_stat_statements.track = 'none';";

fn ensure_role(name: &str, options: &str) -> String {
    format!(
        "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN CREATE ROLE {} {options}; END IF; END $do$;",
        literal(name),
        identifier(name)
    )
}

/// Returns what makes RDS's roles.
pub(crate) fn rds(major: u32) -> String {
    let mut sql: String = ["rds_superuser", "rds_replication", "rds_iam", "rds_password"]
        .map(|name| ensure_role(name, "NOLOGIN"))
        .concat();
    // A member of `rds_iam` comes in by a token and no password, so nobody is made one here.
    sql.push_str(
        "GRANT pg_monitor, pg_signal_backend, rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION;",
    );
    if major >= 15 {
        sql.push_str("GRANT pg_checkpoint TO rds_superuser WITH ADMIN OPTION;");
    }
    sql
}

/// Returns what makes the master user, and gives it its password.
pub(crate) fn master(user: &str, verifier: &str) -> String {
    let name = identifier(user);
    format!(
        "{} ALTER ROLE {name} LOGIN CREATEDB CREATEROLE NOSUPERUSER PASSWORD {}; GRANT rds_superuser TO {name};",
        ensure_role(user, ""),
        literal(verifier)
    )
}

/// Returns what gives the database that every server has to the master user, as on RDS.
pub(crate) fn owner_of_postgres(user: &str) -> String {
    format!("ALTER DATABASE postgres OWNER TO {};", identifier(user))
}

/// Returns whether a database is there, as a query with one row if it is.
pub(crate) fn is_there(database: &str) -> String {
    format!("SELECT 1 FROM pg_database WHERE datname = {}", literal(database))
}

/// Returns what makes a database that belongs to `owner`.
pub(crate) fn database(name: &str, owner: &str) -> String {
    format!("CREATE DATABASE {} OWNER {};", identifier(name), identifier(owner))
}

/// Returns what makes the platform's own database, which nobody else enters.
pub(crate) fn own_database() -> String {
    format!("CREATE DATABASE {SUPERUSER};")
}

/// Returns what makes an extension in the database that one is connected to.
pub(crate) fn extension(name: &str) -> String {
    format!("CREATE EXTENSION IF NOT EXISTS {} CASCADE;", identifier(name))
}

/// Whether a user cannot be a master user. A dollar would end the quotes of a block of code.
pub(crate) fn is_reserved(user: &str) -> bool {
    user == SUPERUSER || user.starts_with("pg_") || user.starts_with("rds_") || user.is_empty() || user.contains('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_quotes() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }

    #[test]
    fn the_superuser_is_nobodys_name() {
        assert!(is_reserved("rdsadmin") && is_reserved("pg_monitor") && is_reserved("a$do$") && !is_reserved("shop"));
    }
}
