//! Keys of certificates: made, read, sealed and opened. What is known of a certificate is in the world
//! (`platform_core::acm`); here is what cannot be decided there.
//!
//! A key is in the clear only while it is made, held against its certificate, or handed to the balancer's process over
//! its own socket. Never: a key in a log line, an error or a `Debug` output, or unsealed on disk.
//!
//! - `authority`: the platform's own certificate authority, and what it issues.
//! - `import`: what an owner brings, held together.
//! - `facts`: what a certificate says.

mod authority;
mod facts;
mod import;
mod key;
mod pem;

use std::sync::Arc;

use aws_model::call::document;
use aws_model::{Answer, Answering, AwsError, Call, Door};
use orchestrator::{CallCx, Handle};
use platform_core::acm::{self, Authority, Material, SealedKey};
use secrets::{Sealer, SecretText};
use tokio::sync::Mutex;

use authority::Issued;

/// ACM's operations that need a key.
const OPERATIONS: [&str; 3] = ["ImportCertificate", "RenewCertificate", "RequestCertificate"];

/// The door of those operations; cheap to clone.
#[derive(Clone)]
pub struct Certificates {
    handle: Handle,
    keys: Keys,
    /// One authority, however many ask for the first certificate at once.
    founding: Arc<Mutex<()>>,
}

/// Seals and opens keys of certificates; cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys(Sealer);

/// A sealed key does not open: it was sealed with another key file, or tampered with.
#[derive(Debug, thiserror::Error)]
#[error("the certificate's key does not open")]
pub struct Unsealable;

impl Keys {
    /// Takes what seals.
    pub fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    /// Returns a key, PEM.
    ///
    /// # Errors
    /// When it was sealed with another key file, or tampered with.
    pub fn open(&self, key: &SealedKey) -> Result<SecretText, Unsealable> {
        let sealed = pem::decode_base64(&key.sealed).ok_or(Unsealable)?;
        self.0.unseal(&row(&key.id), &sealed).map_err(|_| Unsealable)
    }

    fn seal(&self, pem: &SecretText) -> Result<SealedKey, AwsError> {
        let id = key::random_name()?;
        let sealed =
            self.0.seal(&row(&id), pem).map_err(|_| AwsError::server("a certificate's key cannot be sealed"))?;
        Ok(SealedKey { id, sealed: pem::encode_base64(&sealed) })
    }

    fn material(&self, issued: Issued) -> Result<Material, AwsError> {
        let Issued { body, chain, key, facts } = issued;
        Ok(Material { body, chain, key: self.seal(&key)?, facts })
    }
}

fn row(id: &str) -> String {
    format!("acm {id}")
}

impl Certificates {
    /// Makes the door.
    pub fn new(handle: Handle, keys: Keys) -> Self {
        Self { handle, keys, founding: Arc::default() }
    }

    async fn answer(&self, call: Call) -> Result<Answer, AwsError> {
        let cx = CallCx { region: call.region, access_key: call.access_key };
        let input = call.input;
        let reply = match call.operation.name() {
            "ImportCertificate" => {
                let now = self.handle.answer(&cx, |_, cx| Ok(cx.now))?;
                let (brought, input) = import::take(input)?;
                // Checking signatures takes a moment.
                let issued = blocking(move || import::read(brought, now)).await?;
                let material = self.keys.material(issued)?;
                self.handle.write(cx, |world, cx| acm::import(world, cx, input, material)).await?
            }
            "RequestCertificate" => {
                if let Some(known) = self.handle.answer(&cx, |world, cx| acm::already_requested(world, cx, &input))? {
                    return document(known).map(Answer::Document);
                }
                let algorithm = input.get("KeyAlgorithm").and_then(|a| a.as_str()).unwrap_or("RSA_2048").to_owned();
                let material = self.issue(&cx, acm::requested_names(&input), algorithm).await?;
                self.handle.write(cx, |world, cx| acm::request(world, cx, input, material)).await?
            }
            _ => {
                let (names, algorithm) = self.handle.answer(&cx, |world, cx| acm::renewable(world, cx, &input))?;
                let material = self.issue(&cx, names, algorithm).await?;
                self.handle.write(cx, |world, cx| acm::renew(world, cx, input, material)).await?
            }
        };
        document(reply).map(Answer::Document)
    }

    async fn issue(&self, cx: &CallCx, names: Vec<String>, algorithm: String) -> Result<Material, AwsError> {
        let (authority, now) = (self.authority(cx).await?, self.handle.answer(cx, |_, cx| Ok(cx.now))?);
        let own = self.keys.open(&authority.key).map_err(|error| AwsError::server(error.to_string()))?;
        let issued = blocking(move || authority::issue(&authority.body, &own, &names, &algorithm, now)).await?;
        self.keys.material(issued)
    }

    /// Issues a certificate that is no ACM document, as for a server of the platform's own: certificate and authority, PEM,
    /// and the key.
    ///
    /// # Errors
    /// When the authority cannot be read, or its first use cannot be stored.
    pub async fn issue_unlisted(&self, names: Vec<String>) -> Result<(String, SecretText), AwsError> {
        let cx = CallCx { region: String::new(), access_key: String::new() };
        let (authority, now) = (self.authority(&cx).await?, self.handle.answer(&cx, |_, cx| Ok(cx.now))?);
        let own = self.keys.open(&authority.key).map_err(|error| AwsError::server(error.to_string()))?;
        let issued = blocking(move || authority::issue(&authority.body, &own, &names, "EC_prime256v1", now)).await?;
        let Issued { body, chain, key, .. } = issued;
        Ok((body + &chain.unwrap_or_default(), key))
    }

    /// Returns the platform's authority, which is founded with the first certificate that is asked for.
    async fn authority(&self, cx: &CallCx) -> Result<Authority, AwsError> {
        let _alone = self.founding.lock().await;
        let (known, now) =
            self.handle.answer(cx, |world, cx| Ok((world.records.get::<Authority>("", Authority::ID), cx.now)))?;
        if let Some(known) = known {
            return Ok(known);
        }
        let (body, key) = blocking(move || authority::found(now)).await?;
        let authority = Authority { body, key: self.keys.seal(&key)? };
        let change = platform_core::Change::put(&authority);
        let outcome = platform_core::Outcome { reply: serde_json::Value::Null, changes: vec![change] };
        self.handle.write(cx.clone(), |_, _| Ok(outcome)).await?;
        Ok(authority)
    }
}

impl Door for Certificates {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}

/// Runs a long computation where nothing waits for it.
async fn blocking<R: Send + 'static>(f: impl FnOnce() -> Result<R, AwsError> + Send + 'static) -> Result<R, AwsError> {
    let done = tokio::task::spawn_blocking(f).await;
    done.map_err(|_| AwsError::server("a certificate's key could not be made"))?
}
