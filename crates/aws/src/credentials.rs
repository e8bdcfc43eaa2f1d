//! Where credentials come from: given, or the standard chain (environment, profiles, SSO,
//! web identity, process, ECS and instance metadata) of `reqsign`.

use bytes::Bytes;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, Signer};
use std::fmt;

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
pub(crate) fn signer(credentials: &Credentials, http: reqwest::Client, region: &str) -> Signer<Credential> {
    let context =
        Context::new().with_env(OsEnv).with_file_read(Files).with_command_execute(Commands).with_http_send(Http(http));
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
struct Http(reqwest::Client);

impl HttpSend for Http {
    async fn http_send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let failed = |error: reqwest::Error| {
            Error::unexpected("credential endpoint did not answer").with_source(error.without_url())
        };
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).map_err(failed)?;
        let response = self.0.execute(request).await.map_err(failed)?;
        let mut builder = http::Response::builder().status(response.status());
        if let Some(headers) = builder.headers_mut() {
            *headers = response.headers().clone();
        }
        let body = response.bytes().await.map_err(failed)?;
        builder.body(body).map_err(|error| Error::unexpected("credential endpoint's answer").with_source(error))
    }
}
