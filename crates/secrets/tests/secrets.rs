//! What Secrets Manager promises, against a real store; what the platform promises of values at rest.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrets::{
    Filter, ListQuery, NewSecret, NewVersion, OpenError, Removal, Revised, SecretError, SecretText, SecretValue,
    Secrets, Tag,
};
use store::{Batch, Store};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";
const DAY: i64 = 86_400_000;
const NEEDLE: &str = "correct-horse-battery-staple";

fn text(value: &str) -> SecretValue {
    SecretValue::Text(SecretText::new(value))
}

fn new(name: &str, value: &str) -> NewSecret {
    NewSecret { name: name.into(), value: Some(text(value)), ..NewSecret::default() }
}

fn version(value: &str, token: Option<&str>, stages: &[&str]) -> NewVersion {
    NewVersion {
        token: token.map(str::to_owned),
        value: text(value),
        stages: stages.iter().map(|s| s.to_string()).collect(),
    }
}

fn token(n: u8) -> String {
    format!("{n:032}")
}

fn now() -> secrets::Now {
    Arc::new(|| 1_700_000_000_000)
}

fn fresh() -> Secrets {
    Secrets::open(Store::ephemeral().unwrap(), None, ACCOUNT, now()).unwrap()
}

fn open(dir: &Path) -> Result<Secrets, OpenError> {
    Secrets::open(Store::open(dir).unwrap(), Some(dir), ACCOUNT, now())
}

