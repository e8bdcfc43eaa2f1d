//! Makes private keys.

use aws_model::AwsError;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::OsRng;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Makes a key of an algorithm, in ACM's words.
///
/// # Errors
/// For algorithms that ACM does not issue for either ("RSA 2048, ECDSA P 256 and P 384": ACM guide).
pub(crate) fn make(algorithm: &str) -> Result<KeyPair, AwsError> {
    let failed = |_| AwsError::server("a certificate's key could not be made");
    match algorithm {
        "EC_prime256v1" => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed),
        "EC_secp384r1" => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(failed),
        // ring makes no RSA keys; it signs with them.
        "RSA_2048" => {
            let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).map_err(|_| AwsError::server("no random bytes"))?;
            let der = key.to_pkcs8_der().map_err(|_| AwsError::server("a certificate's key could not be written"))?;
            KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_bytes()), &PKCS_RSA_SHA256)
                .map_err(failed)
        }
        other => Err(AwsError::new(
            "InvalidParameterException",
            format!("The key algorithm {other} is not supported for a requested certificate."),
        )),
    }
}

/// Returns 128 random bits in hex digits.
pub(crate) fn random_name() -> Result<String, AwsError> {
    Ok(random()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn random() -> Result<[u8; 16], AwsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| AwsError::server("the kernel gives no random bytes"))?;
    Ok(bytes)
}
