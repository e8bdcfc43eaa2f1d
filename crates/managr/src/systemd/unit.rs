//! What does the unit of a platform say? Rendering and recognising its file; touches nothing.
//!
//! One unit for each data directory, whether it lasts until the next boot (`platform start`) or
//! beyond it (`platform install`). Its rules are those of systemd.unit(5), systemd.service(5) and
//! systemd.syntax(7).

use std::path::Path;

use sha2::{Digest, Sha256};

/// First line of a file that we wrote; a checksum of the rest follows.
const MARK: &str = "# Written by managr; changes belong into a drop-in (`systemctl edit`). Checksum: ";

/// Images are pulled over it, and listeners may bind an address that it brings.
const NETWORK: &str = "Wants=network-online.target\nAfter=network-online.target nss-lookup.target\n";

/// For how long a unit is meant, and where its log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Until the next boot; the log is a file in the data directory.
    Boot,
    /// Until it is taken away; the log is the journal's, which is kept within bounds for years.
    Always,
}

/// What a unit is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// For how long.
    pub(crate) lasting: Lasting,
    /// This program, absolute.
    pub(crate) program: &'a str,
    /// Its arguments.
    pub(crate) arguments: &'a [String],
    /// The platform's data directory, absolute.
    pub(crate) data_dir: &'a str,
    /// Where the log of a unit goes that lasts until the next boot.
    pub(crate) log: &'a str,
    /// File with variables, which need not be there.
    pub(crate) environment: &'a str,
}

/// Why there can be no unit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// A line of a unit cannot hold it.
    #[error("a unit cannot hold the path or option {0:?}")]
    Unwritable(String),
}

/// Returns the name of the unit that belongs to a data directory.
pub(crate) fn name(data_dir: &Path) -> String {
    if data_dir == Path::new("/var/lib/managr") {
        return "managr.service".to_owned();
    }
    // The same short name that the directory has below /run/managr.
    let run_dir = runtime::Config::default_run_dir(&data_dir.join("run"));
    format!("managr-{}.service", run_dir.file_name().unwrap_or_default().to_string_lossy())
}

/// Returns the text of a unit's file.
///
/// # Errors
/// Names what no line can hold: control characters, or a path that ends in a blank or a backslash.
pub(crate) fn render(wanted: &Wanted<'_>) -> Result<String, UnitError> {
    let Wanted { lasting, program, arguments, data_dir, log, environment } = wanted;
    let mut command = vec![word(program)?];
    for argument in *arguments {
        command.push(word(argument)?);
    }
    let (log, restart, network, install) = match lasting {
        // A start that fails is reported to the user who waits for it, and not tried again; and he shall
        // not wait for a network that he may not have.
        Lasting::Boot => (format!("append:{}", value(log)?), "on-abnormal", "", ""),
        Lasting::Always => ("journal".to_owned(), "on-failure", NETWORK, "\n[Install]\nWantedBy=multi-user.target\n"),
    };
    let body = format!(
        "\
[Unit]
Description=managr platform on {description}
# Firewalls first: the platform looks at what they left, and nftables.service flushes all there is.
After=nftables.service firewalld.service ufw.service docker.service
{network}RequiresMountsFor={mounts}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
EnvironmentFile=-{environment}
# Supervisors and the load balancer live in this unit and go on when the platform ends.
KillMode=process
Delegate=yes
OOMPolicy=continue
OOMScoreAdjust=-500
TasksMax=infinity
LimitNOFILE=65535:1048576
Restart={restart}
RestartSec=5
TimeoutStartSec=120
TimeoutStopSec=60
StandardOutput={log}
StandardError=inherit
{install}",
        description = value(data_dir)?,
        mounts = quoted(data_dir)?,
        command = command.join(" "),
        environment = globbed(environment)?,
    );
    Ok(format!("{MARK}{}\n{body}", checksum(&body)))
}

