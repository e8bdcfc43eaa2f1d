//! What stands in a server's configuration files? No I/O.
//!
//! A parameter group's values come in; what the platform itself must decide cannot be taken away by them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use super::place::INSIDE;

/// The superuser: the platform's own, over the Unix socket and no other way.
pub const SUPERUSER: &str = "rdsadmin";

/// What the files are made of.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) major: u32,
    pub(crate) port: u16,
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) retention_days: u32,
    /// Libraries that the program has and every server loads.
    pub(crate) preload: &'a [String],
    pub(crate) locale: &'a str,
    /// Who checks IAM's tokens, by LDAP.
    pub(crate) tokens: Option<SocketAddr>,
    /// Settings of a recovery, as for a restore to a point in time.
    pub(crate) recovery: &'a [(String, String)],
}

/// Parameters that are the platform's to decide: paths, ports, what makes a write durable, and who may come in.
const OURS: [&str; 22] = [
    "archive_cleanup_command",
    "archive_command",
    "archive_library",
    "archive_mode",
    "cluster_name",
    "config_file",
    "data_directory",
    "external_pid_file",
    "fsync",
    "full_page_writes",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "log_directory",
    "log_filename",
    "logging_collector",
    "port",
    "restore_command",
    "shared_preload_libraries",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
];

/// Why a parameter cannot be written to a configuration file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` cannot be set to what was asked: {why}")]
pub struct BadParameter {
    /// The parameter.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Returns `postgresql.conf`.
pub(crate) fn postgresql(wanted: &Wanted<'_>) -> Result<String, BadParameter> {
    let mut set: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, value: &str| drop(set.insert(name.to_owned(), value.to_owned()));
    // Sizes for a laptop: with PostgreSQL's own a server at rest takes more than twice as much.
    put("shared_buffers", "16MB");
    put("min_wal_size", "32MB");
    put("max_wal_size", "512MB");
    put("huge_pages", "off");
    put("password_encryption", "scram-sha-256");
    put("lc_messages", wanted.locale);
    put("timezone", "UTC");
    put("log_timezone", "UTC");
    // RDS's own prefix, which its users' tools read.
    put("log_line_prefix", "%t:%r:%u@%d:[%p]:");
    put("log_rotation_age", "60");
    put("log_rotation_size", "0");
    put("log_checkpoints", "on");
    put("log_file_mode", "0640");
    if wanted.parameters.get("rds.logical_replication").is_some_and(|value| value == "1") {
        put("wal_level", "logical");
    }
    for (name, value) in wanted.parameters {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("rds.") || lower.starts_with("unix_socket") || OURS.contains(&lower.as_str()) {
            continue;
        }
        // What a group holds may be a formula over the class's memory, which RDS itself works out.
        if value.contains('{') {
            continue;
        }
        put(&lower, value);
    }
    put("data_directory", &format!("{INSIDE}/data"));
    put("hba_file", &format!("{INSIDE}/conf/pg_hba.conf"));
    put("ident_file", &format!("{INSIDE}/conf/pg_ident.conf"));
    put("listen_addresses", "0.0.0.0");
    put("port", &wanted.port.to_string());
    put("unix_socket_directories", &format!("{INSIDE}/socket"));
    put("unix_socket_permissions", "0700");
    put("ssl", "on");
    put("ssl_cert_file", &format!("{INSIDE}/tls/server.crt"));
    put("ssl_key_file", &format!("{INSIDE}/tls/server.key"));
    // What is acknowledged is on the disk.
    put("fsync", "on");
    put("full_page_writes", "on");
    // On always, since it cannot be changed in a server that runs; the command can.
    put("archive_mode", "on");
    put("archive_command", &archive_command(wanted.retention_days));
    put("archive_timeout", if wanted.retention_days == 0 { "0" } else { "300" });
    put("logging_collector", "on");
    put("log_destination", "stderr");
    put("log_directory", &format!("{INSIDE}/log"));
    put("log_filename", "postgresql.log.%Y-%m-%d-%H");
    put("shared_preload_libraries", &preload(wanted));
    for (name, value) in wanted.recovery {
        put(name, value);
    }
    let mut text =
        String::from("# Written by the platform before each start. Change the instance's parameter group instead.\n");
    for (name, value) in &set {
        let bad = |why| BadParameter { name: name.clone(), why };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
            return Err(bad("it has no parameter's name"));
        }
        if value.chars().any(char::is_control) {
            return Err(bad("its value has a line break or another control character"));
        }
        let _ = writeln!(text, "{name} = '{}'", value.replace('\\', "\\\\").replace('\'', "''"));
    }
    Ok(text)
}

/// A segment is there wholly or not at all, and one that is archived a second time must be the same.
fn archive_command(retention_days: u32) -> String {
    if retention_days == 0 {
        return "true".to_owned();
    }
    let to = format!("{INSIDE}/wal/%f");
    format!(
        "if test -f {to}; then cmp -s %p {to}; else (cp --sparse=always %p {to}.part 2>/dev/null || cp %p {to}.part) && \
         sync {to}.part && mv {to}.part {to}; fi"
    )
}

