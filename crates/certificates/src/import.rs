//! What an owner brings: a certificate, its key and those that vouch for it, held together as ACM does (ACM guide,
//! "Prerequisites for importing ACM certificates").

use std::sync::Arc;

use aws_model::{AwsError, Document, Millis};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use secrets::SecretText;
use x509_parser::certificate::X509Certificate;

use crate::authority::Issued;
use crate::{facts, pem};

/// What a call brings, PEM.
pub(crate) struct Brought {
    certificate: Vec<u8>,
    chain: Option<Vec<u8>>,
    key: SecretText,
}

fn invalid(words: &'static str) -> AwsError {
    AwsError::new("ValidationException", words)
}

const UNREADABLE: &str = "The certificate is not a valid PEM-encoded X.509 certificate.";
const CHAIN_UNREADABLE: &str = "The certificate chain is not a list of valid PEM-encoded X.509 certificates.";
const KEY_UNREADABLE: &str = "The private key is not supported.";
/// In ACM's words.
const MORE_THAN_ONE: &str =
    "The certificate field contains more than one certificate. You can specify only one certificate in this field.";
const NOT_SELF_SIGNED: &str = "Provided certificate is not a valid self signed. Please provide either a valid self-signed \
    certificate or certificate chain.";
const NO_CHAIN: &str = "Could not validate the certificate with the certificate chain.";

/// Takes what is secret, and large, out of an input.
pub(crate) fn take(mut input: Document) -> Result<(Brought, Document), AwsError> {
    let mut blob = |name: &str, words: &'static str| {
        let value = input.shift_remove(name);
        let text = value.as_ref().and_then(|value| value.as_str());
        text.map(|text| pem::decode_base64(text).ok_or_else(|| invalid(words))).transpose()
    };
    let certificate = blob("Certificate", UNREADABLE)?.ok_or_else(|| invalid(UNREADABLE))?;
    let chain = blob("CertificateChain", CHAIN_UNREADABLE)?;
    let key = blob("PrivateKey", KEY_UNREADABLE)?.and_then(|key| String::from_utf8(key).ok());
    let key = SecretText::new(key.ok_or_else(|| invalid(KEY_UNREADABLE))?);
    Ok((Brought { certificate, chain, key }, input))
}

/// Holds a certificate, its key and its chain together.
pub(crate) fn read(brought: Brought, now: Millis) -> Result<Issued, AwsError> {
    let mut certificates = pem::certificates(&brought.certificate).ok_or_else(|| invalid(UNREADABLE))?;
    let certificate = certificates.remove(0);
    if !certificates.is_empty() {
        return Err(invalid(MORE_THAN_ONE));
    }
    let facts = facts::read(&certificate).ok_or_else(|| invalid(UNREADABLE))?;
    if now < facts.not_before || facts.not_after <= now {
        return Err(invalid("The certificate is not valid at this time: see its NotBefore and NotAfter."));
    }
    let chain = brought.chain.map(|chain| pem::certificates(&chain).ok_or_else(|| invalid(CHAIN_UNREADABLE)));
    let chain = chain.transpose()?.unwrap_or_default();
    let mut links = vec![parsed(&certificate).ok_or_else(|| invalid(UNREADABLE))?];
    for link in &chain {
        links.push(parsed(link).ok_or_else(|| invalid(CHAIN_UNREADABLE))?);
    }
    match &links[..] {
        [alone] if !is_signed_by(alone, alone) => return Err(invalid(NOT_SELF_SIGNED)),
        all if !all.windows(2).all(|pair| is_signed_by(&pair[0], &pair[1])) => return Err(invalid(NO_CHAIN)),
        _ => {}
    }
    let key = PrivateKeyDer::from_pem_slice(brought.key.expose().as_bytes()).map_err(|_| invalid(KEY_UNREADABLE))?;
    let clear = clear_pem(&key);
    let provider = ring::default_provider();
    let loaded = provider.key_provider.load_private_key(key).map_err(|_| invalid(KEY_UNREADABLE))?;
    let pair = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&loaded));
    pair.keys_match().map_err(|_| invalid("The private key is not the one of the certificate."))?;
    Ok(Issued {
        body: pem::encode("CERTIFICATE", &certificate),
        chain: (!chain.is_empty()).then(|| chain.iter().map(|link| pem::encode("CERTIFICATE", link)).collect()),
        key: clear,
        facts,
    })
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate)
}

