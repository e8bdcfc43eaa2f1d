//! One call: build, sign, send, decide whether to try again, read.

use std::sync::Arc;
use std::time::Duration;

use aws_model::Document;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::Signer;

use crate::clock::Clock;
use crate::retry::{Attempt, AttemptOutcome, is_idempotent, is_throttling, next_wait};
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
    pub(crate) signer: Signer<Credential>,
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
        let signer =
            credentials::signer(&options.credentials, http.clone(), &options.region, options.endpoint.as_deref());
        Ok(Self { http, signer, options: Arc::new(options), clock: Arc::default() })
    }

    /// Returns the region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.options.region
    }

    /// Returns the same client for another region. An endpoint that was given stays.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let options = Options { region: region.to_owned(), ..Options::clone(&self.options) };
        Self { options: Arc::new(options), ..self.clone() }
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
                    let outcome =
                        if source.is_connect() { AttemptOutcome::NotConnected } else { AttemptOutcome::Broken };
                    (self.transport(service, operation, &endpoint, source), outcome)
                }
            };
            let attempt = Attempt { made, outcome, idempotent, loopback, random: random() };
            let Some(wait) = next_wait(&attempt) else { return Err(error) };
            tracing::debug!(service = service.signing_name, operation, made, ?outcome, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Fetches what an answer gave a URL for, such as a layer: unsigned, and never more than `most` bytes.
    ///
    /// # Errors
    /// [`CallError::Transport`], or [`CallError::Answer`] for another status than 200 or too many bytes.
    pub async fn fetch(&self, service: &Service, operation: &str, url: &str, most: usize) -> Result<Bytes, CallError> {
        let host = url.split('?').next().unwrap_or_default(); // what follows may be a signature
        let broken = |source| self.transport(service, operation, host, source);
        let mut response = self.http.get(url).send().await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(CallError::answer(service, operation, format!("its URL answers {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > most {
                return Err(CallError::answer(service, operation, format!("more than {most} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.into())
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
        let region = endpoint::signing_region(service, &self.options.region);
        let requests = RequestSigner::new(service.signing_name, region);
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

    pub(crate) fn transport(
        &self,
        service: &Service,
        operation: &str,
        endpoint: &str,
        source: reqwest::Error,
    ) -> CallError {
        CallError::Transport {
            service: service.signing_name,
            operation: operation.to_owned(),
            endpoint: endpoint.to_owned(),
            not_running: source.is_connect() && endpoint::is_loopback(endpoint),
            source: source.without_url(),
        }
    }
}

fn judge(error: &CallError) -> AttemptOutcome {
    match error {
        CallError::Service { code, status, .. } if is_throttling(code) || *status == 429 => AttemptOutcome::Throttled,
        // 501 says that the operation is not there: asking again does not make it.
        CallError::Service { status, .. } if *status >= 500 && *status != 501 => AttemptOutcome::ServerFault,
        _ => AttemptOutcome::Refused,
    }
}

/// Only jitter: without randomness the full ceiling is waited.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_not_asked_again() {
        let outcome = |code: &str, status| {
            judge(&CallError::Service {
                service: "iam",
                operation: "GetRole".to_owned(),
                code: code.to_owned(),
                message: String::new(),
                status,
                request_id: String::new(),
            })
        };
        assert_eq!(outcome("NotImplementedException", 501), AttemptOutcome::Refused);
        assert_eq!(outcome("InternalFailure", 500), AttemptOutcome::ServerFault);
        assert_eq!(outcome("Throttling", 400), AttemptOutcome::Throttled);
    }

    #[test]
    fn another_region_keeps_the_endpoint_that_was_given() {
        let client = Client::new(Options::local("http://127.0.0.1:1", "us-east-1")).unwrap().in_region("eu-west-1");
        assert_eq!((client.region(), client.endpoint(&crate::ECR).as_str()), ("eu-west-1", "http://127.0.0.1:1"));
    }
}
