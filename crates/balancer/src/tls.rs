//! TLS of a listener: certificates by the name that a client asks for, versions and ciphers by the security policy.
//!
//! Built anew only when what it is made of changes, so that clients keep resuming their sessions; a connection keeps
//! what it began with.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig, SupportedCipherSuite};

use crate::config::{Certificate, Tls};

/// Why a listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("a certificate cannot be read")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    #[error("a certificate's key cannot be read")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("a certificate and its key do not fit")]
    Pair(#[source] rustls::Error),
    #[error("no certificate is there")]
    None,
    #[error("no cipher of its security policy is known here")]
    Ciphers(#[source] rustls::Error),
}

/// Makes what a listener's connections begin with.
pub(crate) fn build(tls: &Tls, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let mut provider = ring::default_provider();
    let known = std::mem::take(&mut provider.cipher_suites);
    let wanted = tls.ciphers.iter().filter_map(|name| known.iter().find(|suite| name_of(suite) == Some(name)));
    provider.cipher_suites = wanted.copied().collect();
    let has =
        |version: &rustls::SupportedProtocolVersion| provider.cipher_suites.iter().any(|s| s.version() == version);
    let versions: Vec<_> = rustls::ALL_VERSIONS.iter().copied().filter(|version| has(version)).collect();
    let provider = Arc::new(provider);
    let resolver = Resolver::new(&tls.certificates, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(TlsError::Ciphers)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    // "By default, the first cipher on the server's list that matches" (ALB guide, security policies).
    config.ignore_client_order = true;
    let h2 = http2.then(|| b"h2".to_vec());
    config.alpn_protocols = h2.into_iter().chain([b"http/1.1".to_vec()]).collect();
    Ok(Arc::new(config))
}

/// Returns OpenSSL's name of a suite, as AWS's policies have it.
fn name_of(suite: &SupportedCipherSuite) -> Option<&'static str> {
    Some(match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        _ => return None,
    })
}

/// Chooses the certificate of a connection.
#[derive(Debug)]
struct Resolver {
    /// Names and what is for them; the default first.
    all: Vec<(Vec<String>, Arc<CertifiedKey>)>,
}

impl Resolver {
    fn new(certificates: &[Certificate], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let one = |certificate: &Certificate| {
            let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes());
            let chain = chain.collect::<Result<Vec<_>, _>>().map_err(TlsError::Certificate)?;
            let key = PrivateKeyDer::from_pem_slice(certificate.key.expose().as_bytes()).map_err(TlsError::Key)?;
            let pair = CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Pair)?;
            let names = certificate.names.iter().map(|name| name.to_ascii_lowercase()).collect();
            Ok((names, Arc::new(pair)))
        };
        let all = certificates.iter().map(one).collect::<Result<Vec<_>, TlsError>>()?;
        if all.is_empty() { Err(TlsError::None) } else { Ok(Self { all }) }
    }
}

impl ResolvesServerCert for Resolver {
    /// Returns one for the name whose key the client takes: with the very name, else with a wildcard; else the default.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let mut fit: Vec<_> = self.all.iter().filter_map(|(names, pair)| Some((rank(names, &name)?, pair))).collect();
        // Stable: among equals the one that was named first.
        fit.sort_by_key(|(rank, _)| *rank);
        let takes = |pair: &&Arc<CertifiedKey>| pair.key.choose_scheme(hello.signature_schemes()).is_some();
        let default = self.all.first().map(|(_, pair)| pair);
        fit.into_iter().map(|(_, pair)| pair).find(takes).or(default).cloned()
    }
}

/// Returns how well names fit: 0 for the very name, 1 for a wildcard; none for neither.
fn rank(names: &[String], asked: &str) -> Option<u8> {
    let parent = asked.split_once('.').map(|(_, parent)| parent);
    let of = |name: &String| {
        if name == asked {
            return Some(0);
        }
        let wild = name.strip_prefix("*.");
        (wild.is_some() && wild == parent).then_some(1)
    };
    names.iter().filter_map(of).min()
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn a_wildcard_is_for_one_label_and_worth_less_than_the_name() {
        let names = |list: &str| list.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rank(&names("b.test a.test"), "a.test"), Some(0));
        assert_eq!(rank(&names("*.a.test"), "x.a.test"), Some(1));
        assert_eq!(rank(&names("*.a.test x.a.test"), "x.a.test"), Some(0));
        for other in ["a.test", "y.x.a.test", "x.b.test", ""] {
            assert_eq!(rank(&names("*.a.test"), other), None, "{other}");
        }
    }
}
