//! What is kept of a certificate.

use std::collections::BTreeMap;

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

use crate::world::Record;

/// A private key as it is kept: sealed, and bound to a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// What it is bound to.
    pub id: String,
    /// Base64 of what the sealer made of its PEM.
    pub sealed: String,
}

/// What is read out of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The subject's common name; without one, the first name that it is for.
    pub domain: String,
    /// Names that it is for.
    pub names: Vec<String>,
    /// Serial number, hex digits in pairs with colons between.
    pub serial: String,
    /// Subject's distinguished name.
    pub subject: String,
    /// Issuer's organisation or common name.
    pub issuer: String,
    /// When it begins to be valid.
    pub not_before: Millis,
    /// When it ceases to be.
    pub not_after: Millis,
    /// ACM's word, such as `RSA_2048`.
    pub key_algorithm: String,
    /// ACM's word, such as `SHA256WITHRSA`.
    pub signature_algorithm: String,
    /// ACM's words, such as `DIGITAL_SIGNATURE`.
    pub key_usages: Vec<String>,
    /// ACM's words and the object identifiers.
    pub extended_key_usages: Vec<(String, String)>,
}

/// A certificate with its key, made or read elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// The certificate, PEM.
    pub body: String,
    /// Those that vouch for it, PEM.
    pub chain: Option<String>,
    /// Its key.
    pub key: SealedKey,
    /// What it says.
    pub facts: Facts,
}

/// Where a certificate is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The platform's authority issued it.
    Issued,
    /// Its owner brought it.
    Imported,
}

impl Origin {
    /// Returns ACM's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "AMAZON_ISSUED",
            Self::Imported => "IMPORTED",
        }
    }
}

/// A certificate with its sealed key, issued here or imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// `arn:...:certificate/UUID`.
    pub arn: String,
    /// Its region.
    pub region: String,
    /// Where it is from.
    pub origin: Origin,
    /// The certificate, PEM.
    pub body: String,
    /// Those that vouch for it, PEM.
    pub chain: Option<String>,
    /// Its key.
    pub key: SealedKey,
    /// What it says.
    pub facts: Facts,
    /// The request without its tags; empty for an imported one.
    pub request: Document,
    /// The record that would prove each domain, by domain: name and value.
    pub records: BTreeMap<String, (String, String)>,
    /// `Options` as they are now.
    pub options: Document,
    /// When it was first there.
    pub created_at: Millis,
    /// When what it holds now was issued or imported.
    pub held_since: Millis,
    /// Tags; ACM keeps their order nowhere.
    pub tags: BTreeMap<String, String>,
}

impl Record for Certificate {
    const TABLE: &'static str = "acm.certificates";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.arn
    }
}

/// The platform's certificate authority; there is one at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its certificate, PEM.
    pub body: String,
    /// Its key.
    pub key: SealedKey,
}

impl Authority {
    /// Its name among its kind.
    pub const ID: &'static str = "own";
}

impl Record for Authority {
    const TABLE: &'static str = "acm.authority";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        Self::ID
    }
}
