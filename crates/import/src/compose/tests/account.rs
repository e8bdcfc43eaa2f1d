//! Every key has a line in the account, and nothing that is not read is lost.

use proptest::prelude::*;

use super::{composed, with};
use crate::compose::{Composed, read, read_among};
use crate::ledger::{Account, with_listed};
use crate::{Folder, Left};

/// Returns the account, a line each: line, subject and path, what became of it.
fn account(composed: &Composed) -> Vec<String> {
    let told = |entry: &crate::ledger::Entry| {
        let what = match &entry.account {
            Account::Carried(word) => format!("carried {word}"),
            Account::Default(whose) => format!("default {whose}"),
            Account::Owner(whose) => format!("owner {whose}"),
            Account::State(why) => format!("state {why}"),
            Account::Listed(why) | Account::Changed(why) => format!("listed {why}"),
        };
        format!("{} {}.{}: {what}", entry.line.place.line.unwrap_or(0), entry.line.subject, entry.line.path)
    };
    composed.account.iter().map(told).collect()
}

#[test]
fn every_key_is_carried_or_a_default_or_listed() {
    let text = "name: shop\nversion: '3.8'\nx-a: {b: 1}\nservices:\n  web:\n    image: x:1\n    ports:\n      - 8080:80\n      - target: 81\n        mode: host\n    environment: {A: 1}\n    init: false\n    privileged: true\n    mem_limit: 1g\n    volumes: [data:/data]\n    nonsense: {a: 1, b: 2}\n  old:\n    image: y:1\n    profiles: [debug]\nvolumes:\n  data:\n  unused:\nsecrets:\n  s: {file: ./s, nonsense: 1}\n";
    let found = account(&composed(text));
    let expected = [
        "6 services.web.image: carried services.app.containers.web.image",
        "8 services.web.ports.0: carried services.app.containers.web.ports",
        "9 services.web.ports.1.target: carried services.app.containers.web.ports",
        "10 services.web.ports.1.mode: listed a load balancer sends requests to the ingress; other ports are the task's own",
        "11 services.web.environment.A: carried variables.A",
        "12 services.web.init: default Compose's false",
        "13 services.web.privileged: listed Fargate has no such setting",
        "14 services.web.mem_limit: carried services.app.containers.web.memory",
        "15 services.web.volumes.0: carried services.app.containers.web.volumes.data",
        "16 services.web.nonsense.a: listed the compose specification has no such key",
        "16 services.web.nonsense.b: listed the compose specification has no such key",
        "18 services.old.image: listed Compose starts it only with the profile debug, so it was not carried",
        "19 services.old.profiles.0: listed Compose starts it only with the profile debug, so it was not carried",
        "1 name.: carried app",
        "2 version.: default Compose itself does not read it",
        "3 x-a.: default an `x-` key says nothing to Compose; what an alias takes of it is said there",
        "21 volumes.data.: carried services.app.volumes.data",
        "22 volumes.unused.: default no service that is carried mounts it",
        "24 secrets.s.file: listed ECS hands secrets over as variables, not as files: declare it in [secrets], and read a variable",
        "24 secrets.s.nonsense: listed the compose specification has no such key here, or nothing here reads it",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_number_without_quotes_is_the_text_that_compose_makes_of_it_and_is_told() {
    let text = include_str!("../../../tests/fixtures/compose/numbers/compose.yml");
    let composed = composed(text);
    let value = |name: &str| match composed.manifest.variables.get(name) {
        Some(deploy_core::manifest::Variable::Value(value)) => value.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(value("UMASK"), "18");
    assert_eq!(value("ZIP"), "668");
    assert_eq!(value("PHONE"), "1.23456789e+08");
    assert_eq!(value("BANNER"), "see http://localhost:8000 and mail me@example.com");
    assert!(composed.secrets.is_empty());
    let told = |name: &str| {
        let what = format!("services.web.environment.{name}");
        let left = composed.left.iter().find(|left| left.what == what).unwrap();
        (left.place.line.unwrap(), left.why.clone())
    };
    let (line, why) = told("UMASK");
    assert!(line == 10 && why.contains("`022`") && why.contains("`18`"), "{why}");
    let (line, why) = told("ZIP");
    assert!(line == 11 && why.contains("`01234`") && why.contains("`668`"), "{why}");
    let (line, why) = told("PHONE");
    let both = why.contains("v2 reads `0123456789` as `1.23456789e+08`") && why.contains("v1 as `0123456789`");
    assert!(line == 12 && both, "{why}");
    assert!(composed.left.iter().all(|left| !left.what.ends_with("BANNER")));
}

#[test]
fn a_number_that_may_be_a_credential_is_told_without_its_value() {
    let composed = composed("services: {a: {image: 'x:1', environment: {API_TOKEN: 0x1f3a77c1d2e4b5a6, A: b}}}");
    let value = composed.secrets["API_TOKEN"].clone();
    assert_eq!(value, 0x1f3a_77c1_d2e4_b5a6_u64.to_string());
    let shown = format!("{:?} {:?}", composed.left, composed.account);
    assert!(shown.contains("environment.API_TOKEN") && !shown.contains("0x1f3a") && !shown.contains(&value));
}

#[test]
fn numbers_are_told_where_a_text_is_meant_and_nowhere_else() {
    let numbers = "services:\n  a:\n    image: x:1\n    cpus: 0.50\n    build: {context: ., args: {V: 1.10}}\n    labels: {l: 1.0}\n    ports: [{target: 0100}]\n    expose: [022]\n    deploy: {resources: {limits: {memory: 0x10000000}}}\n    healthcheck: {test: [CMD, 'true'], retries: 03}\n    environment: [A=022, 'B=1.0']\n    secrets: [{source: s, mode: 0440}]\nsecrets: {s: {file: ./s}}\n";
    let composed = composed(numbers);
    let told: Vec<String> =
        composed.left.iter().filter(|l| l.why.starts_with("without quotes")).map(|l| l.what.clone()).collect();
    assert_eq!(told, ["services.a.build.args.V", "services.a.labels.l", "services.a.expose"]);
}

#[test]
fn a_bind_mount_of_what_is_nowhere_is_told_and_not_carried() {
    let text = include_str!("../../../tests/fixtures/compose/numbers/compose.yml");
    let folder = Folder::from([("c.yml".to_owned(), text.to_owned())]);
    assert_eq!(
        crate::compose::mounted(&folder, "c.yml").unwrap().into_iter().collect::<Vec<_>>(),
        ["conf", "nginx.conf"]
    );
    let missing = |there: &[&str]| {
        let there = there.iter().map(|path| (*path).to_owned()).collect();
        let composed = read_among(&folder, "c.yml", &there).unwrap();
        let lost = composed.left.iter().filter(|left| left.why.contains("is not there"));
        let lost: Vec<usize> = lost.map(|left| left.place.line.unwrap()).collect();
        let carried = |entry: &&crate::ledger::Entry| {
            entry.line.path.starts_with("volumes") && matches!(entry.account, Account::Carried(_))
        };
        (lost, composed.account.iter().filter(carried).count(), composed.files.len())
    };
    assert_eq!(missing(&[]), (vec![7, 8], 0, 0));
    assert_eq!(missing(&["conf"]), (vec![7], 1, 1));
    assert_eq!(missing(&["conf", "nginx.conf"]), (vec![], 2, 1));
}

#[test]
fn each_item_of_a_list_has_its_own_reason() {
    let text = "services:\n  a:\n    image: x:1\n    volumes:\n      - /one:/a\n      - /two:/b\n";
    let composed = composed(text);
    for (line, path) in [(5, "`/one`"), (6, "`/two`")] {
        let entry = composed.account.iter().find(|entry| entry.line.place.line == Some(line)).unwrap();
        assert!(entry.account.why().unwrap().contains(path), "{entry:?}");
    }
}

#[test]
fn a_file_of_a_variable_is_a_secret_for_images_that_read_one() {
    let file = |image: &str| {
        with(
            &format!(
                "services: {{a: {{image: '{image}', secrets: [pw], environment: {{POSTGRES_PASSWORD_FILE: /run/secrets/pw, B: c}}}}}}\nsecrets: {{pw: {{file: ./pw}}}}\n"
            ),
            &[("pw", "hunter2\n")],
        )
    };
    let official = file("postgres:16");
    assert_eq!(official.secrets["POSTGRES_PASSWORD"], "hunter2");
    assert!(account(&official).contains(&"2 secrets.pw.file: carried secrets.POSTGRES_PASSWORD".to_owned()));
    for image in ["me/postgres:16", "x:1"] {
        let other = file(image);
        assert_eq!(other.secrets.len(), 0, "{image}");
        assert!(other.manifest.variables.get("POSTGRES_PASSWORD_FILE").is_some(), "{image}");
        assert!(other.left.iter().any(|left| left.what.ends_with("POSTGRES_PASSWORD_FILE")), "{image}");
    }
}

/// Files in which an unknown key is put somewhere.
const FILES: [&str; 2] = [
    "name: shop\nservices:\n  web:\n    build:\n      context: ./web\n      args:\n        A: b\n    image: shop/web\n    ports:\n      - target: 80\n        published: 8080\n    environment:\n      DEBUG: 'no'\n    env_file:\n      - path: ./a.env\n        required: false\n    depends_on:\n      db:\n        condition: service_healthy\n    networks:\n      front:\n        aliases: [www]\n    volumes:\n      - type: volume\n        source: data\n        target: /data\n        volume:\n          nocopy: true\n      - type: tmpfs\n        target: /t\n        tmpfs:\n          size: 1m\n    ulimits:\n      nofile:\n        soft: 1\n        hard: 2\n    logging:\n      driver: json-file\n      options:\n        max-size: 10m\n    secrets:\n      - source: pw\n        target: pw\n    configs:\n      - source: c\n        target: /c\n  db:\n    image: postgres:16\n    healthcheck:\n      test: pg_isready\n      interval: 5s\n    deploy:\n      replicas: 1\n      resources:\n        limits:\n          cpus: '0.5'\n        reservations:\n          memory: 64m\n      update_config:\n        order: start-first\n    restart: always\n  job:\n    extends:\n      service: db\n    command: [a, b]\nvolumes:\n  data:\n    driver: local\n    driver_opts:\n      type: nfs\nnetworks:\n  front:\n    ipam:\n      driver: default\nsecrets:\n  pw:\n    file: ./pw\nconfigs:\n  c:\n    file: ./c\n",
    "x-base: &base\n  image: x:1\n  restart: unless-stopped\nservices:\n  a:\n    <<: *base\n    labels:\n      l: m\n    develop:\n      watch:\n        - path: .\n          action: sync\n  b:\n    <<: *base\n    sysctls:\n      net.core.somaxconn: 1024\n    blkio_config:\n      weight: 300\n",
];
/// Mappings whose keys are the user's own: a new one there is a variable, a label, a service.
const NAMES: [&str; 18] = [
    "environment",
    "args",
    "labels",
    "depends_on",
    "networks",
    "services",
    "volumes",
    "secrets",
    "configs",
    "driver_opts",
    "options",
    "sysctls",
    "ulimits",
    "x-base",
    "aliases",
    "command",
    "env_file",
    "ports",
];

/// Returns the file with a line of an unknown key before a line, as a sibling of it; none where that is no mapping of
/// the specification's own keys.
fn changed(text: &str, at: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let line = lines.get(at)?;
    let indent = line.len() - line.trim_start().len();
    let above = lines[..at].iter().rev().find(|line| line.len() - line.trim_start().len() < indent);
    let above = above.map_or("", |line| line.trim().trim_start_matches("- ").split(':').next().unwrap_or_default());
    if line.trim_start().starts_with("- ") || NAMES.contains(&above) {
        return None;
    }
    let mut made: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    made.insert(at, format!("{}unheard_of: 7", " ".repeat(indent)));
    Some(made.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// An unknown key is in the list with its line, wherever it is.
    #[test]
    fn an_unknown_key_anywhere_is_listed_with_its_line(file in 0..FILES.len(), at in 0_usize..90) {
        let Some(text) = changed(FILES[file], at) else { return Ok(()) };
        let folder = Folder::from([("c.yml".to_owned(), text.clone()), ("pw".to_owned(), "hunter2".to_owned())]);
        let composed = read(&folder, "c.yml").unwrap();
        let line = Some(at + 1);
        let entries: Vec<_> = composed.account.iter().filter(|entry| entry.line.place.line == line).collect();
        prop_assert!(!entries.is_empty(), "{}", text);
        for entry in entries {
            prop_assert!(matches!(entry.account, Account::Listed(_)), "{:?}\n{}", entry, text);
        }
        let is_told = |left: &Left| left.place.line == line && left.what.contains("unheard_of");
        let left = with_listed(&composed.left, &composed.account);
        let is_under = |left: &Left| ["logging", "configs", "develop", "networks", "blkio_config", "update_config"].iter().any(|name| left.what.contains(name));
        prop_assert!(left.iter().any(is_told) || left.iter().any(is_under), "{:#?}\n{}", left, text);
    }

    /// No value of a secret is in the account.
    #[test]
    fn the_account_holds_no_value(at in 0_usize..4) {
        let places = ["command: 'x ${DB_PASSWORD}'", "labels: {a: '${DB_PASSWORD}'}", "user: '${DB_PASSWORD}'", "nonsense: {'${DB_PASSWORD}': '${DB_PASSWORD}'}"];
        let text = format!("services:\n  a:\n    image: x:1\n    {}\n", places[at]);
        let folder = Folder::from([("c.yml".to_owned(), text), (".env".to_owned(), "DB_PASSWORD=hunter2".to_owned())]);
        let shown = format!("{:?}", read(&folder, "c.yml").unwrap().account);
        prop_assert!(!shown.contains("hunter2"));
    }
}
