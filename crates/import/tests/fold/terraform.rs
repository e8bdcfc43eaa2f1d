//! A folder of Terraform, two environments and a hundred variables: one manifest that says what Terraform would make.

use std::path::Path;

use import::Folder;
use import::terraform::{Options, read};

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn folder(path: &Path, prefix: &str, files: &mut Folder) {
    for entry in path.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            folder(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn found(name: &str) -> Found {
    let mut files = Folder::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terraform");
    folder(&fixtures.join(name), "", &mut files);
    read(&files, &Options { account: Some(ACCOUNT.to_owned()), ..Options::default() }).unwrap()
}

#[test]
fn every_environment_is_a_stage_of_one_manifest() {
    for name in ["infra", "modules", "language"] {
        proved(&found(name));
    }
}

/// A hundred variables of three kinds of tasks in two environments: a line each, and a second one where they differ.
#[test]
fn a_variable_that_was_written_in_six_places_is_a_line() {
    let (folded, text) = proved(&found("infra"));
    for (line, times) in [
        ("\nSESSION_COOKIE_AGE = ", 1),
        ("\nDEBUG = ", 2),
        ("\nSECRET_KEY = {}", 1),
        ("\nDD_API_KEY = { containers = [\"datadog-agent\"] }", 1),
        ("RUN_AS = ", 3),
        ("environment = [", 0),
        ("valueFrom", 0),
        ("inherit = false", 2),
        ("[schedules.", 3),
    ] {
        assert_eq!(text.matches(line).count(), times, "{line}\n{text}");
    }
    let app = folded.manifest.services.get("app").unwrap();
    let cpu = |name: &str| app.containers.get(name).unwrap().cpu;
    // What differs by stage would not fit in the smaller one.
    assert_eq!((cpu("managr-app"), cpu("managr-app-worker"), cpu("datadog-agent")), (None, Some(512), Some(128)));
}
