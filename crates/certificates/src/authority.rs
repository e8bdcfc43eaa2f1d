//! The platform's own certificate authority: made once, trusted by clients that were given its certificate.

use aws_model::{AwsError, Millis};
use platform_core::acm::Facts;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrets::SecretText;
use time::OffsetDateTime;

use crate::{facts, key, pem};

const DAY: Millis = 86_400_000;
/// "Certificates provided by ACM are valid for 13 months (395 days)" (ACM guide).
const VALID: Millis = 395 * DAY;
const AUTHORITY_VALID: Millis = 3650 * DAY;
const KEY: &str = "PRIVATE KEY";

/// A certificate with its key in the clear.
pub(crate) struct Issued {
    pub(crate) body: String,
    pub(crate) chain: Option<String>,
    pub(crate) key: SecretText,
    pub(crate) facts: Facts,
}

fn failed(_: rcgen::Error) -> AwsError {
    AwsError::server("a certificate could not be made")
}

/// Makes an authority: its certificate and its key, PEM.
pub(crate) fn found(now: Millis) -> Result<(String, SecretText), AwsError> {
    let key = key::make("EC_prime256v1")?;
    let mut params = authority_params()?;
    lasts(&mut params, now, AUTHORITY_VALID)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((pem::encode("CERTIFICATE", certificate.der()), private(&key)))
}

/// Who the authority is: the same in its own certificate and, as issuer, in all others.
fn authority_params() -> Result<CertificateParams, AwsError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.distinguished_name = name("managr local authority");
    params.distinguished_name.push(DnType::OrganizationName, "managr");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// Issues a certificate for names. `authority` and `own` are the authority's certificate and key, PEM.
pub(crate) fn issue(
    authority: &str,
    own: &SecretText,
    names: &[String],
    algorithm: &str,
    now: Millis,
) -> Result<Issued, AwsError> {
    let broken = || AwsError::server("the platform's certificate authority cannot be read");
    let own = PrivatePkcs8KeyDer::from_pem_slice(own.expose().as_bytes()).map_err(|_| broken())?;
    let own = KeyPair::try_from(own.secret_pkcs8_der()).map_err(|_| broken())?;
    let issuer = Issuer::new(authority_params()?, own);

    let key = key::make(algorithm)?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    // A common name has 64 characters at most (RFC 5280); the names count, not this.
    params.distinguished_name = name(names.iter().find(|name| name.len() <= 64).map_or("managr", String::as_str));
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    lasts(&mut params, now, VALID)?;
    let issued = params.signed_by(&key, &issuer).map_err(failed)?;
    let mut facts =
        facts::read(issued.der()).ok_or_else(|| AwsError::server("a certificate could not be read back"))?;
    // What was asked for, however long.
    facts.domain = names.first().cloned().unwrap_or(facts.domain);
    Ok(Issued {
        body: pem::encode("CERTIFICATE", issued.der()),
        chain: Some(authority.to_owned()),
        key: private(&key),
        facts,
    })
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn private(key: &KeyPair) -> SecretText {
    SecretText::new(pem::encode(KEY, &key.serialize_der()))
}

/// From the day's beginning, so that a client whose clock is a little behind takes it.
fn lasts(params: &mut CertificateParams, now: Millis, millis: Millis) -> Result<(), AwsError> {
    let at = |millis: Millis| {
        OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).map_err(|_| AwsError::server("no such time"))
    };
    let begin = now.div_euclid(DAY) * DAY;
    (params.not_before, params.not_after) = (at(begin)?, at(begin + millis)?);
    params.serial_number = Some(SerialNumber::from(serial()?));
    Ok(())
}

/// A serial number is positive (RFC 5280, 4.1.2.2).
fn serial() -> Result<Vec<u8>, AwsError> {
    let mut bytes = key::random()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes.to_vec())
}
