//! Pipelines in shapes that people have: the manifest that comes out, what does their work afterwards, and what is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/folder.rs"]
mod folder;

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
