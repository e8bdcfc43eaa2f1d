//! Variables and secrets.

use super::{composed, container, left, with};

fn toml(manifest: &deploy_core::Manifest) -> String {
    let text = toml::to_string(manifest).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("[images]")).collect::<Vec<_>>().join("\n")
}

#[test]
fn later_files_win_and_environment_wins_over_them() {
    let files = [("a.env", "A=a\nB=a\nC=a\nGONE=x\n"), ("b.env", "B=b\nGONE\n")];
    let text = "name: t\nservices:\n  a:\n    image: x:1\n    env_file: [a.env, {path: b.env}]\n    environment: { C: c, N: 5, E: }\n";
    let composed = with(text, &files);
    let variables: Vec<String> =
        composed.manifest.variables.iter().map(|(name, variable)| format!("{name}={}", variable.value())).collect();
    assert_eq!(variables, ["A=a", "B=b", "C=c", "N=5"]);
    assert_eq!(
        left(&composed),
        ["6 services.a.environment.E: its value comes from the shell that runs Compose, so it was not carried"]
    );
}

#[test]
fn a_file_that_is_not_there_is_told_unless_it_need_not_be() {
    let text = "name: t\nservices:\n  a:\n    image: x:1\n    env_file:\n      - a.env\n      - { path: b.env, required: false }\n      - ../c.env\n";
    assert_eq!(
        left(&composed(text)),
        [
            "6 services.a.env_file: `a.env` is not there, so its variables are missing",
            "8 services.a.env_file: `../c.env` is outside of the folder, so its variables are missing",
        ]
    );
}

#[test]
fn what_several_containers_have_is_said_once() {
    let composed = composed(
        "name: t
services:
  web: { image: 'x:1', environment: { A: 1, B: 1, C: web, D: 1 } }
  worker: { image: 'x:1', environment: { A: 1, B: 1, C: worker } }
  front: { image: 'y:1', environment: [B=2, D=1, ONLY=3] }
",
    );
    insta::assert_snapshot!(toml(&composed.manifest), @r#"
    app = "t"
    [variables]
    A = "1"
    B = "1"
    [variables.D]
    value = "1"
    containers = ["web", "front"]
    [secrets]
    [services.app]
    cpu = 256
    memory = 1024
    [services.app.containers.web]
    image = "x:1"
    [services.app.containers.web.variables]
    C = "web"
    [services.app.containers.worker]
    image = "x:1"
    [services.app.containers.worker.variables]
    C = "worker"
    [services.app.containers.front]
    image = "y:1"
    inherit = false
    [services.app.containers.front.variables]
    B = "2"
    ONLY = "3"
    [schedules]
    [stages.local]
    "#);
}

#[test]
fn credentials_become_secrets_and_their_values_are_handed_back() {
    let composed = with(
        "name: t
services:
  web:
    image: x:1
    environment: { DB_PASSWORD: $PW, URL: 'postgres://a:${PW}@db/x', PLAIN: '${PW}', API_TOKEN: , USE_TOKENS: 'true' }
  db:
    image: postgres:16
    environment: { DB_PASSWORD: other, POSTGRES_PASSWORD: $PW }
",
        &[(".env", "PW=hunter2\nDB_PASSWORD=no\n")],
    );
    // PW alone says nothing; what it is used for does.
    let secrets: Vec<String> = composed.secrets.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        secrets,
        [
            "DB_DB_PASSWORD=other",
            "DB_PASSWORD=hunter2",
            "POSTGRES_PASSWORD=hunter2",
            "URL=postgres://a:hunter2@127.0.0.1/x"
        ]
    );
    assert_eq!(container(&composed, "db").secrets.get("DB_PASSWORD").unwrap().key.as_deref(), Some("DB_DB_PASSWORD"));
    let names: Vec<&str> = composed.manifest.secrets.names().collect();
    assert_eq!(names, ["DB_PASSWORD", "URL", "API_TOKEN", "POSTGRES_PASSWORD"]);
    assert_eq!(container(&composed, "web").variables.names().collect::<Vec<_>>(), ["PLAIN", "USE_TOKENS"]);
    assert_eq!(composed.manifest.stages.get("local").unwrap().secrets_file.as_deref(), Some(".env.local"));
}

