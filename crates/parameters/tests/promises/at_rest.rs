//! Values at rest and on their way to containers: who can read them, and what is said of them.

use parameters::{NewVersion, OpenError, Parameters, Tag};
use secrets::Secrets;
use store::{Batch, Store};

use crate::{ACCOUNT, NEEDLE, REGION, again, fresh, new, now, open, read, secure};

#[tokio::test]
async fn values_reach_containers_and_nothing_of_them_reaches_errors() {
    let parameters = fresh();
    parameters.put(REGION, secure("/app/KEY", NEEDLE)).await.unwrap();
    let arn = parameters.describe(REGION, "/app/KEY").unwrap().arn(ACCOUNT);
    let fetch = |region: &str, from: &str| match parameters.value_from(region, from) {
        Ok(text) => text.expose().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(fetch(REGION, "/app/KEY"), NEEDLE);
    assert_eq!(fetch("eu-west-1", &arn), NEEDLE, "an ARN carries its own region");
    for (region, from) in [(REGION, "/app/NOPE"), ("eu-west-1", "/app/KEY"), (REGION, "a:b:c")] {
        let words = format!(
            "execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried \
             1 time(s): invalid ssm parameters: {from}"
        );
        assert_eq!(fetch(region, from), words);
    }
    let refused = NewVersion { allowed_pattern: Some("[0-9]+".into()), overwrite: true, ..secure("/app/KEY", NEEDLE) };
    let debug = format!("{refused:?}");
    let error = parameters.put(REGION, refused).await.unwrap_err();
    let got = parameters.get(REGION, "/app/KEY", true).unwrap();
    assert!(!format!("{debug}{error:?}{error}{got:?}{parameters:?}").contains(NEEDLE));
}

#[tokio::test]
async fn parameters_survive_a_restart_and_secure_values_are_unreadable_at_rest() {
    let dir = tempfile::tempdir().unwrap();
    {
        let parameters = open(dir.path());
        parameters.put(REGION, secure("/app/KEY", NEEDLE)).await.unwrap();
        parameters.put(REGION, NewVersion { kind: None, ..again("/app/KEY", "second") }).await.unwrap();
        parameters.put(REGION, new("/app", "plain")).await.unwrap();
        parameters.label(REGION, "/app/KEY", Some(1), vec!["first".into()]).await.unwrap();
        parameters.tag(REGION, "/app", vec![Tag { key: "k".into(), value: "v".into() }]).await.unwrap();
        parameters.put(REGION, new("/gone", NEEDLE.split('-').next().unwrap())).await.unwrap();
        parameters.delete(REGION, "/gone").await.unwrap();
    }
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(NEEDLE.len()).any(|w| w == NEEDLE.as_bytes()));
    }
    let parameters = open(dir.path());
    assert_eq!(read(&parameters, "/app/KEY:first"), format!("1={NEEDLE}"));
    assert_eq!(read(&parameters, "/app/KEY"), "2=second");
    assert_eq!(read(&parameters, "/app"), "1=plain");
    assert_eq!(read(&parameters, "/gone"), "ParameterNotFound");
    assert_eq!(parameters.describe(REGION, "/app").unwrap().tags().len(), 1);
    assert_eq!(parameters.put(REGION, again("/app/KEY", "third")).await.unwrap().version, 3);
    parameters.reset().await.unwrap();
    drop(parameters);
    assert_eq!(open(dir.path()).count(), 0);
    let store = Store::open(dir.path()).unwrap();
    for table in ["parameters", "parameter_versions", "parameter_values"] {
        assert!(store.load(table).unwrap().is_empty(), "{table}");
    }
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_refused_while_secure_values_are_there() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).put(REGION, secure("s", NEEDLE)).await.unwrap();
    let key = dir.path().join("secrets.key");
    let good = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = Secrets::open(Store::open(dir.path()).unwrap(), Some(dir.path()), ACCOUNT, now()).unwrap_err();
    assert!(matches!(missing, secrets::OpenError::Missing { .. }), "{missing}");
    assert!(!key.exists(), "no new key is made in place of a lost one");
    {
        let store = Store::open(dir.path()).unwrap();
        let other = Secrets::open(Store::ephemeral().unwrap(), None, ACCOUNT, now()).unwrap();
        let wrong = Parameters::open(store, &other, ACCOUNT, now()).unwrap_err();
        assert!(matches!(wrong, OpenError::WrongKey), "{wrong}");
    }
    std::fs::write(&key, good).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(read(&open(dir.path()), "s"), format!("1={NEEDLE}"));
}

#[tokio::test]
async fn a_sealed_value_moved_to_another_version_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    {
        let parameters = open(dir.path());
        parameters.put(REGION, secure("s", NEEDLE)).await.unwrap();
        parameters.put(REGION, again("s", "second")).await.unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let rows = store.load("parameter_values").unwrap();
    let mut swap = Batch::new();
    swap.put("parameter_values", &rows[1].0, rows[0].1.clone());
    store.submit(swap).await.unwrap();
    drop(store);
    let parameters = open(dir.path());
    assert_eq!(read(&parameters, "s"), "InvalidKeyId");
    assert_eq!(read(&parameters, "s:1"), format!("1={NEEDLE}"));
}
