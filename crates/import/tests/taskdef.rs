//! The proof holds for task definitions in the shapes that AWS's own examples and samples have: each is imported,
//! written, rendered again, and equal; and nothing is left out unsaid.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use import::taskdef::{File, read};
use import::{fold, prove, write};

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("fixtures/taskdef/", $name, ".json")))),*] };
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
