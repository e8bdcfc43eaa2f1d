//! Where credentials come from: given, or the standard chain (environment, profiles, SSO,
//! web identity, process, ECS and instance metadata) of `reqsign`.

use bytes::Bytes;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, Signer};
use std::fmt;

use crate::{STS, endpoint};

/// Where credentials come from.
#[derive(Clone)]
pub enum Credentials {
    /// The standard chain, with the profile to use if one was asked for.
    Chain {
        /// Overrides `AWS_PROFILE`.
        profile: Option<String>,
    },
    /// These. The embedded platform takes any.
    Static {
        /// Access key id.
        access_key: String,
        /// Secret access key.
        secret_key: String,
    },
}

impl Credentials {
    /// Returns the credentials that the embedded platform is called with.
    pub fn local() -> Self {
        Self::Static { access_key: "managr".to_owned(), secret_key: "managr".to_owned() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { profile } => f.debug_struct("Chain").field("profile", profile).finish(),
            Self::Static { .. } => f.write_str("Static"),
        }
    }
}

/// Returns a signer whose credentials are loaded once and shared by its clones.
///
/// `explicit` is the endpoint of every service, if one was given: a role is assumed there, too.
pub(crate) fn signer(
    credentials: &Credentials,
    http: reqwest::Client,
    region: &str,
    explicit: Option<&str>,
) -> Signer<Credential> {
    let sts = endpoint::resolve(&STS, region, explicit, |name| std::env::var(name).ok());
    let http = Http { client: http, sts };
    let context =
        Context::new().with_env(OsEnv).with_file_read(Files).with_command_execute(Commands).with_http_send(http);
    let requests = RequestSigner::new("ecs", region);
    match credentials {
        Credentials::Static { access_key, secret_key } => {
            Signer::new(context, StaticCredentialProvider::new(access_key, secret_key), requests)
        }
        Credentials::Chain { profile } => {
            let mut chain = DefaultCredentialProvider::builder();
            if let Some(profile) = profile {
                chain = chain.with_profile(profile);
            }
            Signer::new(context, chain.build(), requests)
        }
    }
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let read = tokio::fs::read(path).await;
        read.map_err(|error| Error::config_invalid(format!("could not read {path}")).with_source(error))
    }
}

#[derive(Debug)]
struct Commands;

impl CommandExecute for Commands {
    async fn command_execute<'a>(&'a self, program: &'a str, args: &'a [&'a str]) -> Result<CommandOutput, Error> {
        let output = tokio::process::Command::new(program).args(args).output().await;
        let output =
            output.map_err(|error| Error::config_invalid(format!("could not run {program}")).with_source(error))?;
        Ok(CommandOutput { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr })
    }
}

#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    /// Where STS answers. The chain knows AWS only, the official clients also what
    /// `AWS_ENDPOINT_URL_STS` and `AWS_ENDPOINT_URL` name.
    sts: String,
}

/// Returns where a request of the chain goes: to STS's own endpoint if it is for AWS's.
fn redirected(uri: &http::Uri, sts: &str) -> Option<http::Uri> {
    let host = uri.host()?;
    let is_sts = host == "sts.amazonaws.com" || (host.starts_with("sts.") && host.contains(".amazonaws."));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let to: http::Uri = format!("{sts}{path}").parse().ok()?;
    // A region of AWS is the chain's own choice.
    let stays = to.host().is_some_and(|host| host.contains(".amazonaws."));
    (is_sts && !stays).then_some(to)
}

impl HttpSend for Http {
    async fn http_send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let failed = |error: reqwest::Error| {
            Error::unexpected("credential endpoint did not answer").with_source(error.without_url())
        };
        let mut request = request;
        if let Some(uri) = redirected(request.uri(), &self.sts) {
            *request.uri_mut() = uri;
        }
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).map_err(failed)?;
        let response = self.client.execute(request).await.map_err(failed)?;
        let mut builder = http::Response::builder().status(response.status());
        if let Some(headers) = builder.headers_mut() {
            *headers = response.headers().clone();
        }
        let body = response.bytes().await.map_err(failed)?;
        builder.body(body).map_err(|error| Error::unexpected("credential endpoint's answer").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::redirected;

    fn check(uri: &str, sts: &str, expected: Option<&str>) {
        let found = redirected(&uri.parse().unwrap(), sts).map(|uri| uri.to_string());
        assert_eq!(found.as_deref(), expected, "{uri} {sts}");
    }

    #[test]
    fn a_role_is_assumed_where_sts_answers() {
        let here = "http://127.0.0.1:4566";
        check("https://sts.amazonaws.com/", here, Some("http://127.0.0.1:4566/"));
        check("https://sts.eu-west-1.amazonaws.com/", here, Some("http://127.0.0.1:4566/"));
        check("https://sts.amazonaws.com/", "https://sts.eu-west-1.amazonaws.com", None);
        check("http://169.254.169.254/latest/api/token", here, None);
        check("https://portal.sso.eu-west-1.amazonaws.com/", here, None);
    }
}
