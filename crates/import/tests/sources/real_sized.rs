//! Does a folder of the size that people have become a manifest that a person can read?

#![allow(clippy::unwrap_used)] // helpers of tests

use crate::shop;
use import::terraform::{Options, read};
use import::{Folder, account, fold, prove, write};

/// The most lines that eight task definitions, eighty secrets and three stages may make.
const MOST: usize = 400;

fn check(folder: &Folder) {
    let found = read(folder, &Options::default()).unwrap();
    for stage in &found.stages {
        assert_eq!((stage.services.len(), stage.schedules.len()), (7, 6), "{}", stage.name);
    }
    assert_eq!(found.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["dev", "prod", "staging"]);
    let folded = fold::fold(&found);
    let text = write::text(&folded.manifest, &[]);
    for proof in prove::prove(&text, &found).unwrap() {
        assert!(proof.equal, "{proof:#?}\n{text}");
    }
    for proof in account::reckon(&text, &found, "Terraform").unwrap().services {
        assert!(proof.equal, "{proof:#?}\n{text}");
    }
    assert!(folded.manifest.secrets.len() >= 80, "{}", folded.manifest.secrets.len());
    let lines = text.lines().count();
    eprintln!(
        "{} lines of Terraform, {lines} of the manifest",
        folder.values().map(|f| f.lines().count()).sum::<usize>()
    );
    assert!(lines < MOST, "{lines} lines:\n{text}");
}

#[test]
fn stages_by_files_of_variables_are_a_manifest_of_one_screenful_a_service() {
    check(&shop::by_files());
}

#[test]
fn stages_by_calls_of_a_module_are_the_same() {
    check(&shop::by_calls());
}
