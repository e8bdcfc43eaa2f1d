//! What happens to a key from its making to its end: calls as they come through the front.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_model::{Answer, Call, Door, Service};
use kms::Kms;
use serde_json::{Value, json};
use store::Store;

const ACCOUNT: &str = "123456789012";
const DAY: i64 = 86_400_000;

struct Platform {
    store: Store,
    secrets: secrets::Secrets,
    kms: Kms,
    time: Arc<AtomicI64>,
}

impl Platform {
    fn new() -> Self {
        let store = Store::ephemeral().unwrap();
        let time = Arc::new(AtomicI64::new(1_000 * DAY));
        let now: secrets::Now = Arc::new({
            let time = time.clone();
            move || time.load(Ordering::SeqCst)
        });
        let secrets = secrets::Secrets::open(store.clone(), None, ACCOUNT, now.clone()).unwrap();
        let kms = Kms::open(store.clone(), secrets.sealer(), ACCOUNT, now).unwrap();
        Self { store, secrets, kms, time }
    }

    fn restart(&mut self) {
        let time = self.time.clone();
        let now = Arc::new(move || time.load(Ordering::SeqCst));
        self.kms = Kms::open(self.store.clone(), self.secrets.sealer(), ACCOUNT, now).unwrap();
    }

    fn wait(&self, days: i64) {
        self.time.fetch_add(days * DAY, Ordering::SeqCst);
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, String> {
        let call = Call {
            operation: Service::Kms.model().operation(operation).unwrap(),
            region: "eu-west-1".into(),
            access_key: String::new(),
            authority: String::new(),
            input: input.as_object().cloned().unwrap(),
            request_id: String::new(),
        };
        match self.kms.call(call).await {
            Ok(Answer::Document(document)) => Ok(Value::Object(document)),
            Ok(Answer::Events(_)) => unreachable!(),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.call(operation, input).await.unwrap()
    }

    async fn refused(&self, operation: &str, input: Value, want: &str) {
        let got = self.call(operation, input).await.unwrap_err();
        assert!(got.starts_with(want), "{operation}: {got}");
    }

    async fn key(&self) -> String {
        self.ok("CreateKey", json!({})).await["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_is_encrypted_is_decrypted_under_every_name_and_after_a_restart() {
    let mut platform = Platform::new();
    let key = platform.key().await;
    platform.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key})).await;
    let context = json!({"app": "shop"});
    let input = json!({"KeyId": "alias/app", "Plaintext": "aGVsbG8=", "EncryptionContext": context});
    let sealed = platform.ok("Encrypt", input).await["CiphertextBlob"].clone();
    platform.restart();
    let opened = platform.ok("Decrypt", json!({"CiphertextBlob": sealed, "EncryptionContext": context})).await;
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], json!(format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}")));
    platform.refused("Decrypt", json!({"CiphertextBlob": sealed}), "InvalidCiphertextException").await;
    platform.refused("Decrypt", json!({"CiphertextBlob": "aGVsbG8="}), "InvalidCiphertextException").await;
    let other = platform.key().await;
    let input = json!({"CiphertextBlob": sealed, "EncryptionContext": context, "KeyId": other});
    platform.refused("Decrypt", input, "IncorrectKeyException").await;
    let input = json!({
        "CiphertextBlob": sealed, "SourceEncryptionContext": context, "DestinationKeyId": other,
        "DestinationEncryptionContext": {"new": "one"},
    });
    let again = platform.ok("ReEncrypt", input).await["CiphertextBlob"].clone();
    let opened = platform.ok("Decrypt", json!({"CiphertextBlob": again, "EncryptionContext": {"new": "one"}})).await;
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
}

#[tokio::test]
async fn a_key_waits_for_its_deletion_and_is_gone_when_its_time_is_over() {
    let mut platform = Platform::new();
    let key = platform.key().await;
    platform.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key})).await;
    let sealed = platform.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="})).await["CiphertextBlob"].clone();
    let leaving = platform.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})).await;
    assert_eq!(leaving["KeyState"], "PendingDeletion");
    platform.refused("Decrypt", json!({"CiphertextBlob": sealed}), "KMSInvalidStateException").await;
    platform.ok("CancelKeyDeletion", json!({"KeyId": key})).await;
    platform.refused("Decrypt", json!({"CiphertextBlob": sealed}), "DisabledException").await;
    platform.ok("EnableKey", json!({"KeyId": key})).await;
    platform.ok("Decrypt", json!({"CiphertextBlob": sealed})).await;
    platform.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})).await;
    platform.wait(7);
    platform.refused("DescribeKey", json!({"KeyId": key}), "NotFoundException").await;
    platform.refused("Decrypt", json!({"CiphertextBlob": sealed}), "InvalidCiphertextException").await;
    // Whatever is changed next takes its rows away, its alias's too.
    platform.key().await;
    platform.restart();
    assert_eq!(platform.kms.count(), 1);
    assert_eq!(platform.ok("ListAliases", json!({})).await["Aliases"], json!([]));
}

