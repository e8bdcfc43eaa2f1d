//! What do the plugin's arguments ask for?
//!
//! `RESPONSE REGION StartSession [PROFILE [REQUEST [ENDPOINT]]]` (session-manager-plugin, `ValidateInputAndStartSession`).
//! RESPONSE is the session in JSON, or the name of a variable that holds it, so that the token is in no list of
//! processes.

use aws_model::Document;

/// The variable that the CLI names (awscli, `sessionmanager.py`).
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";

/// What is asked for.
#[derive(Debug)]
pub(super) enum Call {
    /// Whether it is installed.
    Banner,
    /// Its version.
    Version,
    /// A session.
    Start(Box<Start>),
}

/// A session that was granted to the caller of the plugin.
pub(super) struct Start {
    /// Its id, its URL and its token.
    pub(super) session: Document,
    /// Region.
    pub(super) region: String,
    /// Profile of the credentials.
    pub(super) profile: Option<String>,
    /// Endpoint of the session's own calls; none is AWS's.
    pub(super) endpoint: Option<String>,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start").field("region", &self.region).field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Reads the arguments without the program's name.
pub(super) fn parse(arguments: &[String], variable: impl Fn(&str) -> Option<String>) -> Result<Call, String> {
    let unknown = |what: &str| format!("unknown operation {what}; use the AWS CLI to start a session");
    let (response, rest) = match arguments {
        [] => return Ok(Call::Banner),
        [flag] if flag == "--version" => return Ok(Call::Version),
        [response, region, operation, ..] if operation == "StartSession" => (response, (region, &arguments[3..])),
        [_, _, operation, ..] => return Err(unknown(&format!("`{operation}`"))),
        [first, ..] => return Err(unknown(&format!("`{}`", first.chars().take(20).collect::<String>()))),
    };
    let text = match response.as_str() {
        VARIABLE => variable(VARIABLE).ok_or_else(|| format!("{VARIABLE} is not set"))?,
        text => text.to_owned(),
    };
    // What serde would say quotes the text, and with it the token.
    let session = serde_json::from_str(&text).map_err(|_| "the session is not a JSON object".to_owned())?;
    let (region, options) = rest;
    let option = |at: usize| options.get(at).filter(|text| !text.is_empty()).cloned();
    Ok(Call::Start(Box::new(Start { session, region: region.clone(), profile: option(0), endpoint: option(2) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = r#"{"sessionId":"s","streamUrl":"u","tokenValue":"t0ken"}"#;

    fn check(arguments: &[&str], expected: &str) {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let told = match parse(&arguments, |name| (name == VARIABLE).then(|| SESSION.to_owned())) {
            Ok(Call::Start(start)) => {
                let id = start.session["sessionId"].as_str().unwrap_or_default();
                format!("{id} {} {:?} {:?}", start.region, start.profile, start.endpoint)
            }
            Ok(call) => format!("{call:?}"),
            Err(words) => words,
        };
        assert!(!told.contains("t0ken"), "{told}");
        assert_eq!(told, expected, "{arguments:?}");
    }

    #[test]
    fn every_form_that_callers_use_is_understood() {
        check(&[], "Banner");
        check(&["--version"], "Version");
        check(&[SESSION, "eu-west-1", "StartSession"], "s eu-west-1 None None");
        check(
            &[SESSION, "eu-west-1", "StartSession", "", r#"{"Target":"ecs:c_t_r"}"#, "http://127.0.0.1:4566"],
            r#"s eu-west-1 None Some("http://127.0.0.1:4566")"#,
        );
        check(&[VARIABLE, "us-east-1", "StartSession", "dev", "{}", ""], r#"s us-east-1 Some("dev") None"#);
    }

    #[test]
    fn what_is_not_understood_is_named_without_the_token() {
        check(&["dance"], "unknown operation `dance`; use the AWS CLI to start a session");
        check(&[SESSION, "r", "Dance"], "unknown operation `Dance`; use the AWS CLI to start a session");
        check(&["{\"tokenValue\":\"t0ken\"", "r", "StartSession"], "the session is not a JSON object");
    }
}
