//! Pipelines in shapes that people have: the manifest that comes out, what does their work afterwards, what is listed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::folder;
use std::path::{Path, PathBuf};

use deploy_core::pipeline::{self, Options};
use import::Folder;
use import::pipeline::{Asked, Fate, Imported, PipelineError, read};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pipeline")
}

fn imported(name: &str) -> Imported {
    read(&folder::read(&fixtures().join(name)), &Asked::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What comes out of a folder, and what holds for every folder.
fn check(name: &str) -> String {
    let imported = imported(name);
    let text = import::write::text(&imported.manifest, &[]);
    let manifest = deploy_core::parse("managr.toml", &text).unwrap_or_else(|errors| {
        let words: Vec<String> = errors.errors().iter().map(ToString::to_string).collect();
        panic!("{name}: {words:?}\n{text}")
    });
    assert_eq!(manifest, imported.manifest, "{name}");
    let file = imported.file.clone().unwrap();
    assert!(pipeline::is_ours(&file) && !pipeline::is_edited(&file));
    // Writing it again changes nothing: what is the user's survives.
    let again = pipeline::write(imported.provider, Some(&manifest), &Options::default(), Some(&file)).unwrap();
    assert_eq!(again, file, "{name}");
    let rows: String = imported
        .rows
        .iter()
        .map(|row| format!("{} | {} | {} -> {}\n", row.when, row.job, row.does, row.ours))
        .collect();
    let left: String =
        imported.left.iter().map(|left| format!("{}  {}: {}\n", left.place, left.what, left.why)).collect();
    let mut own = String::new();
    let mut open = None;
    for line in file.lines() {
        let word = line.trim();
        if let Some(mark) = word.strip_prefix("# managr: your ") {
            open = Some((mark.to_owned(), String::new()));
        } else if word.starts_with("# managr: end of your ") {
            let (mark, lines) = open.take().unwrap();
            if !lines.is_empty() {
                own.push_str(&format!("[{mark}]\n{lines}"));
            }
        } else if let Some((_, lines)) = &mut open {
            lines.push_str(&format!("{line}\n"));
        }
    }
    format!("{text}\n--- theirs -> ours\n{rows}\n--- told\n{left}\n--- between the marks\n{own}")
}

macro_rules! corpus {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!(check($name));
        })*
    };
}

corpus! {
    bitbucket_with_two_branches_and_a_database: "bb-two-branches",
    bitbucket_with_pipes_and_production_by_tags: "bb-pipes-and-tags",
    bitbucket_with_jq_and_a_loop: "bb-jq-and-register",
    bitbucket_beside_terraform: "bb-terraform",
    github_with_the_actions_of_aws: "gh-actions",
    github_with_buildx_and_two_stages: "gh-buildx-two-stages",
    github_with_a_workflow_that_stays: "gh-two-workflows",
    github_with_previews: "gh-preview",
    gitlab_with_kaniko_and_extends: "gl-kaniko",
    gitlab_with_docker_in_docker_and_includes: "gl-dind-tags",
    gitlab_with_review_environments: "gl-review",
    gitlab_with_three_stages: "gl-three-stages",
}

/// Parents whose members are names and values of the user's own.
const FREE: [&str; 13] = [
    "env",
    "variables",
    "with",
    "matrix",
    "outputs",
    "inputs",
    "services",
    "caches",
    "jobs",
    "on",
    "reports",
    "id_tokens",
    "permissions",
];

/// A key that no vendor has.
const UNKNOWN: &str = "zz-unknown-key";

/// Returns the parents of the unknown key in a document.
fn parents(value: &serde_json::Value, parent: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                if key == UNKNOWN {
                    found.push(parent.to_owned());
                }
                parents(value, key, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| parents(item, parent, found)),
        _ => {}
    }
}

/// Puts the key before every line that begins a member, one line at a time.
fn with_unknown_keys(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut made = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        let rest = &line[indent..];
        if !rest.contains(':') || rest.starts_with(['#', '\'', '"']) {
            continue;
        }
        let mut all: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        // The dash of an item stays before its first member.
        all[index] = format!("{}{UNKNOWN}: x\n{}{rest}", &line[..indent], " ".repeat(indent));
        made.push(all.join("\n"));
    }
    made
}