fn read(secrets: &Secrets, id: &str, version: Option<&str>, stage: Option<&str>) -> String {
    match secrets.get(REGION, id, version, stage) {
        Ok(got) => match got.value {
            SecretValue::Text(text) => text.expose().to_owned(),
            SecretValue::Binary(bytes) => format!("{:?}", bytes.expose()),
        },
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn_with_and_without_its_suffix() {
    let secrets = fresh();
    let arn = secrets.create(REGION, new("app/staging", "v")).await.unwrap().arn;
    secrets.create(REGION, new("app/staging-other", "w")).await.unwrap();
    let partial = arn.rsplit_once('-').unwrap().0;
    assert_eq!(arn.len(), partial.len() + 7);
    for id in ["app/staging", &arn, partial] {
        assert_eq!(read(&secrets, id, None, None), "v", "{id}");
    }
    // An ARN carries its own region; a name does not.
    assert_eq!(secrets.get("eu-west-1", &arn, None, None).unwrap().secret.arn, arn);
    assert!(secrets.get("eu-west-1", "app/staging", None, None).is_err());
    let error = secrets.get(REGION, "app", None, None).unwrap_err();
    assert_eq!(error.to_string(), "Secrets Manager can't find the specified secret.");
    assert_eq!(read(&secrets, &arn.replace(ACCOUNT, "999999999999"), None, None), "ResourceNotFoundException");
}

#[tokio::test]
async fn versions_move_the_stages_as_aws_does() {
    let secrets = fresh();
    secrets.create(REGION, NewSecret { token: Some(token(1)), ..new("s", "one") }).await.unwrap();
    secrets.put(REGION, "s", version("two", Some(&token(2)), &[])).await.unwrap();
    assert_eq!(read(&secrets, "s", None, None), "two");
    assert_eq!(read(&secrets, "s", None, Some("AWSPREVIOUS")), "one");
    secrets.put(REGION, "s", version("three", Some(&token(3)), &["blue"])).await.unwrap();
    assert_eq!(read(&secrets, "s", None, None), "two", "another label leaves the current one alone");
    assert_eq!(read(&secrets, "s", None, Some("blue")), "three");
    assert_eq!(read(&secrets, "s", Some(&token(1)), None), "one");
    assert_eq!(read(&secrets, "s", Some(&token(1)), Some("blue")), "InvalidRequestException");
    assert_eq!(read(&secrets, "s", Some(&token(9)), None), "ResourceNotFoundException");
    assert_eq!(read(&secrets, "s", None, Some("green")), "ResourceNotFoundException");
    secrets.move_stage(REGION, "s", "AWSCURRENT".into(), Some(token(2)), Some(token(1))).await.unwrap();
    assert_eq!(read(&secrets, "s", None, None), "one");
    let updated =
        secrets.update(REGION, "s", Revised { value: Some(text("four")), ..Revised::default() }).await.unwrap();
    assert_eq!(updated.version.unwrap().stages, ["AWSCURRENT"]);
    assert_eq!(read(&secrets, "s", None, Some("AWSPREVIOUS")), "one");
}

#[tokio::test]
async fn the_same_request_twice_is_answered_twice_and_another_is_refused() {
    let secrets = fresh();
    let request = |value| NewSecret { token: Some(token(1)), ..new("s", value) };
    let first = secrets.create(REGION, request("one")).await.unwrap();
    let again = secrets.create(REGION, request("one")).await.unwrap();
    assert_eq!(first.arn, again.arn);
    for other in [request("two"), NewSecret { token: Some(token(2)), ..new("s", "one") }] {
        assert_eq!(secrets.create(REGION, other).await.unwrap_err().code(), "ResourceExistsException");
    }
    secrets.put(REGION, "s", version("x", Some(&token(3)), &[])).await.unwrap();
    secrets.put(REGION, "s", version("x", Some(&token(3)), &[])).await.unwrap();
    let clash = secrets.put(REGION, "s", version("y", Some(&token(3)), &[])).await.unwrap_err();
    assert_eq!(clash.code(), "ResourceExistsException");
    assert_eq!(secrets.describe(REGION, "s").unwrap().versions.len(), 2);
}

#[tokio::test]
async fn a_deleted_secret_can_come_back_until_its_window_is_over() {
    let clock = Arc::new(AtomicI64::new(0));
    let time = clock.clone();
    let now: secrets::Now = Arc::new(move || time.load(Ordering::SeqCst));
    let secrets = Secrets::open(Store::ephemeral().unwrap(), None, ACCOUNT, now).unwrap();
    secrets.create(REGION, new("s", "v")).await.unwrap();
    let refused = secrets.delete(REGION, "s", Removal::After(6)).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterException");
    let (_, gone) = secrets.delete(REGION, "s", Removal::After(7)).await.unwrap();
    assert_eq!(gone, 7 * DAY);
    assert_eq!(read(&secrets, "s", None, None), "InvalidRequestException");
    assert_eq!(secrets.create(REGION, new("s", "w")).await.unwrap_err().code(), "InvalidRequestException");
    assert_eq!(secrets.put(REGION, "s", version("w", None, &[])).await.unwrap_err().code(), "InvalidRequestException");
    assert_eq!(secrets.list(REGION, &ListQuery::default()).unwrap().items.len(), 0);
    let planned = ListQuery { planned_deletion: true, ..ListQuery::default() };
    assert_eq!(secrets.list(REGION, &planned).unwrap().items.len(), 1);
    secrets.restore(REGION, "s").await.unwrap();
    assert_eq!(read(&secrets, "s", None, None), "v");

    secrets.delete(REGION, "s", Removal::After(7)).await.unwrap();
    clock.store(7 * DAY, Ordering::SeqCst);
    assert_eq!(secrets.restore(REGION, "s").await.unwrap_err().code(), "ResourceNotFoundException");
    secrets.create(REGION, new("s", "anew")).await.unwrap();
    assert_eq!(secrets.sweep().await.unwrap(), 1);
    assert_eq!((secrets.count(), read(&secrets, "s", None, None)), (1, "anew".to_owned()));

    secrets.delete(REGION, "s", Removal::Now).await.unwrap();
    assert_eq!(secrets.count(), 0);
}

#[tokio::test]
async fn requests_that_aws_refuses_are_refused() {
    let secrets = fresh();
    let code = |r: Result<secrets::Created, SecretError>| r.map_or_else(|e| e.code(), |_| "accepted");
    assert_eq!(code(secrets.create(REGION, new("no spaces", "v")).await), "InvalidParameterException");
    assert_eq!(code(secrets.create(REGION, new("", "v")).await), "InvalidParameterException");
    assert_eq!(code(secrets.create(REGION, new("big", &"x".repeat(65_537))).await), "InvalidParameterException");
    let short = NewSecret { token: Some("short".into()), ..new("t", "v") };
    assert_eq!(code(secrets.create(REGION, short).await), "InvalidParameterException");
    let tag = |key: &str| Tag { key: key.into(), value: String::new() };
    let tagged = NewSecret { tags: vec![tag("aws:x")], ..new("t", "v") };
    assert_eq!(code(secrets.create(REGION, tagged).await), "InvalidParameterException");
    let error = secrets.describe(REGION, "arn:aws:ecs:us-east-1:123456789012:cluster/x").unwrap_err();
    assert_eq!(error.code(), "InvalidParameterException");
    assert_eq!(secrets.count(), 0);
}

#[tokio::test]
async fn lists_by_filter_and_by_page() {
    let secrets = fresh();
    for name in ["app/a", "app/b", "other"] {
        let tags = vec![Tag { key: "stage".into(), value: name.replace('/', "-") }];
        let described = NewSecret { description: Some(format!("The {name} one")), tags, ..new(name, "v") };
        secrets.create(REGION, described).await.unwrap();
    }
    secrets.create("eu-west-1", new("app/elsewhere", "v")).await.unwrap();
    let names = |key: &str, values: &[&str]| {
        let filter = Filter { key: key.into(), values: values.iter().map(|v| v.to_string()).collect() };
        match secrets.list(REGION, &ListQuery { filters: vec![filter], ..ListQuery::default() }) {
            Ok(page) => {
                let mut names: Vec<_> = page.items.iter().map(|s| s.name.clone()).collect();
                names.sort();
                names.join(" ")
            }
            Err(error) => error.code().to_owned(),
        }
    };
    assert_eq!(names("name", &["app/"]), "app/a app/b");
    assert_eq!(names("name", &["!app/"]), "other");
    assert_eq!(names("name", &["app/a", "oth"]), "app/a other");
    assert_eq!(names("description", &["the OTHER"]), "other");
    assert_eq!(names("tag-value", &["app-b"]), "app/b");
    assert_eq!(names("tag-key", &["stage"]), "app/a app/b other");
    // Any of the words, in any attribute (API reference, Filter: "Breaks the filter value string into words").
    assert_eq!(names("all", &["ONE app"]), "app/a app/b other");
    assert_eq!(names("all", &["app"]), "app/a app/b");
    assert_eq!(names("nonsense", &["x"]), "InvalidParameterException");
    assert_eq!(names("name", &[]), "InvalidParameterException");

    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = secrets.list(REGION, &ListQuery { max: Some(2), token, ..ListQuery::default() }).unwrap();
        seen.extend(page.items.iter().map(|s| s.name.clone()));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["app/a", "app/b", "other"]);
}

#[tokio::test]
async fn values_reach_containers_and_nothing_of_them_reaches_errors() {
    let secrets = fresh();
    let json = format!(r#"{{"KEY":"{NEEDLE}","PORT":5432,"DEEP":{{"a":1}}}}"#);
    let arn = secrets.create(REGION, new("app/staging", &json)).await.unwrap().arn;
    let plain = secrets.create(REGION, new("plain", NEEDLE)).await.unwrap().arn;
    let fetch = |from: &str| match secrets.value_from(REGION, from) {
        Ok(text) => text.expose().to_owned(),
        // As a task's reason prints it: with its cause.
        Err(error) => match std::error::Error::source(&error) {
            Some(cause) => format!("error: {error}: {cause}"),
            None => format!("error: {error}"),
        },
    };
    assert_eq!(fetch(&format!("{arn}:KEY::")), NEEDLE);
    assert_eq!(fetch(&format!("{arn}:PORT::")), "5432");
    assert_eq!(fetch(&format!("{arn}:DEEP::")), r#"{"a":1}"#);
    assert_eq!(fetch(&arn), json);
    assert_eq!(fetch(&plain), NEEDLE);
    for (from, words) in [
        (format!("{arn}:NOPE::"), "did not contain json key NOPE"),
        (format!("{plain}:KEY::"), "is not a JSON object"),
        (format!("{arn}::AWSPENDING:"), "ResourceNotFoundException: Secrets Manager can't find"),
        (
            arn.replace("app/staging", "absent"),
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        ),
    ] {
        let got = fetch(&from);
        assert!(got.contains(words), "{got}");
        assert!(!got.contains(NEEDLE), "{got}");
    }
    let got = secrets.get(REGION, "plain", None, None).unwrap();
    assert!(!format!("{got:?}{:?}", new("x", NEEDLE)).contains(NEEDLE));
}

#[tokio::test]
async fn values_survive_a_restart_and_are_unreadable_at_rest() {
    let dir = tempfile::tempdir().unwrap();
    let arn = {
        let secrets = open(dir.path()).unwrap();
        let arn = secrets.create(REGION, new("s", NEEDLE)).await.unwrap().arn;
        secrets.put(REGION, "s", version("second", None, &[])).await.unwrap();
        arn
    };
    let mode = std::fs::metadata(dir.path().join("secrets.key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let mut files = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(NEEDLE.len()).any(|w| w == NEEDLE.as_bytes()));
        files += 1;
    }
    assert!(files >= 2);
    let secrets = open(dir.path()).unwrap();
    assert_eq!(read(&secrets, &arn, None, Some("AWSPREVIOUS")), NEEDLE);
    assert_eq!(read(&secrets, &arn, None, None), "second");
    secrets.reset().await.unwrap();
    drop(secrets);
    assert_eq!(open(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sealed_value_moved_to_another_secret_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = open(dir.path()).unwrap();
    // The check at the start opens the first secret's first value: leave that one alone.
    secrets.create(REGION, new("aaa", "untouched")).await.unwrap();
    let with = |n, name, value| NewSecret { token: Some(token(n)), ..new(name, value) };
    let low = secrets.create(REGION, with(1, "low", "nothing")).await.unwrap().arn;
    let high = secrets.create(REGION, with(2, "top", NEEDLE)).await.unwrap().arn;
    drop(secrets);
    let store = Store::open(dir.path()).unwrap();
    let rows = store.load("secret_values").unwrap();
    let row = |arn: &str| rows.iter().find(|r| r.0.starts_with(arn)).unwrap();
    let mut swap = Batch::new();
    swap.put("secret_values", &row(&low).0, row(&high).1.clone());
    store.submit(swap).await.unwrap();
    drop(store);
    let secrets = open(dir.path()).unwrap();
    assert_eq!(read(&secrets, &low, None, None), "DecryptionFailure");
    assert_eq!(read(&secrets, &high, None, None), NEEDLE);
}

#[tokio::test]
async fn a_key_that_certificates_need_is_not_replaced_when_it_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let key = dir.path().join("secrets.key");
    let store = Store::open(dir.path()).unwrap();
    let mut row = Batch::new();
    row.put("records", "acm.certificates|us-east-1|arn", b"{}".to_vec());
    store.submit(row).await.unwrap();
    drop(store);
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), OpenError::Missing { .. }));
    assert!(!key.exists());
}

#[tokio::test]
async fn a_key_that_is_exposed_missing_damaged_or_wrong_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap().create(REGION, new("s", "v")).await.unwrap();
    let key = dir.path().join("secrets.key");
    let good = std::fs::read(&key).unwrap();
    let mode = |bits| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(bits)).unwrap();

    mode(0o640);
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Exposed { mode: 0o640, .. }), "{error}");
    mode(0o600);
    std::fs::write(&key, b"short").unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), OpenError::Damaged { length: 5, .. }));
    std::fs::write(&key, [7; 32]).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), OpenError::WrongKey));
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), OpenError::Missing { .. }));
    assert!(!key.exists(), "no new key is made in place of a lost one");
    std::fs::write(&key, good).unwrap();
    mode(0o600);
    assert_eq!(read(&open(dir.path()).unwrap(), "s", None, None), "v");
}
