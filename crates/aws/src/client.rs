//! One call: build, sign, send, decide whether to try again, read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_model::Document;
use http::{HeaderMap, StatusCode};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::Signer;

use crate::clock::Clock;
use crate::retry::{Attempt, Outcome, is_idempotent, is_throttling, next_wait};
use crate::{CallError, Credentials, Service, credentials, endpoint, wire};

/// How a client is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Region in the credential scope and in AWS's host names.
    pub region: String,
    /// Endpoint of every service; none means the variables, then AWS.
    pub endpoint: Option<String>,
    /// Where credentials come from.
    pub credentials: Credentials,
    /// How long a whole answer may take.
    pub timeout: Duration,
}

impl Options {
    /// Returns options for AWS in a region, with the standard credential chain.
    pub fn aws(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            credentials: Credentials::Chain { profile: None },
            timeout: Duration::from_secs(60),
        }
    }

    /// Returns options for an embedded platform.
    pub fn local(endpoint: impl Into<String>, region: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), credentials: Credentials::local(), ..Self::aws(region) }
    }
}

/// A signed client of every service. Clones share connections and credentials.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    signer: Signer<Credential>,
    options: Arc<Options>,
    clock: Arc<Clock>,
}

impl Client {
    /// Makes a client; nothing is sent and no credential is read yet.
    ///
    /// # Errors
    /// [`CallError::Setup`] when HTTPS is wanted and the machine has no root certificates.
    pub fn new(options: Options) -> Result<Self, CallError> {
        // A second installation of the same provider is not a fault.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(options.timeout)
            .user_agent(concat!("managr/", env!("CARGO_PKG_VERSION")));
        if options.endpoint.as_deref().is_some_and(|url| url.starts_with("http://")) {
            // No TLS will be spoken: do not read the machine's certificates (slow, and a bare
            // machine has none), and do not send a loopback request to a proxy.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder.build().map_err(|source| CallError::Setup { source })?;
        let signer = credentials::signer(&options.credentials, http.clone(), &options.region);
        Ok(Self { http, signer, options: Arc::new(options), clock: Arc::default() })
    }

    /// Returns the region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.options.region
    }

    /// Returns where a service's calls go.
    pub fn endpoint(&self, service: &Service) -> String {
        let explicit = self.options.endpoint.as_deref();
        endpoint::resolve(service, &self.options.region, explicit, |name| std::env::var(name).ok())
    }

    /// Returns the services' time in milliseconds since the epoch, as their answers told; ours before
    /// the first. Good to about a second.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Calls an operation and returns its answer, whole.
    ///
    /// Throttling, faults of the service and broken connections are tried again where that
    /// is safe.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, service: &Service, operation: &str, input: Document) -> Result<Document, CallError> {
        let endpoint = self.endpoint(service);
        let loopback = endpoint::is_loopback(&endpoint);
        let idempotent = is_idempotent(operation, &input);
        let request = wire::request(service, operation, &endpoint, &input)?;
        let mut made = 0;
        loop {
            made += 1;
            let (error, outcome) = match self.attempt(service, operation, &endpoint, request.clone()).await? {
                Ok((status, headers, body)) => match wire::answer(service, operation, status, &headers, &body) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        let outcome = judge(&error);
                        (error, outcome)
                    }
                },
                Err(source) => {
                    let outcome = if source.is_connect() { Outcome::NotConnected } else { Outcome::Broken };
                    (self.transport(service, operation, &endpoint, source), outcome)
                }
            };
            let attempt = Attempt { made, outcome, idempotent, loopback, random: random() };
            let Some(wait) = next_wait(&attempt) else { return Err(error) };
            tracing::debug!(service = service.signing_name, operation, made, ?outcome, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends one signed request. The outer error is final, the inner one may pass.
    async fn attempt(
        &self,
        service: &Service,
        operation: &str,
        endpoint: &str,
        request: http::Request<Bytes>,
    ) -> Result<Result<(StatusCode, HeaderMap, Bytes), reqwest::Error>, CallError> {
        let (mut parts, body) = request.into_parts();
        let requests = RequestSigner::new(service.signing_name, &self.options.region);
        let signer = self.signer.clone().with_request_signer(requests);
        signer.sign(&mut parts, None).await.map_err(|source| CallError::Sign {
            service: service.signing_name,
            operation: operation.to_owned(),
            source,
        })?;
        let request = http::Request::from_parts(parts, reqwest::Body::from(body));
        let request = reqwest::Request::try_from(request)
            .map_err(|source| self.transport(service, operation, endpoint, source))?;
        Ok(self.send(request).await)
    }

    async fn send(&self, request: reqwest::Request) -> Result<(StatusCode, HeaderMap, Bytes), reqwest::Error> {
        let response = self.http.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.clock.learn(&headers);
        Ok((status, headers, response.bytes().await?))
    }

    fn transport(&self, service: &Service, operation: &str, endpoint: &str, source: reqwest::Error) -> CallError {
        CallError::Transport {
            service: service.signing_name,
            operation: operation.to_owned(),
            endpoint: endpoint.to_owned(),
            not_running: source.is_connect() && endpoint::is_loopback(endpoint),
            source: source.without_url(),
        }
    }
}

fn judge(error: &CallError) -> Outcome {
    match error {
        CallError::Service { code, status, .. } if is_throttling(code) || *status == 429 => Outcome::Throttled,
        CallError::Service { status, .. } if *status >= 500 => Outcome::ServerFault,
        _ => Outcome::Refused,
    }
}

/// Only jitter: without randomness the full ceiling is waited.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