#[test]
fn an_unknown_key_anywhere_is_listed() {
    let (mut tried, mut listed) = (0, 0);
    for entry in walk() {
        let files = folder::read(&fixtures().join(&entry));
        for (path, text) in files.clone() {
            for changed in with_unknown_keys(&text) {
                let Ok(value) = serde_saphyr::from_str::<serde_json::Value>(&changed) else { continue };
                let mut found = Vec::new();
                parents(&value, "", &mut found);
                if found.is_empty() {
                    continue;
                }
                let mut folder: Folder = files.clone();
                folder.insert(path.clone(), changed.clone());
                let imported = match read(&folder, &Asked::default()) {
                    Ok(imported) => imported,
                    Err(PipelineError::Nothing { .. }) => continue,
                    Err(error) => panic!("{entry}/{path}: {error}\n{changed}"),
                };
                tried += 1;
                let account = imported.accounts.iter().find(|account| account.path.contains(UNKNOWN));
                let account = account.unwrap_or_else(|| panic!("{entry}/{path}: no account of it\n{changed}"));
                let stays = matches!(&account.fate, Fate::Kept(place) if place.contains("which stays"));
                if stays || found.iter().all(|parent| FREE.contains(&parent.as_str())) {
                    continue;
                }
                listed += 1;
                let is_told = imported.left.iter().any(|left| left.what.contains(UNKNOWN));
                assert!(is_told, "{entry}/{path}: {account:?} below {found:?}\n{changed}");
            }
        }
    }
    assert!(tried > 300 && listed > 200, "{tried} {listed}");
}

fn walk() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for path in folder::read(&fixtures()).keys() {
        let name = path.split('/').next().unwrap().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[test]
fn everything_that_is_written_has_an_account() {
    for name in walk() {
        let imported = imported(&name);
        assert!(imported.accounts.len() > 10, "{name}");
        // Every listed key is in the report, with its line.
        for account in &imported.accounts {
            if let Fate::Listed(_) = &account.fate {
                let is_told = imported.left.iter().any(|left| left.what == account.path && left.place.line.is_some());
                assert!(is_told, "{name}: {account:?}");
            }
        }
    }
}

#[test]
fn no_value_of_a_secret_build_argument_is_shown() {
    let text = "pipelines:\n  branches:\n    main:\n      - step:\n          services: [docker]\n          script:\n            \
        - docker build --build-arg DB_PASSWORD=hunter2hunter2 --build-arg URL=https://u:hunter2pw@h/x --build-arg A=b -t r.example/x:1 .\n            \
        - docker push r.example/x:1\n            - ./tell --token hunter2hunter2\n            - aws ecs update-service --cluster c --service s --force-new-deployment\n";
    let folder = Folder::from([("bitbucket-pipelines.yml".to_owned(), text.to_owned())]);
    let imported = read(&folder, &Asked::default()).unwrap();
    let told: Vec<String> = imported.left.iter().map(|left| format!("{} {}", left.what, left.why)).collect();
    let manifest = import::write::text(&imported.manifest, &[]);
    assert!(manifest.contains("args = { A = \"b\" }"), "{manifest}");
    for words in [&manifest, &told.join("\n"), &format!("{:?}", imported.accounts), &format!("{:?}", imported.rows)] {
        assert!(!words.contains("hunter2"), "{words}");
    }
    assert!(
        told.iter().any(|told| told.contains("DB_PASSWORD")) && told.iter().any(|told| told.contains("args.URL")),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let error = |files: &[(&str, &str)]| {
        let folder: Folder = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        read(&folder, &Asked::default()).unwrap_err().to_string()
    };
    assert!(error(&[]).starts_with("there is no bitbucket-pipelines.yml, .github/workflows/*.yml"));
    assert!(error(&[("bitbucket-pipelines.yml", "a: [\n")]).starts_with("bitbucket-pipelines.yml:"));
    assert!(error(&[(".gitlab-ci.yml", "a: 1\n")]).starts_with("nothing in .gitlab-ci.yml builds"));
    let both = error(&[(".gitlab-ci.yml", "a: 1\n"), ("bitbucket-pipelines.yml", "a: 1\n")]);
    assert!(both.contains("name the one that is meant"), "{both}");
    let ours = "# Made by `managr pipeline gitlab`.\na: 1\n";
    assert!(error(&[(".gitlab-ci.yml", ours)]).contains("was made by `managr pipeline`"));
}
