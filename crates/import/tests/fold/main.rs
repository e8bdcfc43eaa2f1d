//! What was found becomes one manifest, and the manifest says what was found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
#[path = "../support/folder.rs"]
mod folder;
mod generator;
mod properties;
mod readable;
mod scaling;
mod services;
mod terraform;

use aws_model::Document;
use deploy_core::{Manifest, parse};
use import::fold::{Folded, fold};
use import::prove::prove;
use import::{Found, FoundService, FoundStage, Place};
use serde_json::Value;

const ACCOUNT: &str = "123456789012";

fn document(value: Value) -> Document {
    value.as_object().cloned().expect("an object")
}

/// A stage with one service, `app`.
fn stage(name: &str, task: Value) -> FoundStage {
    FoundStage {
        name: name.to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some(ACCOUNT.to_owned()),
        services: vec![service("app", task)],
        ..FoundStage::default()
    }
}

fn service(key: &str, task: Value) -> FoundService {
    FoundService {
        key: key.to_owned(),
        task_definition: document(task),
        place: Place { source: format!("{key}.json"), line: None },
        ..FoundService::default()
    }
}

fn app(stages: Vec<FoundStage>) -> Found {
    Found { app: Some("shop".to_owned()), stages, ..Found::default() }
}

/// Folds, and panics unless the text reads as the manifest and every task definition is proved.
fn proved(found: &Found) -> (Folded, String) {
    let folded = fold(found);
    let text = import::write::text(&folded.manifest, &[]);
    let read: Manifest = parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{:#?}\n{text}", errors.errors()));
    assert_eq!(read, folded.manifest, "{text}");
    let proofs = prove(&text, found).unwrap();
    let tasks: usize = found.stages.iter().map(|stage| stage.services.len() + stage.schedules.len()).sum();
    assert_eq!(proofs.len(), tasks);
    for proof in proofs {
        // Unknown members are on neither side, and so never equal; all others are.
        let is_told = |line: &&String| !line.starts_with("nobody tells here");
        assert_eq!(proof.differences.iter().find(is_told), None, "{proof:#?}\n{text}");
        assert_eq!(proof.equal, proof.differences.is_empty());
    }
    (folded, text)
}
