//! How does one become a user of a PostgreSQL server? TLS where the server has it, then whatever proof it asks for.
//!
//! No certificate is checked against an authority, as libpq's `sslmode=require` checks none: SCRAM proves both ends to
//! each other instead, bound to the certificate of this very connection (`SCRAM-SHA-256-PLUS`), so that nobody in
//! between can relay it. A password in the clear is never sent.

use std::io;
use std::sync::Arc;

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use session::Duplex;
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::relay::RelayError;

/// "SSLRequest" of the protocol: eight bytes.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// More than any message before the session is ready.
const MOST: usize = 64 << 10;

/// A connection to a server, and the certificate that it is bound to.
pub(super) struct Upstream {
    pub(super) stream: Box<dyn Duplex>,
    binding: Option<Vec<u8>>,
}

/// Asks for TLS, and goes on without where the server has none.
pub(super) async fn secure(mut stream: Box<dyn Duplex>) -> Result<Upstream, RelayError> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    match answer[0] {
        b'S' => {}
        b'N' => return Ok(Upstream { stream, binding: None }),
        _ => return Err(RelayError::NoPostgres),
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.map_err(|error| RelayError::Tls { source: io::Error::other(error) })?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Any(provider))).with_no_client_auth();
    let name = ServerName::try_from("postgres").expect("a host name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = stream.map_err(|source| RelayError::Tls { source })?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let binding = certificate.and_then(|certificate| end_point(certificate.as_ref()));
    Ok(Upstream { stream: Box::new(stream), binding })
}

/// Returns the hash that a certificate is bound by: of its own signature's kind, SHA-256 at least (RFC 5929, 4.1).
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(match read.signature_algorithm.algorithm.to_id_string().as_str() {
        // RSA and ECDSA with SHA-384 and SHA-512.
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
        // Others, such as Ed25519, have no defined hash.
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "1.2.840.113549.1.1.5" | "1.2.840.113549.1.1.4" => {
            Sha256::digest(certificate).to_vec()
        }
        _ => return None,
    })
}

impl Upstream {
    /// Proves who we are; returns once the server has agreed, or has said no: its words are then returned as they came.
    pub(super) async fn prove(&mut self, user: &str, password: &str) -> Result<Option<Vec<u8>>, RelayError> {
        let mut scram: Option<ScramSha256> = None;
        let mut proved = false;
        loop {
            let (kind, body) = read(&mut self.stream).await?;
            match kind {
                b'R' => {}
                b'E' => return Ok(Some(message(b'E', &body))),
                // Notices, and the older minor version of the protocol: of no interest here.
                b'N' | b'v' => continue,
                _ => return Err(RelayError::NoPostgres),
            }
            let (asked, rest) = body.split_first_chunk::<4>().ok_or(RelayError::NoPostgres)?;
            match i32::from_be_bytes(*asked) {
                // Nothing that a password could be made of has left us, or both ends have proved themselves.
                0 if scram.is_none() || proved => return Ok(None),
                5 => {
                    let salt: [u8; 4] = rest.try_into().map_err(|_| RelayError::NoPostgres)?;
                    let answer = md5_hash(user.as_bytes(), password.as_bytes(), salt);
                    self.say(format!("{answer}\0").as_bytes()).await?;
                }
                10 => {
                    let offered = |name: &str| rest.split(|byte| *byte == 0).any(|known| known == name.as_bytes());
                    let (name, binding) = match &self.binding {
                        Some(hash) if offered(SCRAM_SHA_256_PLUS) => {
                            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash.clone()))
                        }
                        Some(_) if offered(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
                        None if offered(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unsupported()),
                        _ => return Err(RelayError::Unknown { asked: "a proof that is no SCRAM".to_owned() }),
                    };
                    let begun = ScramSha256::new(password.as_bytes(), binding);
                    let first = begun.message().to_vec();
                    let length = i32::try_from(first.len()).map_err(|_| RelayError::NoPostgres)?;
                    self.say(&[name.as_bytes(), &[0], &length.to_be_bytes(), &first].concat()).await?;
                    scram = Some(begun);
                }
                11 => {
                    let scram = scram.as_mut().ok_or(RelayError::NoPostgres)?;
                    scram.update(rest).map_err(|source| RelayError::Unproved { source })?;
                    let next = scram.message().to_vec();
                    self.say(&next).await?;
                }
                12 => {
                    let scram = scram.as_mut().ok_or(RelayError::NoPostgres)?;
                    scram.finish(rest).map_err(|source| RelayError::Unproved { source })?;
                    proved = true;
                }
                0 => return Err(RelayError::Unproved { source: io::Error::other("it left SCRAM in the middle") }),
                3 => return Err(RelayError::Unknown { asked: "the password in the clear".to_owned() }),
                other => return Err(RelayError::Unknown { asked: format!("proof number {other}") }),
            }
        }
    }

    async fn say(&mut self, body: &[u8]) -> io::Result<()> {
        self.stream.write_all(&message(b'p', body)).await?;
        self.stream.flush().await
    }
}

/// Returns a message of the protocol.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

async fn read(stream: &mut Box<dyn Duplex>) -> Result<(u8, Vec<u8>), RelayError> {
    let kind = stream.read_u8().await?;
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if !(4..=MOST).contains(&length) {
        return Err(RelayError::NoPostgres);
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}

/// Takes any certificate, but only from who has its key.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
