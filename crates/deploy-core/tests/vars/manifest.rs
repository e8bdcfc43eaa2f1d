//! Rules that need nothing but the manifest.

use deploy_core::vars::check::Seen;

use super::{check_lines, findings};

fn offline(text: &str, stages: &[&str], expected: &[&str]) {
    check_lines(text, stages, &Seen::default(), expected);
}

#[test]
fn clean_manifests_have_no_findings() {
    for text in [
        include_str!("clean/realistic.toml"),
        include_str!("../../../../examples/managr/managr.toml"),
        include_str!("../../../../examples/hello/managr.toml"),
    ] {
        offline(text, &[], &[]);
    }
}

#[test]
fn a_name_that_one_stage_has_and_another_lacks() {
    let text = include_str!("broken/missing-in-a-stage.toml");
    let both = [
        "warn only-in-some-stages FEATURE_BILLING [staging] 12:1 app/web app/worker",
        "warn only-in-some-stages STRIPE_KEY [staging] 14:1 app/web app/worker",
    ];
    offline(text, &[], &both);
    offline(text, &["staging"], &both);
    offline(text, &["prod"], &both);
    offline(text, &["local"], &[]);
}

#[test]
fn what_is_declared_twice() {
    offline(
        include_str!("broken/declared-twice.toml"),
        &[],
        &[
            "warn two-kinds PARTNER_CODE 6:1 app/worker nightly",
            "warn repeated LOG_LEVEL 11:15 app/web",
            "warn two-kinds SESSION_SALT 16:15 app/worker",
            "warn repeated REGION [staging] 22:1 app/web app/worker nightly",
        ],
    );
}

#[test]
fn names_that_differ_in_case_or_separators() {
    offline(
        include_str!("broken/alike.toml"),
        &[],
        &["warn alike apiBase 3:1 app/web", "warn alike MAIL_FROM 7:1 app/web"],
    );
}

#[test]
fn plain_values_that_look_like_credentials() {
    let text = include_str!("broken/credentials.toml");
    let everywhere = [
        "error plain-credential AWS_KEY 3:1 app/web",
        "error plain-credential DATABASE_URL 4:1 app/web",
        "error plain-credential DEPLOY 5:1 app/web",
        "error plain-credential LICENCE 6:1 app/web",
        "error plain-credential DB_PASSWORD 10:15 app/web",
        "error plain-credential SIGNING_SECRET 14:1 app/raw",
    ];
    let also = |line: &'static str| everywhere.into_iter().chain([line]).collect::<Vec<_>>();
    offline(text, &["staging"], &everywhere);
    offline(text, &["prod"], &also("error plain-credential PEM [prod] 18:1 app/web"));
    // A password of something on this machine may be no secret.
    offline(text, &["local"], &also("warn plain-credential DEV_PASSWORD [local] 16:1 app/web"));
}

#[test]
fn names_with_a_slip_in_them() {
    offline(
        include_str!("broken/near-miss.toml"),
        &[],
        &[
            "warn near-miss ALLOWED_HOSTS 9:15 app/web",
            "warn near-miss DATABSE_URL 12:15 app/worker",
            "warn near-miss newApiKey 14:1 app/worker",
            "warn near-miss mpasKey 15:1 GEO_KEY of app/worker",
        ],
    );
}

#[test]
fn a_finding_says_what_is_wrong_and_what_to_do() {
    let found = findings(include_str!("broken/near-miss.toml"), &[], &Seen::default());
    let words: Vec<String> = found.iter().map(|f| format!("{} {}\n  {}", f.name, f.reason, f.next)).collect();
    insta::assert_snapshot!(words.join("\n"), @"
    ALLOWED_HOSTS and `ALLOWED_HOST` differ by what looks like a slip: app/web gets `ALLOWED_HOSTS`, app/worker gets `ALLOWED_HOST`
      if both mean one thing, call it by one name
    DATABSE_URL and `DATABASE_URL` differ by what looks like a slip: app/worker gets `DATABSE_URL`, app/web and app/worker get `DATABASE_URL`
      if both mean one thing, call it by one name
    newApiKey and `newsApiKey` differ by what looks like a slip: app/worker gets `newApiKey`, app/web and app/worker get `newsApiKey`
      if both mean one thing, call it by one name
    mpasKey and `mapsKey` differ by what looks like a slip: GEO_KEY of app/worker gets `mpasKey`, MAPS_KEY of app/web and MAPS_KEY of app/worker get `mapsKey`
      if both mean one thing, call it by one name
    ");
}

#[test]
fn a_stage_that_is_not_there_is_an_error() {
    let text = include_str!("broken/alike.toml");
    let manifest = deploy_core::parse("managr.toml", text).unwrap();
    let stages = ["prdo".to_owned()];
    let subject = deploy_core::vars::check::Subject { manifest: &manifest, text, stages: &stages };
    assert!(deploy_core::vars::check::check(subject, &Seen::default()).is_err());
}

#[test]
fn a_key_that_is_nearly_its_variables_name_is_told() {
    let text = r#"app = "demo"
[secrets]
SMTP_USR = { key = "SMTP_USER" }
SMTP_HOST = { key = "smtpHost" }
DB_URL = { key = "database" }
feed_key = { key = "feedkey" }
newsApiKey = { key = "newApiKey" }

[services.app.containers.web]
image = "web:1"
"#;
    let told = ["warn near-miss SMTP_USR 3:1 app/web", "warn near-miss newsApiKey 7:1 app/web"];
    check_lines(text, &[], &Seen::default(), &told);
}