/// Whose a unit's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// As we wrote it.
    Ours,
    /// We wrote it, and it was changed since.
    Edited,
    /// Another program's or the user's.
    Stranger,
}

/// Returns who wrote a unit's file.
pub(crate) fn author(text: &str) -> Author {
    let parts = text.strip_prefix(MARK).and_then(|rest| rest.split_once('\n'));
    match parts {
        Some((sum, body)) if sum == checksum(body) => Author::Ours,
        Some(_) => Author::Edited,
        None => Author::Stranger,
    }
}

/// Whether a unit's command has an argument.
pub(crate) fn has(text: &str, argument: &str) -> bool {
    let command = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap_or_default();
    word(argument).is_ok_and(|word| format!("{command} ").contains(&format!(" {word} ")))
}

/// Returns the value of a flag (`--listen=`) in a unit's command, if it is there.
pub(crate) fn flag<'a>(text: &'a str, flag: &str) -> Option<&'a str> {
    let command = text.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
    command.split(' ').find_map(|word| word.trim_matches('"').strip_prefix(flag))
}

/// Returns the text of a file for `EnvironmentFile=` (systemd.exec(5)).
pub(crate) fn environment<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut out = String::new();
    for (name, value) in variables {
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            // What a shell would look at in double quotes is meant as it stands.
            if matches!(c, '"' | '\\' | '`' | '$') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push_str("\"\n");
    }
    out
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body.as_bytes())[..8])
}

/// A value that is taken as it stands: only specifiers are expanded in it, and a backslash at its end
/// would go on with the next line.
fn value(text: &str) -> Result<String, UnitError> {
    let bad = text.is_empty() || text.chars().any(char::is_control) || text.ends_with('\\') || text.trim() != text;
    if bad { Err(UnitError::Unwritable(text.to_owned())) } else { Ok(text.replace('%', "%%")) }
}

/// A path whose wildcards would be looked for (`EnvironmentFile=`).
fn globbed(text: &str) -> Result<String, UnitError> {
    let mut out = String::new();
    for c in value(text)?.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out)
}

