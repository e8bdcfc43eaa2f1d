//! Folders of Copilot in shapes that people have: the manifest that comes out, what is listed, and that every key of
//! every file has an account.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::folder;
use std::path::{Path, PathBuf};

use deploy_core::{Facts, desired, parse};
use import::Folder;
use import::copilot::{CopilotError, Imported, Options, read};
use import::ledger::{self, Account};
use proptest::prelude::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/copilot")
}

fn folder_of(name: &str) -> Folder {
    folder::read(&fixtures().join(name))
}

fn imported(name: &str) -> Imported {
    read(&folder_of(name), &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What comes out of a folder, and what holds for every folder.
fn check(name: &str) -> String {
    let Imported { manifest, account, left } = imported(name);
    let text = import::write::text(&manifest, &[]);
    let parsed = parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{name}: {:?}\n{text}", errors.errors()));
    assert_eq!(parsed, manifest, "{name}");
    for stage in manifest.stages.names() {
        let facts = Facts { tag: Some("1".to_owned()), ..Facts::local("127.0.0.1:4566") };
        desired(&manifest, stage, &facts).unwrap_or_else(|error| panic!("{name}: {stage}: {error}"));
    }
    let lines = account.iter().map(|entry| {
        let (what, words) = match &entry.account {
            Account::Carried(words) => ("carried", words),
            Account::Default(words) => ("default", words),
            Account::Owner(words) => ("owner", words),
            Account::State(words) => ("state", words),
            Account::Listed(words) => ("listed", words),
            Account::Changed(words) => ("changed", words),
        };
        let words = if what == "listed" { "" } else { words };
        format!("{} {} {what} {words}", entry.line.place, entry.line.path).trim_end().to_owned() + "\n"
    });
    let lines: String = lines.collect();
    let told = ledger::with_listed(&left, &account);
    let told: String = told.iter().map(|left| format!("{}  {}: {}\n", left.place, left.what, left.why)).collect();
    format!("{text}\n--- account\n{lines}\n--- told\n{told}")
}

macro_rules! corpus {
    ($($test:ident: $name:literal),* $(,)?) => {
        const CORPUS: &[&str] = &[$($name),*];
        $(#[test]
        fn $test() {
            insta::assert_snapshot!(check($name));
        })*
    };
}

corpus! {
    the_smallest_web_service: "01-one-web",
    two_environments_that_differ: "02-two-environments",
    a_backend_with_sidecars_and_volumes: "03-backend-and-sidecars",
    a_worker_and_what_publishes_to_it: "04-worker",
    jobs: "05-jobs",
    what_is_no_task_of_ecs: "06-not-ecs",
    a_proxy_and_protection: "07-proxy-and-protection",
    values_from_odd_places: "08-odd-places",
    pipelines_and_overrides: "09-pipeline-and-overrides",
    anchors_and_wide_overrides: "10-anchors",
    the_folder_itself: "11-inside",
}

#[test]
fn protection_and_data_that_are_lost_are_told() {
    let told = |name: &str, what: &str, why: &str| {
        let Imported { account, .. } = imported(name);
        let listed = ledger::listed(&account);
        assert!(listed.iter().any(|left| left.what.contains(what) && left.why.contains(why)), "{name}: {what}");
    };
    told("07-proxy-and-protection", "http.allowed_source_ips", "PROTECTION IS LOST");
    told("03-backend-and-sidecars", "storage.volumes.shared.efs", "DATA IS NOT CARRIED");
    told("04-worker", "count.queue_delay.acceptable_latency", "`metric` of `scaling`");
    told("08-odd-places", "env_file", "vars import");
}

#[test]
fn a_value_that_a_stage_has_no_word_for_is_listed_and_never_carried() {
    let account = imported("10-anchors").account;
    let of = |path: &str| account.iter().find(|entry| entry.line.path == path).map(|entry| entry.account.clone());
    for path in
        ["environments.stage.platform", "environments.stage.secrets.EXTRA", "environments.stage.sidecars.probe.image"]
    {
        assert!(matches!(of(path), Some(Account::Listed(_))), "{path}: {:?}", of(path));
    }
    let image = of("environments.dev.sidecars.cache.image");
    assert_eq!(image, Some(Account::Carried("stages.dev.services.voice.containers.cache.image".to_owned())));
}

#[test]
fn an_account_and_a_region_are_in_arns_where_they_are_told() {
    let options = Options { region: Some("eu-west-1".into()), account: Some("210987654321".into()), app: None };
    let imported = read(&folder_of("02-two-environments"), &options).unwrap();
    let text = import::write::text(&imported.manifest, &[]);
    let arn = "arn:aws:ssm:eu-west-1:210987654321:parameter/copilot/ledgerly/{stage}/secrets/DB_URL";
    assert!(text.contains(arn), "{text}");
    assert!(text.contains("arn:aws:secretsmanager:eu-west-1:210987654321:secret:ledgerly/{stage}:session::"), "{text}");
    assert!(!imported.left.iter().any(|left| left.what == "the AWS account"));
}

#[test]
fn a_stage_is_rendered_as_copilot_would_have_made_it() {
    let manifest = imported("02-two-environments").manifest;
    let of = |stage: &str| {
        let facts = Facts { tag: Some("1".to_owned()), ..Facts::local("127.0.0.1:4566") };
        let desired = desired(&manifest, stage, &facts).unwrap();
        let service = &desired.services[0];
        let task = serde_json::to_value(&desired.task_definitions[0].document).unwrap();
        let variables = task["containerDefinitions"][0]["environment"].as_array().unwrap().iter();
        let variables: Vec<String> = variables.map(|one| format!("{}={}", one["name"], one["value"])).collect();
        let hosts = service.ingress.as_ref().map(|ingress| ingress.hosts.join(" ")).unwrap_or_default();
        let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let rest = [text("family"), text("cpu"), text("memory"), service.document["desiredCount"].to_string(), hosts];
        format!("{} {}", rest.join(" "), variables.join(" ").replace('"', ""))
    };
    insta::assert_snapshot!(of("prod"));
    insta::assert_snapshot!(of("test"));
}

#[test]
fn a_folder_that_has_nothing_to_run_says_so() {
    let check = |files: &[(&str, &str)], why: &str| {
        let folder = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let error = read(&folder, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        error
    };
    check(&[], "no manifest.yml");
    check(&[("copilot/a/manifest.yml", "type: Static Site\n")], "no manifest.yml");
    let error = check(&[("copilot/a/manifest.yml", "a: [hunter2\n")], "copilot/a/manifest.yml");
    assert!(matches!(error, CopilotError::Yaml { .. }) && !error.to_string().contains("hunter2"));
}

/// Puts a line before a member of a block mapping: with the indent of that line, so that it is a sibling.
fn with_unknown(text: &str, at: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let members: Vec<usize> = (0..lines.len())
        .filter(|at| {
            let line = lines[*at].trim_start();
            line.split_once(':').is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        })
        .collect();
    let line = *members.get(at % members.len().max(1))?;
    let indent = &lines[line][..lines[line].len() - lines[line].trim_start().len()];
    let unknown = format!("{indent}never_heard_of: 1");
    let mut made = lines[..line].to_vec();
    made.push(&unknown);
    made.extend(&lines[line..]);
    Some(made.join("\n") + "\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// An unknown key, wherever it is, is in the list; except where names are the user's own.
    #[test]
    fn an_unknown_key_anywhere_is_listed(which in 0..CORPUS.len(), file in any::<usize>(), at in any::<usize>()) {
        let mut folder = folder_of(CORPUS[which]);
        let manifests: Vec<String> = folder.keys().filter(|path| path.ends_with("manifest.yml")).cloned().collect();
        let path = &manifests[file % manifests.len()];
        let Some(text) = with_unknown(&folder[path], at) else { return Ok(()) };
        folder.insert(path.clone(), text);
        let Ok(imported) = read(&folder, &Options::default()) else { return Ok(()) };
        let of_it: Vec<_> = imported.account.iter().filter(|entry| entry.line.path.ends_with("never_heard_of")).collect();
        prop_assert!(!of_it.is_empty(), "it has no account in {path}");
        for entry in of_it {
            let above = entry.line.path.rsplit('.').nth(1).unwrap_or_default();
            let is_named_by_the_user = ["variables", "secrets", "labels", "args", "destination"].contains(&above);
            let is_whole_owners = matches!(entry.account, Account::Owner(_));
            prop_assert!(
                matches!(entry.account, Account::Listed(_)) || is_named_by_the_user || is_whole_owners,
                "{}: {:?}", entry.line.path, entry.account
            );
        }
    }
}

/// Hosts that only a shell knows, and a way in by a container that one environment alone has, end no import.
#[test]
fn what_a_host_or_a_stage_s_own_container_cannot_tell_ends_no_import() {
    let web = |name: &str, more: &str| {
        format!(
            "name: {name}\ntype: Load Balanced Web Service\nimage: {{ location: 'nginx:1', port: 80 }}\nhttp:\n  path: /\n  \
             alias: '{name}.${{MY_DOMAIN}}'\n{more}"
        )
    };
    let only_prod = "environments:\n  prod:\n    http: { target_container: gate }\n    sidecars:\n      gate: { port: 8080, \
                     image: 'gate:1' }\n";
    let folder: Folder = [
        ("copilot/shop/manifest.yml", web("shop", only_prod)),
        ("copilot/admin/manifest.yml", web("admin", "")),
        ("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n".to_owned()),
        ("copilot/environments/prod/manifest.yml", "name: prod\ntype: Environment\n".to_owned()),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect();
    let Imported { manifest, account, left } = read(&folder, &Options::default()).unwrap();
    let text = import::write::text(&manifest, &[]);
    parse("managr.toml", &text).unwrap();
    assert!(text.contains("shop.my-domain.invalid") && text.contains("ingress = false"), "{text}");
    let told = ledger::with_listed(&left, &account);
    let told: String = told.iter().map(|left| format!("{}  {}: {}\n", left.place, left.what, left.why)).collect();
    assert!(told.contains("`shop.${MY_DOMAIN}` until you write the host"), "{told}");
    assert!(told.contains("target_container"), "{told}");
}