#[tokio::test]
async fn a_rotated_key_still_opens_what_it_closed_before() {
    let mut platform = Platform::new();
    let key = platform.key().await;
    platform.ok("EnableKeyRotation", json!({"KeyId": key, "RotationPeriodInDays": 90})).await;
    let status = platform.ok("GetKeyRotationStatus", json!({"KeyId": key})).await;
    assert_eq!((&status["KeyRotationEnabled"], &status["RotationPeriodInDays"]), (&json!(true), &json!(90)));
    let before = platform.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="})).await["CiphertextBlob"].clone();
    platform.wait(90);
    let after = platform.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eQ=="})).await["CiphertextBlob"].clone();
    let next = platform.ok("GetKeyRotationStatus", json!({"KeyId": key})).await["NextRotationDate"].clone();
    assert_eq!(next, json!((1_000 + 180) * DAY / 1_000));
    platform.restart();
    assert_eq!(platform.ok("Decrypt", json!({"CiphertextBlob": before})).await["Plaintext"], "eA==");
    assert_eq!(platform.ok("Decrypt", json!({"CiphertextBlob": after})).await["Plaintext"], "eQ==");
}

#[tokio::test]
async fn data_keys_open_with_their_key() {
    let platform = Platform::new();
    let key = platform.key().await;
    let made = platform.ok("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})).await;
    let opened = platform.ok("Decrypt", json!({"CiphertextBlob": made["CiphertextBlob"]})).await;
    assert_eq!(opened["Plaintext"], made["Plaintext"]);
    let hidden = platform.ok("GenerateDataKeyWithoutPlaintext", json!({"KeyId": key, "NumberOfBytes": 64})).await;
    assert!(hidden.get("Plaintext").is_none());
    let both = json!({"KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 1});
    platform.refused("GenerateDataKey", both, "ValidationException").await;
}

#[tokio::test]
async fn names_and_grants_are_kept_apart() {
    let platform = Platform::new();
    let (one, two) = (platform.key().await, platform.key().await);
    platform.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": one})).await;
    let again = json!({"AliasName": "alias/app", "TargetKeyId": two});
    platform.refused("CreateAlias", again.clone(), "AlreadyExistsException").await;
    platform.refused("CreateAlias", json!({"AliasName": "alias/aws/x", "TargetKeyId": two}), "NotAuthorized").await;
    platform.refused("CreateAlias", json!({"AliasName": "app", "TargetKeyId": two}), "InvalidAliasName").await;
    platform.ok("UpdateAlias", again).await;
    assert_eq!(platform.ok("DescribeKey", json!({"KeyId": "alias/app"})).await["KeyMetadata"]["KeyId"], json!(two));
    // A service's own key is there when it is asked for, once.
    let aws = platform.ok("DescribeKey", json!({"KeyId": "alias/aws/secretsmanager"})).await;
    assert_eq!(aws["KeyMetadata"]["KeyManager"], "AWS");
    assert_eq!(platform.ok("DescribeKey", json!({"KeyId": "alias/aws/secretsmanager"})).await, aws);
    let id = aws["KeyMetadata"]["KeyId"].clone();
    platform.refused("ScheduleKeyDeletion", json!({"KeyId": id}), "AccessDeniedException").await;

    let grant =
        json!({"KeyId": one, "GranteePrincipal": "arn:aws:iam::1:role/a", "Operations": ["Decrypt"], "Name": "n"});
    let made = platform.ok("CreateGrant", grant.clone()).await;
    assert_eq!(platform.ok("CreateGrant", grant).await, made);
    let listed = platform.ok("ListGrants", json!({"KeyId": one})).await;
    assert_eq!(listed["Grants"][0]["Operations"], json!(["Decrypt"]));
    assert_eq!(platform.ok("ListGrants", json!({"KeyId": two})).await["Grants"], json!([]));
    platform.ok("RevokeGrant", json!({"KeyId": one, "GrantId": made["GrantId"]})).await;
    platform.refused("RetireGrant", json!({"GrantToken": made["GrantToken"]}), "NotFoundException").await;
    platform.kms.reset().await.unwrap();
    assert_eq!(platform.kms.count(), 0);
}

#[tokio::test]
async fn no_material_is_in_the_store_in_the_clear_and_lists_are_cut() {
    let platform = Platform::new();
    for _ in 0..3 {
        platform.key().await;
    }
    let first = platform.ok("ListKeys", json!({"Limit": 2})).await;
    assert_eq!((first["Keys"].as_array().unwrap().len(), &first["Truncated"]), (2, &json!(true)));
    let rest = platform.ok("ListKeys", json!({"Limit": 2, "Marker": first["NextMarker"]})).await;
    assert_eq!((rest["Keys"].as_array().unwrap().len(), &rest["Truncated"]), (1, &json!(false)));
    for (_, row) in platform.store.load("kms_keys").unwrap() {
        let row: Value = serde_json::from_slice(&row).unwrap();
        assert_eq!(row["materials"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["number", "made_at"]);
    }
}
