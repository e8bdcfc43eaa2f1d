//! One repository of one registry, asked as one user.

use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use oci_spec::distribution::Reference;
use parking_lot::Mutex;
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::time::timeout;

use crate::answer::{FetchError, expect_success, read};
use crate::token::{self, Authorization, Challenge, TOKEN_BYTES};

/// How often a registry may send a request elsewhere. One is usual: to where blobs are kept.
const REDIRECTS: usize = 5;

/// Who asks.
#[derive(Clone, Default)]
pub enum Credentials {
    /// No user; public images.
    #[default]
    Anonymous,
    /// A user and password, sent only to the registry of the reference and its token service.
    Password {
        /// The user's name.
        user: String,
        /// The password or token. Never printed.
        password: String,
    },
}

/// How a registry is spoken to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether it is spoken to in plain HTTP.
    pub plain: bool,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long the registry may be silent in the middle of an answer.
    pub silence: Duration,
    /// How long a document may take, from the request to its last byte.
    pub document: Duration,
}

/// A repository, as one user sees it.
pub struct Client {
    http: reqwest::Client,
    reference: Reference,
    credentials: Credentials,
    settings: Settings,
    /// What requests are sent with, once the registry has said what it wants.
    authorization: Mutex<Option<Authorization>>,
}

impl Client {
    /// Prepares to ask for what a reference names; nothing is sent.
    ///
    /// # Errors
    /// When the TLS library cannot be used.
    pub fn new(reference: Reference, credentials: Credentials, settings: Settings) -> Result<Self, FetchError> {
        ensure_tls_provider();
        let http = reqwest::Client::builder()
            .user_agent(concat!("managr/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect)
            .read_timeout(settings.silence)
            // Credentials do not go along to another host: reqwest takes them off.
            .redirect(Policy::limited(REDIRECTS))
            .build()
            .map_err(FetchError::Request)?;
        Ok(Self { http, reference, credentials, settings, authorization: Mutex::new(None) })
    }

    /// Returns a manifest or an index of at most `limit` bytes: the one of the digest, else that which the
    /// reference names. It is what the digest says.
    pub async fn manifest(&self, digest: Option<&str>, accept: &[&str], limit: u64) -> Result<Bytes, FetchError> {
        let digest = digest.or(self.reference.digest());
        digest.map_or(Ok(()), |digest| expect_digest("manifest", digest))?;
        let name = digest.or(self.reference.tag()).unwrap_or("latest");
        let bytes = self.document("manifest", &format!("manifests/{name}"), &accept.join(", "), limit).await?;
        digest.map_or(Ok(()), |digest| verify("manifest", &bytes, digest))?;
        Ok(bytes)
    }

    /// Returns a small blob of at most `limit` bytes. It is what the digest says.
    pub async fn small_blob(&self, digest: &str, limit: u64) -> Result<Bytes, FetchError> {
        expect_digest("blob", digest)?;
        let bytes = self.document("blob", &format!("blobs/{digest}"), "*/*", limit).await?;
        verify("blob", &bytes, digest)?;
        Ok(bytes)
    }

    /// Returns a blob as it comes. **Neither its length nor its digest is looked at**: the caller bounds the
    /// one and verifies the other. Where the registry does not have it, it is asked for at `urls`, as a
    /// stranger (image specification, "descriptors": `urls`).
    pub async fn blob(
        &self,
        digest: &str,
        urls: &[String],
    ) -> Result<impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + use<>, FetchError> {
        expect_digest("blob", digest)?;
        let own = self.begin("blob", &format!("blobs/{digest}"), "*/*").await;
        let mut failed = match own {
            Ok(response) => return Ok(response.bytes_stream()),
            Err(error) => error,
        };
        for url in urls.iter().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
            let elsewhere = async { expect_success(self.send(self.http.get(url)).await?).await };
            match self.in_time("blob", elsewhere).await {
                Ok(response) => return Ok(response.bytes_stream()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn document(&self, what: &'static str, path: &str, accept: &str, limit: u64) -> Result<Bytes, FetchError> {
        self.in_time(what, async { read(self.ask(path, accept).await?, what, limit).await }).await
    }

    /// Returns the beginning of a successful answer.
    async fn begin(&self, what: &'static str, path: &str, accept: &str) -> Result<Response, FetchError> {
        self.in_time(what, self.ask(path, accept)).await
    }

    async fn in_time<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let patience = self.settings.document;
        let late = |_| FetchError::Slow { what, seconds: patience.as_secs() };
        timeout(patience, answer).await.map_err(late)?
    }

    /// Asks as before; once more, as the registry's challenge demands, if that is not, or no longer, enough.
    async fn ask(&self, path: &str, accept: &str) -> Result<Response, FetchError> {
        let scheme = if self.settings.plain { "http" } else { "https" };
        let (host, repository) = (self.reference.resolve_registry(), self.reference.repository());
        let url = format!("{scheme}://{host}/v2/{repository}/{path}");
        let known = self.authorization.lock().clone();
        let request = |with: Option<Authorization>| {
            let request = self.http.get(&url).header(ACCEPT, accept);
            self.send(match with {
                Some(authorization) => authorization.on(request),
                None => request,
            })
        };
        let response = request(known).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return expect_success(response).await;
        }
        let Some(challenge) = Challenge::of(response.headers()) else { return expect_success(response).await };
        let authorization = self.answer(challenge).await?;
        *self.authorization.lock() = Some(authorization.clone());
        expect_success(request(Some(authorization)).await?).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, FetchError> {
        request.send().await.map_err(FetchError::Request)
    }

    /// Returns what satisfies a registry that wants to know who asks.
    async fn answer(&self, challenge: Challenge) -> Result<Authorization, FetchError> {
        let password = match &self.credentials {
            Credentials::Password { user, password } => {
                Some(Authorization::Basic { user: user.clone(), password: password.clone() })
            }
            Credentials::Anonymous => None,
        };
        let (realm, service, scope) = match challenge {
            Challenge::Basic => return password.ok_or(FetchError::Unauthorized),
            Challenge::Bearer { realm, service, scope } => (realm, service, scope),
        };
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.reference.repository()));
        let secure = password.is_some() && !self.settings.plain;
        let request = self.http.get(token::url_of(&realm, service.as_deref(), &scope, secure)?);
        let request = match &password {
            Some(password) => password.on(request),
            None => request,
        };
        let response = expect_success(self.send(request).await?).await?;
        token::parse(&read(response, "token", TOKEN_BYTES).await?)
    }
}

/// Refuses what is no digest: a manifest may say anything, and it becomes a part of an address.
fn expect_digest(what: &'static str, digest: &str) -> Result<(), FetchError> {
    let is_sound = |(algorithm, hex): (&str, &str)| {
        let known = matches!((algorithm, hex.len()), ("sha256", 64) | ("sha512", 128));
        known && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if digest.split_once(':').is_some_and(is_sound) {
        return Ok(());
    }
    Err(FetchError::Unusable { what, why: format!("`{digest}` is no digest that is known") })
}

/// Refuses what is not what its digest says.
fn verify(what: &'static str, bytes: &[u8], digest: &str) -> Result<(), FetchError> {
    let found = match digest.split_once(':') {
        Some(("sha512", _)) => format!("sha512:{}", hex::encode(Sha512::digest(bytes))),
        _ => format!("sha256:{}", hex::encode(Sha256::digest(bytes))),
    };
    if found == digest {
        return Ok(());
    }
    Err(FetchError::Unusable { what, why: format!("{digest} was asked for, {found} came") })
}

/// The TLS library is linked without a default provider; the first user in the process
/// chooses, and a choice already made by another part stands.
fn ensure_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
