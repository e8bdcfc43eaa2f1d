//! The proof holds for task definitions in the shapes that AWS's own examples and samples have: each is imported,
//! written, rendered again, and equal; and nothing is left out unsaid.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use import::ledger::Account;
use import::taskdef::{File, read};
use import::{account, fold, prove, write};
use serde_json::{Value, json};

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../fixtures/taskdef/", $name, ".json")))),*] };
}

fn file((name, text): &(&str, &str)) -> File {
    File { name: format!("{name}.json"), text: (*text).to_owned(), stage: None }
}

/// Imports files as one application; returns the manifest's text and what was left.
fn imported(files: &[(&str, &str)]) -> (String, Vec<String>) {
    let files: Vec<File> = files.iter().map(file).collect();
    let found = read(&files, None).unwrap();
    let folded = fold::fold(&found);
    let text = write::text(&folded.manifest, &[]);
    let proofs = prove::prove(&text, &found).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert_eq!(proofs.len(), files.len(), "{text}");
    for proof in proofs {
        assert!(proof.equal, "{} in {}: {:#?}\n{text}", proof.family, proof.stage, proof.differences);
    }
    (text, folded.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect())
}

#[test]
fn every_sample_comes_back_equal() {
    let samples = fixtures![
        "web-server",
        "no-roles",
        "windows",
        "firelens",
        "efs",
        "app-mesh",
        "open-telemetry",
        "hardened-arm",
        "described",
        "six-staging",
        "six-prod",
    ];
    for sample in samples {
        imported(&[sample]);
    }
}

#[test]
fn two_stages_share_one_line_for_what_they_share() {
    let (text, left) = imported(&fixtures!["six-staging", "six-prod"]);
    for (line, times) in [
        ("LOG_LEVEL = ", 1),
        ("AWS_STORAGE_BUCKET_NAME = ", 1),
        ("DEBUG = ", 2),
        ("SECRET_KEY = ", 1),
        ("[services.app.containers.managr-app-worker]", 1),
    ] {
        assert_eq!(text.matches(line).count(), times, "{line}\n{text}");
    }
    assert!(!text.contains("sha256") && !text.contains("staging-0a1b2c3d"), "no tag is fixed:\n{text}");
    assert!(left.iter().any(|line| line.contains("dockerfile")), "{left:#?}");
}

/// Every place of a document where a member can be added: the paths of its objects.
fn objects(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            all.push(at.to_owned());
            members.iter().for_each(|(name, value)| objects(value, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| objects(item, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

/// Nothing is lost in silence: an unknown member, anywhere in a document, is reported as left out if a person wrote
/// the document, and carried if ECS answered with it. What is there has an account, too.
#[test]
fn a_member_that_nobody_knows_is_never_lost_in_silence() {
    for (name, text) in fixtures!["app-mesh", "described", "firelens", "efs", "six-prod"] {
        let document: Value = serde_json::from_str(text).unwrap();
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        for at in places {
            let mut added = document.clone();
            added.pointer_mut(&at).unwrap()["unheardOf"] = json!("x");
            let files = [File { name: format!("{name}.json"), text: added.to_string(), stage: None }];
            let Ok(found) = read(&files, None) else { continue };
            let folded = fold::fold(&found);
            let manifest = write::text(&folded.manifest, &[]);
            let entries = account::reckon(&manifest, &found, "nobody").unwrap().entries;
            let is_told = folded.left.iter().any(|left| left.what.contains("unheardOf"));
            let entry = entries.iter().find(|entry| entry.line.path.contains("unheardOf"));
            let is_carried = match entry.map(|entry| &entry.account) {
                Some(Account::Listed(_) | Account::Changed(_)) => true,
                Some(_) => manifest.contains("unheardOf"),
                None => false,
            };
            // An answer's envelope, and what ECS works out, are about the answer and no part of the definition.
            let is_answer = document.get("taskDefinition").is_some();
            let is_envelope = is_answer && (at.is_empty() || at.contains("requiresAttributes"));
            assert!(is_told || is_carried || is_envelope, "{name} {at}\n{manifest}\n{:#?}", folded.left);
        }
    }
}