/// A word of a list (systemd.syntax(7), "Quoting").
fn quoted(text: &str) -> Result<String, UnitError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.,:=+@%".contains(c);
    if text.chars().any(char::is_control) {
        return Err(UnitError::Unwritable(text.to_owned()));
    }
    let expanded = text.replace('%', "%%");
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(expanded);
    }
    Ok(format!("\"{}\"", expanded.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A word of a command line, in which a dollar begins a variable (systemd.service(5), "Command lines").
fn word(text: &str) -> Result<String, UnitError> {
    Ok(quoted(text)?.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(lasting: Lasting, data_dir: &'a str, arguments: &'a [String]) -> Wanted<'a> {
        let (log, environment) = ("/var/lib/managr/platform.log", "/var/lib/managr/platform.env");
        Wanted { lasting, program: "/usr/local/bin/managr", arguments, data_dir, log, environment }
    }

    fn arguments(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_unit_that_stays() {
        let arguments = arguments(&["platform", "serve", "--listen=127.0.0.1:4566"]);
        insta::assert_snapshot!(render(&wanted(Lasting::Always, "/var/lib/managr", &arguments)).unwrap());
    }

    #[test]
    fn the_unit_until_the_next_boot() {
        let arguments = arguments(&["platform", "serve", "--listen=127.0.0.1:4566"]);
        insta::assert_snapshot!(render(&wanted(Lasting::Boot, "/var/lib/managr", &arguments)).unwrap());
    }

    #[test]
    fn words_of_a_command_reach_the_program_as_they_were() {
        let check = |text: &str, written: &str| assert_eq!(word(text).unwrap(), written);
        check("/usr/bin/managr", "/usr/bin/managr");
        check("--data-dir=/srv/my data", r#""--data-dir=/srv/my data""#);
        check("100%", "100%%");
        check("$HOME", r#""$$HOME""#);
        check(r"a\b", r#""a\\b""#);
        check(r#"a"b'c"#, r#""a\"b'c""#);
        check("a;b", r#""a;b""#);
        check("", r#""""#);
        check("größe", r#""größe""#);
        assert!(word("a\nExecStartPre=/bin/evil").is_err());
    }

    #[test]
    fn nothing_in_a_path_becomes_a_line_of_its_own() {
        for path in ["/a\nExecStartPre=/bin/evil", "/a\\", "/a ", " /a", "/a\u{7f}", ""] {
            let arguments = arguments(&["platform"]);
            assert!(render(&wanted(Lasting::Always, path, &arguments)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_file_with_variables_is_named_not_looked_for() {
        assert_eq!(globbed("/srv/[a]*/platform.env").unwrap(), r"/srv/\[a]\*/platform.env");
        assert_eq!(globbed("/srv/100%/platform.env").unwrap(), "/srv/100%%/platform.env");
    }

    #[test]
    fn variables_are_written_as_they_are() {
        let check = |value: &str, written: &str| {
            assert_eq!(environment([("A", value.to_owned())]), format!("A={written}\n"));
        };
        check("http://user:p$ss@proxy:3128", r#""http://user:p\$ss@proxy:3128""#);
        check(r#"a "b" \c `d`"#, r#""a \"b\" \\c \`d\`""#);
        check("", r#""""#);
        assert_eq!(environment([]), "");
    }

    #[test]
    fn a_unit_that_somebody_edited_is_told_from_ours() {
        let arguments = arguments(&["platform", "serve"]);
        let ours = render(&wanted(Lasting::Always, "/var/lib/managr", &arguments)).unwrap();
        assert_eq!(author(&ours), Author::Ours);
        assert_eq!(author(&ours.replace("RestartSec=5", "RestartSec=9")), Author::Edited);
        assert_eq!(author("[Service]\nExecStart=/bin/true\n"), Author::Stranger);
        assert_eq!(author(""), Author::Stranger);
    }

    #[test]
    fn each_data_directory_has_a_unit_of_its_own() {
        assert_eq!(name(Path::new("/var/lib/managr")), "managr.service");
        let other = name(Path::new("/srv/managr"));
        assert!(other.starts_with("managr-") && other.ends_with(".service"), "{other}");
        assert_ne!(other, name(Path::new("/srv/managr2")));
    }

    #[test]
    fn flags_of_a_unit_are_found() {
        let arguments = arguments(&["serve", "--listen=127.0.0.1:4566", "--data-dir=/a b"]);
        let text = render(&wanted(Lasting::Always, "/a b", &arguments)).unwrap();
        assert_eq!(flag(&text, "--listen="), Some("127.0.0.1:4566"));
        assert_eq!(flag(&text, "--bridge="), None);
        assert!(has(&text, "--data-dir=/a b") && has(&text, "serve"));
        assert!(!has(&text, "--data-dir=/a") && !has(&text, "--listen=127.0.0.1:456"));
    }

    /// systemd's own reader, where it is installed: an unknown key or a wrong value is a complaint.
    #[test]
    fn systemd_understands_every_line() {
        let arguments =
            arguments(&["platform", "serve", "--data-dir=/srv/100% my \"data\"", "--host=$HOME", r"--host=a\b"]);
        for lasting in [Lasting::Always, Lasting::Boot] {
            let dir = tempfile::tempdir().unwrap();
            let text = render(&Wanted {
                program: "/bin/sh",
                data_dir: "/srv/100% my \"data\"",
                log: "/srv/100% my \"data\"/platform.log",
                ..wanted(lasting, "", &arguments)
            });
            let file = dir.path().join("managr-test.service");
            std::fs::write(&file, text.unwrap()).unwrap();
            let verified =
                std::process::Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output();
            let Ok(verified) = verified else { return };
            let said = String::from_utf8_lossy(&verified.stderr).into_owned();
            assert!(!said.contains("managr-test.service:"), "{said}");
        }
    }
}
