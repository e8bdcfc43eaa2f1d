//! What keys are for: encrypting, decrypting, and data keys.

use aws_model::call::read;
use aws_model::{AwsError, Call, Document};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refuse;
use crate::Kms;
use crate::cipher::{self, Context, Secret};
use crate::key::{Key, Material};
use crate::state::Changes;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encrypt {
    key_id: String,
    plaintext: String,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypt {
    key_id: Option<String>,
    ciphertext_blob: Option<String>,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncrypt {
    ciphertext_blob: Option<String>,
    source_key_id: Option<String>,
    #[serde(default)]
    source_encryption_context: Context,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    number_of_bytes: Option<usize>,
    key_spec: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Random {
    number_of_bytes: Option<usize>,
}

fn no_random() -> AwsError {
    AwsError::new("KMSInternalException", "no random numbers").with_status(500)
}

fn bytes_of(text: &str) -> Result<Vec<u8>, AwsError> {
    // The front has checked that it is base64.
    STANDARD.decode(text).map_err(|_| AwsError::new("SerializationException", "a blob that is not base64"))
}

fn random_bytes(count: usize) -> Result<Vec<u8>, AwsError> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|_| no_random())?;
    Ok(bytes)
}

/// Answers GenerateRandom.
pub(super) async fn random(_: &Kms, call: &Call, input: Document) -> Result<Value, AwsError> {
    refuse(&input, &["Recipient", "CustomKeyStoreId"])?;
    let input: Random = read(call.operation, input)?;
    let Some(count) = input.number_of_bytes else {
        return Err(AwsError::new("ValidationException", "NumberOfBytes must be given"));
    };
    Ok(json!({"Plaintext": STANDARD.encode(random_bytes(count)?)}))
}

impl Kms {
    /// Returns a key that can encrypt now; it is rotated first if its time has come.
    async fn for_encryption(&self, region: &str, name: String) -> Result<Key, AwsError> {
        let key = self.named(region, name).await?;
        key.usable()?;
        let is_due = |key: &Key, now| key.next_rotation().is_some_and(|at| at <= now);
        if !is_due(&key, (self.inner.now)()) {
            return Ok(key);
        }
        let (account, region, id) = (self.inner.account.clone(), region.to_owned(), key.arn());
        self.change(move |state, now| {
            let mut key = state.find(&account, &region, &id, now)?;
            if !is_due(&key, now) {
                return Ok((key, Changes::default()));
            }
            let number = key.materials.last().map_or(0, |last| last.number + 1);
            key.materials.push(Material { number, made_at: now, secret: Secret::fresh().map_err(|_| no_random())? });
            Ok((key.clone(), Changes { keys: vec![key], ..Changes::default() }))
        })
        .await
    }

    fn sealed(key: &Key, context: &Context, clear: &[u8]) -> Result<String, AwsError> {
        let newest = key.materials.last().ok_or_else(|| AwsError::server("a key without material"))?;
        let sealed = cipher::seal(&newest.secret, &key.id, newest.number, context, clear).ok_or_else(no_random)?;
        Ok(STANDARD.encode(sealed))
    }

    /// Returns what was encrypted, and with which key. All faults look the same: the caller does not learn what is
    /// wrong with a ciphertext.
    fn opened(
        &self,
        region: &str,
        ciphertext: Option<&str>,
        named: Option<&str>,
        context: &Context,
    ) -> Result<(Vec<u8>, Key), AwsError> {
        let invalid = || AwsError::new("InvalidCiphertextException", "");
        let ciphertext = bytes_of(ciphertext.ok_or_else(invalid)?)?;
        let envelope = cipher::open(&ciphertext).ok_or_else(invalid)?;
        let key = self.find(region, envelope.key).map_err(|_| invalid())?;
        if let Some(named) = named
            && self.find(region, named)?.id != key.id
        {
            let words = "The key ID in the request does not identify a CMK that can perform this operation.";
            return Err(AwsError::new("IncorrectKeyException", words));
        }
        key.usable()?;
        let material = key.materials.iter().find(|one| one.number == envelope.material).ok_or_else(invalid)?;
        let clear = envelope.unseal(&material.secret, context).ok_or_else(invalid)?;
        Ok((clear, key))
    }

    pub(super) async fn encrypt(&self, call: &Call, input: Encrypt) -> Result<Value, AwsError> {
        let region = call.region.clone();
        let clear = bytes_of(&input.plaintext)?;
        let key = self.for_encryption(&region, input.key_id).await?;
        let sealed = Self::sealed(&key, &input.encryption_context, &clear)?;
        Ok(json!({"CiphertextBlob": sealed, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": key.arn()}))
    }

    pub(super) async fn decrypt(&self, call: &Call, input: Document) -> Result<Value, AwsError> {
        refuse(&input, &["Recipient"])?;
        let input: Decrypt = read(call.operation, input)?;
        let region = call.region.as_str();
        let (ciphertext, named) = (input.ciphertext_blob.as_deref(), input.key_id.as_deref());
        let (clear, key) = self.opened(region, ciphertext, named, &input.encryption_context)?;
        Ok(json!({
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": key.arn(), "Plaintext": STANDARD.encode(clear),
        }))
    }

    pub(super) async fn re_encrypt(&self, call: &Call, input: ReEncrypt) -> Result<Value, AwsError> {
        let region = call.region.clone();
        let (ciphertext, named) = (input.ciphertext_blob.as_deref(), input.source_key_id.as_deref());
        let (clear, from) = self.opened(&region, ciphertext, named, &input.source_encryption_context)?;
        let to = self.for_encryption(&region, input.destination_key_id).await?;
        let sealed = Self::sealed(&to, &input.destination_encryption_context, &clear)?;
        Ok(json!({
            "CiphertextBlob": sealed, "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": to.arn(),
            "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "SourceKeyId": from.arn(),
        }))
    }

    pub(super) async fn data_key(&self, call: &Call, input: Document) -> Result<Value, AwsError> {
        refuse(&input, &["Recipient"])?;
        self.generate_data_key(call, read(call.operation, input)?, true).await
    }

    pub(super) async fn sealed_data_key(&self, call: &Call, input: DataKey) -> Result<Value, AwsError> {
        self.generate_data_key(call, input, false).await
    }

    async fn generate_data_key(&self, call: &Call, input: DataKey, is_shown: bool) -> Result<Value, AwsError> {
        let region = call.region.clone();
        let count = match (input.key_spec.as_deref(), input.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(count)) => count,
            _ => {
                let words = "Please specify either number of bytes or key spec.";
                return Err(AwsError::new("ValidationException", words));
            }
        };
        let key = self.for_encryption(&region, input.key_id).await?;
        let clear = random_bytes(count)?;
        let mut out =
            json!({"CiphertextBlob": Self::sealed(&key, &input.encryption_context, &clear)?, "KeyId": key.arn()});
        if is_shown {
            out["Plaintext"] = json!(STANDARD.encode(clear));
        }
        Ok(out)
    }
}
