//! The page and the schema that are made from the types.

use deploy_core::{parse, reference_markdown, schema};

const PAGE: &str = include_str!("../../../docs/manifest.md");

/// `cargo xtask docs` writes the page; this fails if that was forgotten.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that writes the page when asked; the crate itself has no I/O")]
fn the_page_is_what_the_types_say() {
    let now = reference_markdown();
    if PAGE == now {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manifest.md");
        std::fs::write(path, now).unwrap();
        return;
    }
    let line = PAGE.lines().zip(now.lines()).position(|(a, b)| a != b);
    panic!(
        "docs/manifest.md is out of date from line {line:?}: run `cargo xtask docs`, or this test with UPDATE_DOCS=1"
    );
}

#[test]
fn the_example_on_the_page_is_a_manifest() {
    let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    if let Err(errors) = parse("docs/manifest.md", example) {
        panic!("{:?}", errors.errors());
    }
}

#[test]
fn every_key_on_the_page_has_a_meaning() {
    let page = reference_markdown();
    let bare: Vec<&str> = page.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
    assert_eq!(bare, Vec::<&str>::new());
    for key in ["depends-on", "health-check", "deregistration-delay", "secrets-file", "circuit-breaker"] {
        assert!(page.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn the_schema_is_one_that_editors_read() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["app"]));
    // TOML has no null, so no key may offer it.
    assert!(!schema.to_string().contains("\"null\""));
}
