//! Session documents: what StartSession's `DocumentName` and `Parameters` ask for.
//!
//! The names, parameters, patterns and defaults are those of the documents that AWS owns (`aws ssm get-document`).
//! Refusals in Systems Manager's words where they are known (`InvalidDocument`; "has value … not matching …").

use std::collections::BTreeMap;

use aws_model::AwsError;
use session::agent::Work;

/// The document of a session that names none.
pub(crate) const SHELL: &str = "SSM-SessionManagerRunShell";
const PORT: &str = "AWS-StartPortForwardingSession";
const REMOTE_PORT: &str = "AWS-StartPortForwardingSessionToRemoteHost";
const COMMANDS: [&str; 2] = ["AWS-StartInteractiveCommand", "AmazonECS-ExecuteInteractiveCommand"];

const PORT_PATTERN: &str =
    "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
const LOCAL_PORT_PATTERN: &str =
    "^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
const HOST_PATTERN: &str = "^[^,$^&\\(\\)!;'\"<>\\`{}\\[\\]\\|#=]{3,}$";

/// Parameters as they are sent: each a list of values.
pub(crate) type Parameters = BTreeMap<String, Vec<String>>;

/// Returns what a session of one of AWS's documents does, given its parameters.
///
/// # Errors
/// `InvalidDocument` for a name that none of them has, `InvalidParameters` for what it does not take.
pub(crate) fn work(document: &str, parameters: &Parameters) -> Result<Work, AwsError> {
    let known: &[&str] = match document {
        SHELL => &[],
        PORT => &["portNumber", "localPortNumber"],
        REMOTE_PORT => &["host", "portNumber", "localPortNumber"],
        name if COMMANDS.contains(&name) => &["command"],
        _ => {
            let words = format!("Document with name {document} does not exist.");
            return Err(AwsError::new("InvalidDocument", words));
        }
    };
    if let Some(name) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(format!("Parameter \"{name}\" is not defined in document {document}.")));
    }
    match document {
        SHELL => Ok(Work::Terminal { command: "sh".to_owned() }),
        PORT | REMOTE_PORT => {
            let (port, text) = self::port(parameters, "portNumber", "80", PORT_PATTERN)?;
            if port == 0 {
                return Err(unmatched("portNumber", text, PORT_PATTERN));
            }
            let (_, local) = self::port(parameters, "localPortNumber", "0", LOCAL_PORT_PATTERN)?;
            let host = match document {
                REMOTE_PORT => Some(host(parameters)?.to_owned()),
                _ => None,
            };
            Ok(Work::Port { host, port, local_port: Some(local.to_owned()) })
        }
        _ => match one(parameters, "command")? {
            Some(command) => Ok(Work::Terminal { command: command.to_owned() }),
            None => Err(invalid(format!("Parameter \"command\" is required by document {document}."))),
        },
    }
}

/// Returns a parameter's only value.
fn one<'p>(parameters: &'p Parameters, name: &str) -> Result<Option<&'p str>, AwsError> {
    match parameters.get(name).map(Vec::as_slice) {
        None => Ok(None),
        Some([only]) => Ok(Some(only)),
        Some(_) => Err(invalid(format!("Parameter \"{name}\" must have one value."))),
    }
}

fn host(parameters: &Parameters) -> Result<&str, AwsError> {
    let host = one(parameters, "host")?.unwrap_or("localhost");
    let foreign = |c: char| ",$^&()!;'\"<>\\`{}[]|#=".contains(c) || c == '\n';
    if host.chars().count() < 3 || host.contains(foreign) {
        return Err(unmatched("host", host, HOST_PATTERN));
    }
    Ok(host)
}

/// Returns a port, and as it is written: digits without a sign or zeros before them.
fn port<'p>(
    parameters: &'p Parameters,
    name: &str,
    usual: &'static str,
    pattern: &str,
) -> Result<(u16, &'p str), AwsError> {
    let text = one(parameters, name)?.unwrap_or(usual);
    match text.parse::<u16>() {
        Ok(port) if port.to_string() == text => Ok((port, text)),
        _ => Err(unmatched(name, text, pattern)),
    }
}

fn unmatched(name: &str, value: &str, pattern: &str) -> AwsError {
    invalid(format!("Parameter \"{name}\" has value \"{value}\" not matching \"{pattern}\"."))
}

pub(crate) fn invalid(words: String) -> AwsError {
    AwsError::new("InvalidParameters", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `parameters` reads `name=value name=value`.
    fn check(document: &str, parameters: &str, want: &str) {
        let parameters = parameters
            .split(' ')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.split('+').map(str::to_owned).collect()))
            .collect();
        let got = match work(document, &parameters) {
            Ok(Work::Terminal { command }) => format!("run {command}"),
            Ok(Work::Port { host, port, local_port }) => {
                format!("{}:{port} from {}", host.unwrap_or_default(), local_port.unwrap_or_default())
            }
            Err(error) => format!("{}: {}", error.code, error.message),
        };
        assert_eq!(got, want, "{document} {parameters:?}");
    }

    #[test]
    fn documents_say_what_a_session_does() {
        check(SHELL, "", "run sh");
        check("AWS-StartInteractiveCommand", "command=top", "run top");
        check("AmazonECS-ExecuteInteractiveCommand", "command=/bin/bash", "run /bin/bash");
        check(PORT, "", ":80 from 0");
        check(PORT, "portNumber=5432 localPortNumber=15432", ":5432 from 15432");
        check(REMOTE_PORT, "host=db.example portNumber=5432", "db.example:5432 from 0");
        check(REMOTE_PORT, "portNumber=65535", "localhost:65535 from 0");
    }

    #[test]
    fn what_a_document_does_not_take_is_named() {
        check("AWS-Nope", "", "InvalidDocument: Document with name AWS-Nope does not exist.");
        check(
            SHELL,
            "command=x",
            &format!("InvalidParameters: Parameter \"command\" is not defined in document {SHELL}."),
        );
        check(PORT, "host=db", &format!("InvalidParameters: Parameter \"host\" is not defined in document {PORT}."));
        check(
            "AWS-StartInteractiveCommand",
            "",
            "InvalidParameters: Parameter \"command\" is required by document AWS-StartInteractiveCommand.",
        );
        check(PORT, "portNumber=80+81", "InvalidParameters: Parameter \"portNumber\" must have one value.");
        for port in ["0", "65536", "-1", "080", "http", "\t80", ""] {
            let want = format!(
                "InvalidParameters: Parameter \"portNumber\" has value \"{port}\" not matching \"{PORT_PATTERN}\"."
            );
            check(PORT, &format!("portNumber={port}"), &want);
        }
        for host in ["db", "a;b", "$(id)", "a|b"] {
            let want =
                format!("InvalidParameters: Parameter \"host\" has value \"{host}\" not matching \"{HOST_PATTERN}\".");
            check(REMOTE_PORT, &format!("host={host}"), &want);
        }
    }
}