fn is_signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer() == issuer.subject() && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// The key alone: whatever else its file held is left behind.
fn clear_pem(key: &PrivateKeyDer<'_>) -> SecretText {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    SecretText::new(pem::encode(label, key.secret_der()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority;

    const NOW: Millis = 1_700_000_000_000;

    fn brought(certificate: &str, key: &SecretText, chain: Option<&str>) -> Brought {
        let chain = chain.map(|chain| chain.as_bytes().to_vec());
        Brought { certificate: certificate.as_bytes().to_vec(), chain, key: SecretText::new(key.expose().to_owned()) }
    }

    /// Reads and returns the words of the refusal; empty for none.
    fn check(brought: Brought, wanted: &str) {
        let words = read(brought, NOW).err().map_or(String::new(), |error| error.message.to_string());
        assert!(words.contains(wanted) && words.is_empty() == wanted.is_empty(), "{words}");
    }

    #[test]
    fn a_certificate_its_key_and_its_chain_must_fit() {
        let (ca, ca_key) = authority::found(NOW).unwrap();
        let names = ["a.test".to_owned(), "*.a.test".to_owned()];
        let issue = |algorithm: &str| authority::issue(&ca, &ca_key, &names, algorithm, NOW).unwrap();
        let (rsa, ec) = (issue("RSA_2048"), issue("EC_prime256v1"));
        for issued in [&rsa, &ec, &issue("EC_secp384r1")] {
            let read = read(brought(&issued.body, &issued.key, Some(&ca)), NOW).unwrap();
            assert_eq!((&read.body, &read.facts), (&issued.body, &issued.facts));
            assert_eq!(read.key.expose(), issued.key.expose());
        }
        assert_eq!(rsa.facts.key_algorithm, "RSA_2048");
        assert_eq!((rsa.facts.domain.as_str(), &rsa.facts.names[..]), ("a.test", &names[..]));
        assert_eq!(rsa.facts.extended_key_usages[0].0, "TLS_WEB_SERVER_AUTHENTICATION");
        // Alone only if it vouches for itself.
        check(brought(&ca, &ca_key, None), "");
        check(brought(&rsa.body, &rsa.key, None), "not a valid self signed");
        check(brought(&rsa.body, &ec.key, Some(&ca)), "not the one of the certificate");
        check(brought(&rsa.body, &issue("RSA_2048").key, Some(&ca)), "not the one of the certificate");
        let (other, _) = authority::found(NOW).unwrap();
        check(
            brought(&rsa.body, &rsa.key, Some(&other)),
            "Could not validate the certificate with the certificate chain",
        );
        check(brought(&format!("{}{ca}", rsa.body), &rsa.key, None), "more than one certificate");
        check(brought("x", &rsa.key, None), "not a valid PEM");
        check(brought(&rsa.body, &SecretText::new("x".to_owned()), Some(&ca)), "private key is not supported");
        let late = read(brought(&rsa.body, &rsa.key, Some(&ca)), NOW + 400 * 86_400_000).err().unwrap();
        assert!(late.message.contains("not valid at this time"), "{}", late.message);
    }

    #[test]
    fn a_key_is_in_no_words() {
        let (ca, key) = authority::found(NOW).unwrap();
        let input = serde_json::json!({"Certificate": pem::encode_base64(ca.as_bytes()), "PrivateKey": "%%%"});
        let error = take(input.as_object().unwrap().clone()).err().unwrap();
        assert!(!error.message.contains("%%%") && !format!("{key:?}").contains("BEGIN"), "{}", error.message);
    }
}
