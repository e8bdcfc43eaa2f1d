//! What does a certificate say?

use aws_model::Millis;
use platform_core::acm::Facts;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::public_key::PublicKey;

/// Reads a certificate; none if it is none.
pub(crate) fn read(der: &[u8]) -> Option<Facts> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let names = names(&certificate);
    let common = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok()).map(str::to_owned);
    let issuer = certificate.issuer();
    let organisation = issuer.iter_organization().chain(issuer.iter_common_name()).find_map(|name| name.as_str().ok());
    let domain = common.clone().or_else(|| names.first().cloned())?;
    Some(Facts {
        names: if names.is_empty() { vec![domain.clone()] } else { names },
        domain,
        serial: certificate.raw_serial_as_string(),
        subject: certificate.subject().to_string(),
        issuer: organisation.unwrap_or_default().to_owned(),
        not_before: millis(certificate.validity().not_before.timestamp()),
        not_after: millis(certificate.validity().not_after.timestamp()),
        key_algorithm: key_algorithm(&certificate)?.to_owned(),
        signature_algorithm: signature_algorithm(&certificate),
        key_usages: key_usages(&certificate),
        extended_key_usages: extended_key_usages(&certificate),
    })
}

fn millis(seconds: i64) -> Millis {
    seconds * 1000
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    dns.collect()
}

/// Returns ACM's word for the key; none for one that ACM does not take.
fn key_algorithm(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => match key.key_size() {
            1024 => Some("RSA_1024"),
            2048 => Some("RSA_2048"),
            3072 => Some("RSA_3072"),
            4096 => Some("RSA_4096"),
            _ => None,
        },
        PublicKey::EC(point) => match point.key_size() {
            256 => Some("EC_prime256v1"),
            384 => Some("EC_secp384r1"),
            521 | 528 => Some("EC_secp521r1"),
            _ => None,
        },
        _ => None,
    }
}

fn signature_algorithm(certificate: &X509Certificate<'_>) -> String {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    let known = match oid.as_str() {
        "1.2.840.113549.1.1.5" => "SHA1WITHRSA",
        "1.2.840.113549.1.1.11" => "SHA256WITHRSA",
        "1.2.840.113549.1.1.12" => "SHA384WITHRSA",
        "1.2.840.113549.1.1.13" => "SHA512WITHRSA",
        "1.2.840.10045.4.3.2" => "SHA256WITHECDSA",
        "1.2.840.10045.4.3.3" => "SHA384WITHECDSA",
        "1.2.840.10045.4.3.4" => "SHA512WITHECDSA",
        _ => return oid,
    };
    known.to_owned()
}

fn key_usages(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.key_usage() else { return vec!["ANY".to_owned()] };
    let usage = extension.value;
    let known = [
        (usage.digital_signature(), "DIGITAL_SIGNATURE"),
        (usage.non_repudiation(), "NON_REPUDIATION"),
        (usage.key_encipherment(), "KEY_ENCIPHERMENT"),
        (usage.data_encipherment(), "DATA_ENCIPHERMENT"),
        (usage.key_agreement(), "KEY_AGREEMENT"),
        (usage.key_cert_sign(), "CERTIFICATE_SIGNING"),
        (usage.crl_sign(), "CRL_SIGNING"),
        (usage.encipher_only(), "ENCIPHER_ONLY"),
        (usage.decipher_only(), "DECIPHER_ONLY"),
    ];
    known.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned()).collect()
}

fn extended_key_usages(certificate: &X509Certificate<'_>) -> Vec<(String, String)> {
    let usages = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage),
        _ => None,
    });
    let Some(usage) = usages else { return vec![("NONE".to_owned(), String::new())] };
    let known = [
        (usage.any, "ANY", "2.5.29.37.0"),
        (usage.server_auth, "TLS_WEB_SERVER_AUTHENTICATION", "1.3.6.1.5.5.7.3.1"),
        (usage.client_auth, "TLS_WEB_CLIENT_AUTHENTICATION", "1.3.6.1.5.5.7.3.2"),
        (usage.code_signing, "CODE_SIGNING", "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "EMAIL_PROTECTION", "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "TIME_STAMPING", "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "OCSP_SIGNING", "1.3.6.1.5.5.7.3.9"),
    ];
    let named = known.into_iter().filter(|(is, ..)| *is).map(|(_, word, oid)| (word.to_owned(), oid.to_owned()));
    named.chain(usage.other.iter().map(|oid| ("CUSTOM".to_owned(), oid.to_id_string()))).collect()
}