/// What the group asks for is loaded where the program has it; a name that it has not would keep the server from starting.
fn preload(wanted: &Wanted<'_>) -> String {
    let asked = wanted.parameters.get("shared_preload_libraries").map(String::as_str).unwrap_or_default();
    let mut all: Vec<&str> = vec![];
    for name in wanted.preload.iter().map(String::as_str).chain(asked.split(',').map(str::trim)) {
        // RDS's own, which no other PostgreSQL has.
        if !name.is_empty() && !matches!(name, "rdsutils" | "rds_utils" | "rds_casts") && !all.contains(&name) {
            all.push(name);
        }
    }
    all.join(",")
}

/// Returns `pg_hba.conf`: who may come in, and how they show it. The first line that fits counts.
pub(crate) fn hba(wanted: &Wanted<'_>) -> String {
    let mut text = String::new();
    // The server's own user is not let in: what runs in there by a user's wish (COPY .. TO PROGRAM) runs as it.
    let _ = writeln!(text, "local all {SUPERUSER} peer map=platform");
    text.push_str("local all all scram-sha-256\n");
    let _ = writeln!(text, "host all {SUPERUSER} all reject");
    let _ = writeln!(text, "host {SUPERUSER} all all reject");
    if let Some(tokens) = wanted.tokens {
        let (host, port) = (tokens.ip(), tokens.port());
        // A token is a password for a quarter of an hour: never without TLS, as on RDS.
        let _ = writeln!(text, "hostssl all +rds_iam all ldap ldapserver={host} ldapport={port} ldapprefix=\"\"");
        text.push_str("host all +rds_iam all reject\n");
    }
    // RDS's default since 15.
    let forced = match wanted.parameters.get("rds.force_ssl") {
        Some(value) => value == "1",
        None => wanted.major >= 15,
    };
    let kind = if forced { "hostssl" } else { "host" };
    let _ = writeln!(text, "{kind} all all all scram-sha-256");
    let _ = writeln!(text, "{kind} replication +rds_replication all scram-sha-256");
    text
}

/// Returns `pg_ident.conf`: root of this machine is the superuser.
pub(crate) fn ident() -> String {
    format!("platform root {SUPERUSER}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        parameters: &[(&str, &str)],
        change: impl FnOnce(&mut Wanted<'_>),
    ) -> (Result<String, BadParameter>, String) {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut wanted = Wanted {
            major: 15,
            port: 5432,
            parameters: &parameters,
            retention_days: 1,
            preload: &["pg_stat_statements".to_owned()],
            locale: "C.UTF-8",
            tokens: None,
            recovery: &[],
        };
        change(&mut wanted);
        (postgresql(&wanted), hba(&wanted))
    }

    fn has(text: &Result<String, BadParameter>, line: &str) -> bool {
        text.as_ref().unwrap().lines().any(|found| found == line)
    }

    #[test]
    fn what_makes_a_write_durable_cannot_be_taken_away() {
        let (text, _) =
            check(&[("fsync", "off"), ("FSYNC", "off"), ("full_page_writes", "off"), ("port", "1")], |_| {});
        assert!(has(&text, "fsync = 'on'") && has(&text, "full_page_writes = 'on'") && has(&text, "port = '5432'"));
        assert!(!text.unwrap().contains("off'\nFSYNC"));
    }

    #[test]
    fn a_group_says_the_rest() {
        let (text, _) =
            check(&[("shared_buffers", "65536"), ("shared_preload_libraries", "auto_explain, rdsutils")], |_| {});
        assert!(has(&text, "shared_buffers = '65536'"));
        assert!(has(&text, "shared_preload_libraries = 'pg_stat_statements,auto_explain'"));
        let (text, _) = check(&[("shared_buffers", "{DBInstanceClassMemory/32768}")], |_| {});
        assert!(has(&text, "shared_buffers = '16MB'"));
    }

    #[test]
    fn a_value_cannot_bring_a_line_of_its_own() {
        let (text, _) = check(&[("search_path", "x'\nfsync = 'off")], |_| {});
        assert_eq!(text.unwrap_err().name, "search_path");
        let (text, _) = check(&[("search_path", "it's")], |_| {});
        assert!(has(&text, "search_path = 'it''s'"));
    }

    #[test]
    fn nobody_is_the_superuser_over_the_network_nor_anybody_else_without_a_password() {
        for ssl in ["0", "1"] {
            let (_, hba) = check(&[("rds.force_ssl", ssl)], |wanted| wanted.tokens = Some(([10, 0, 0, 1], 389).into()));
            let lines: Vec<&str> = hba.lines().collect();
            let superuser = lines.iter().position(|line| *line == "host all rdsadmin all reject").unwrap();
            let first = lines.iter().position(|line| line.starts_with("host") && !line.ends_with("reject")).unwrap();
            assert!(superuser < first, "{hba}");
            assert!(!hba.contains("trust") && !hba.contains("md5"), "{hba}");
            assert_eq!(hba.contains("\nhost all all all scram"), ssl == "0");
        }
    }

    #[test]
    fn nothing_is_archived_where_nothing_is_kept() {
        let (text, _) = check(&[], |wanted| wanted.retention_days = 0);
        assert!(has(&text, "archive_command = 'true'"));
    }
}