#[test]
fn a_variable_of_dotenv_that_is_a_credential_makes_secrets_of_all_that_holds_it() {
    let text = "name: t
services:
  web:
    image: x:1
    environment: [\"OPTIONS=user=a password=${DB_PASSWORD}\"]
    command: run --password ${DB_PASSWORD}
    labels: { a: $DB_PASSWORD, b: c }
    healthcheck: { test: 'ping -p ${DB_PASSWORD}' }
";
    let composed = with(text, &[(".env", "DB_PASSWORD=hunter2\n")]);
    let web = container(&composed, "web");
    assert_eq!((&web.command, web.labels.len()), (&None, 1));
    assert_eq!(format!("{:?}", web.health_check.as_ref().unwrap().command), "Shell(\"ping -p ${DB_PASSWORD}\")");
    assert_eq!(composed.manifest.secrets.names().collect::<Vec<_>>(), ["OPTIONS", "DB_PASSWORD"]);
    assert_eq!(composed.secrets["DB_PASSWORD"], "hunter2");
    let shown = format!("{composed:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(
        left(&composed),
        [
            "6 services.web.command: it holds the value of DB_PASSWORD: run it through a shell that reads it, such as `sh -c 'exec ... \"$DB_PASSWORD\"'`",
            "7 services.web.labels.a: it holds the value of DB_PASSWORD, which a manifest must not show",
        ]
    );
}

#[test]
fn a_variable_without_a_value_is_told_once() {
    let text =
        "name: t\nservices:\n  a:\n    image: x:${TAG}\n    environment: { A: 'v${TAG}', B: '${TAG:-latest}' }\n";
    let told = left(&composed(text));
    assert_eq!(
        told[0],
        "4 ${TAG}: it has no value in `.env` and no default, so `services.a.image` was read as if it were empty"
    );
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn secrets_as_files_become_variables_where_the_image_takes_both() {
    let text = "name: t
services:
  db:
    image: postgres:16
    environment: { POSTGRES_PASSWORD_FILE: /run/secrets/pw, OTHER_FILE: /x }
    secrets: [pw, { source: key, target: /etc/key }]
secrets:
  pw: { file: pw.txt }
  key: { external: true }
";
    let composed = with(text, &[("pw.txt", "hunter2\n")]);
    assert_eq!(composed.secrets["POSTGRES_PASSWORD"], "hunter2");
    assert!(composed.manifest.variables.contains("OTHER_FILE"));
    let told = left(&composed);
    assert!(
        told.iter().any(|told| told.contains("services.db.secrets.key: ") && told.contains("`/etc/key`")),
        "{told:?}"
    );
}

#[test]
fn names_that_no_container_takes_are_told() {
    let composed = composed("name: t\nservices:\n  a:\n    image: x:1\n    environment: ['a b=c', 'OK=1']\n");
    assert_eq!(
        left(&composed),
        ["5 services.a.environment.a b: the manifest takes names of letters, digits and underscores"]
    );
}

/// The file is not there: a check that reads it would never pass, and a service that waits for it would wait for ever.
#[test]
fn a_command_or_check_that_reads_a_secrets_file_is_told() {
    let text = "name: t
services:
  db:
    image: mariadb:11
    command: ['--password-file', /run/secrets/other]
    healthcheck:
      test: [CMD-SHELL, 'ping --password=$$(cat /run/secrets/pw)']
    secrets: [pw]
secrets: { pw: { file: pw.txt } }
";
    let left = left(&with(text, &[("pw.txt", "hunter2")])).join("\n");
    assert!(
        left.contains("7 services.db.healthcheck: it reads `/run/secrets/pw`, and ECS makes no such file"),
        "{left}"
    );
    assert!(!left.contains("services.db.command: it reads"), "{left}");
}
