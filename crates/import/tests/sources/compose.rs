//! A compose file of ten services as a manifest: what is carried, what is listed, no value of a secret.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::folder;
use deploy_core::{Facts, desired, parse};
use import::compose::{Composed, read, read_among, wanted};
use import::{Folder, Left, ledger};

macro_rules! folder {
    ($($path:literal),*) => {
        Folder::from([$(($path.to_owned(), include_str!(concat!("../fixtures/compose/shop/", $path)).to_owned())),*])
    };
}

fn shop() -> Folder {
    folder!("docker-compose.yml", ".env", "env/common.env", "nginx/shop.conf", "minio-password.txt")
}

fn composed() -> Composed {
    read(&shop(), "docker-compose.yml").unwrap_or_else(|error| panic!("{error}"))
}

fn told(left: &[Left]) -> String {
    left.iter().map(|left| format!("{}  {}\n    {}\n", left.place, left.what, left.why)).collect()
}

#[test]
fn what_is_not_carried_or_changed_is_told_line_by_line() {
    insta::assert_snapshot!(told(&composed().left));
}

#[test]
fn files_that_were_bound_into_an_image_are_copied_into_one() {
    let files = composed().files;
    let text: String = files.iter().map(|(path, text)| format!("{path}:\n{text}")).collect();
    insta::assert_snapshot!(text, @r"
    Dockerfile.proxy:
    FROM nginx:1.27-alpine
    COPY nginx/shop.conf /etc/nginx/conf.d/default.conf
    Dockerfile.db:
    FROM postgres:16
    COPY db/init /docker-entrypoint-initdb.d
    ");
}

#[test]
fn values_of_secrets_are_handed_back_apart_and_are_nowhere_else() {
    let composed = composed();
    let secrets: Vec<String> = composed.secrets.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        secrets,
        [
            "DATABASE_URL=postgres://shop:pg-hunter2@127.0.0.1:5432/shop",
            "MINIO_ROOT_PASSWORD=minio-hunter2",
            "POSTGRES_PASSWORD=pg-hunter2",
            "REDIS_PASSWORD=redis-hunter2",
            "SECRET_KEY=django-hunter2",
            "STRIPE_API_KEY=sk_test_hunter2",
        ]
    );
    let shown = format!("{composed:?}{}{:?}", told(&composed.left), composed.files);
    assert!(shown.contains("STRIPE_API_KEY"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn files_that_are_named_and_not_there_are_asked_for() {
    let only = Folder::from([("docker-compose.yml".to_owned(), shop()["docker-compose.yml"].clone())]);
    let expected = [".env", "minio-password.txt", "nginx/shop.conf", "env/common.env", "env/developer.env", "db/init"];
    let mut found = wanted(&only, "docker-compose.yml").unwrap();
    found.sort_unstable();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let mut left = wanted(&shop(), "docker-compose.yml").unwrap();
    left.sort_unstable();
    assert_eq!(left, ["db/init", "env/developer.env"]);
}

#[test]
fn ten_services_are_one_task() {
    let composed = composed();
    let text = import::write::text(&composed.manifest, &[]);
    insta::assert_snapshot!(text);
    let manifest = parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{:?}\n{text}", errors.errors()));
    assert_eq!(manifest, composed.manifest);
    let desired = desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap();
    assert_eq!(desired.refusals(), []);
}

/// Files in shapes that people have (searched in public repositories; words and values are our own): what becomes of
/// each, what is listed, and how its keys are accounted for.
macro_rules! corpus {
    ($($name:ident: $folder:literal, $file:literal, there: [$($there:literal),*];)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(whole($folder, $file, &[$($there),*]));
        }
    )*};
}

corpus! {
    numbers_without_quotes: "numbers", "compose.yml", there: ["nginx.conf"];
    restart: "restart", "compose.yml", there: [];
    behind_traefik: "behind-traefik", "docker-compose.yml", there: [];
    anchors: "anchors", "compose.yaml", there: [];
    secrets_as_files: "secrets-as-files", "compose.yaml", there: [];
    a_swarm: "swarm", "docker-stack.yml", there: [];
    what_is_built: "built", "docker-compose.yml", there: [];
    what_extends: "extending", "compose.yml", there: [];
    profiles: "profiles", "docker-compose.yml", there: [];
    streams: "streams", "docker-compose.yml", there: [];
    dashboards: "dashboards", "docker-compose.yml", there: ["prometheus.yml", "graphs"];
    slips: "slips", "docker-compose.yml", there: [];
}

fn whole(name: &str, file: &str, there: &[&str]) -> String {
    let folder =
        folder::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose").join(name));
    let there = there.iter().map(|path| (*path).to_owned()).collect();
    let composed = read_among(&folder, file, &there).unwrap_or_else(|error| panic!("{error}"));
    let text = import::write::text(&composed.manifest, &[]);
    let manifest = parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{:?}\n{text}", errors.errors()));
    let desired = desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap();
    assert_eq!(desired.refusals(), []);
    let left = ledger::with_listed(&composed.left, &composed.account);
    // A compose file says nothing that is only state.
    let ledger::Summary { carried, defaults, owner, listed, changed, .. } = ledger::summary(&composed.account);
    let summary = format!(
        "Summary {{ carried: {carried}, defaults: {defaults}, owner: {owner}, listed: {listed}, changed: {changed} }}"
    );
    let shown = format!("{text}\n{}\n{summary}\n", told(&left));
    assert!(!shown.contains("hunter2"), "{shown}");
    // Everything that the account lists is in the report.
    for entry in &composed.account {
        let Some(why) = entry.account.why() else { continue };
        assert!(left.iter().any(|left| left.why.ends_with(why)), "{entry:?}");
    }
    shown
}
