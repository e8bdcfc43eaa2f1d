//! The documents that a full manifest renders to, held against ECS's own rules.

use deploy_core::desired::{Git, update_document};
use deploy_core::{Desired, Facts, Manifest, desired, explain, parse};

const FULL: &str = include_str!("fixtures/full.toml");

fn manifest() -> Manifest {
    parse("managr.toml", FULL).unwrap_or_else(|errors| panic!("{:?}", errors.errors()))
}

fn facts() -> Facts {
    Facts {
        git: Git { commit: Some("0123456789abcdef".into()), tag: Some("v1.2".into()), ..Git::default() },
        ..Facts::local("127.0.0.1:4566")
    }
}

fn rendered(stage: &str) -> Desired {
    desired(&manifest(), stage, &facts()).unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_local_stage_renders() {
    insta::assert_snapshot!(json(&rendered("local")));
}

#[test]
fn a_stage_overrides_and_never_repeats() {
    insta::assert_snapshot!(json(&rendered("staging")));
}
