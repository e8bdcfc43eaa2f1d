//! No text makes the reader panic, and what it accepts always renders to what ECS accepts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::desired::Git;
use deploy_core::{Facts, desired, parse};
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

const FULL: &str = include_str!("fixtures/full.toml");
const BROKEN: &str = include_str!("fixtures/broken.toml");

/// Reads, and renders whichever of the errors or the documents came out.
fn exercise(text: &str) {
    match parse("managr.toml", text) {
        Ok(manifest) => {
            for stage in manifest.stages.names().chain(["local"]) {
                let desired = desired(&manifest, stage, &facts()).unwrap();
                // Raw tables are passed through unread; everything else was read so that ECS takes it.
                if !text.lines().any(is_raw) {
                    assert_eq!(desired.refusals(), [], "{text}");
                }
            }
        }
        Err(errors) => {
            assert!(!errors.errors().is_empty());
            for error in errors.errors() {
                assert_ne!(error.fault().code(), "managr::manifest::internal", "{error}\n{text}");
                let _ = error.position();
            }
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
            handler.render_report(&mut String::new(), &errors).unwrap();
        }
    }
}

fn facts() -> Facts {
    let known = |text: &str| Some(text.to_owned());
    let git = Git {
        commit: known("0123456789abcdef"),
        tag: known("v1"),
        branch: known("main"),
        pr: known("7"),
        dirty: false,
    };
    Facts { git, ..Facts::local("127.0.0.1:4566") }
}

/// Words that mutations put in: each is right somewhere and wrong elsewhere.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("[[1]]".to_owned()),
        Just("true".to_owned()),
        Just("-1".to_owned()),
        Just("1.5".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("4000000000".to_owned()),
        Just("0".to_owned()),
        Just("1".to_owned()),
        Just("[\"a\", \"\"]".to_owned()),
        Just("{ a = \"x\" }".to_owned()),
        Just("{ nproc = 3, core = { soft = 0, hard = 0 } }".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"10s\"".to_owned()),
        Just("\"ü\\u0000\"".to_owned()),
        Just("{ containers = [1, \"web\"] }".to_owned()),
        Just("{ path = 1, soft = 2, value = [] }".to_owned()),
        "[a-z.= \"\\[\\]{}\n]{0,12}",
    ]
}

/// Lines of the full manifest that make raw tables; without them the property says more.
fn is_raw(line: &str) -> bool {
    [
        "aws =",
        ".aws]",
        ".aws-service]",
        "dockerLabels",
        "futureField",
        "enableExecuteCommand",
        "deploymentConfiguration",
        "pidMode",
    ]
    .iter()
    .any(|word| line.contains(word))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        exercise(&text);
    }

    #[test]
    fn any_toml_like_text_is_answered(
        lines in prop::collection::vec(("[a-z.\\[\\]\"-]{0,12}", fragment()), 0..12)
    ) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        exercise(&format!("app = \"a\"\n{text}"));
    }

    /// Takes a manifest and puts other values, keys and cuts into some of its lines.
    #[test]
    fn a_mutated_manifest_is_answered(
        from_full in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, fragment()), 1..5)
    ) {
        let source = if from_full { FULL } else { BROKEN };
        let mut lines: Vec<String> = source.lines().filter(|line| !is_raw(line)).map(str::to_owned).collect();
        for (index, kind, fragment) in changes {
            let at = index.index(lines.len());
            let line = lines[at].clone();
            lines[at] = match (kind, line.split_once('=')) {
                (0, Some((key, _))) => format!("{key}= {fragment}"),
                (1, Some((_, value))) => format!("{}={value}", fragment.replace(['\n', '='], "")),
                (2, _) => line.chars().take(line.chars().count() / 2).collect(),
                (_, _) => String::new(),
            };
        }
        exercise(&lines.join("\n"));
    }
}

#[test]
fn a_deep_nest_is_answered() {
    exercise(&format!("app = \"a\"\n[services.a.aws]\nx = {}{}", "[".repeat(5000), "]".repeat(5000)));
    exercise(&format!("app = \"a\"\n[{}a]\n", "a.".repeat(5000)));
}

/// A chain of waits longer than any stack of recursive calls.
#[test]
fn a_long_chain_of_containers_is_answered() {
    let mut text = "app = \"a\"\n".to_owned();
    for n in 0..1200 {
        text.push_str(&format!("[services.a.containers.c{n}]\nimage = \"x:1\"\ndepends-on.c{} = \"start\"\n", n + 1));
    }
    exercise(&text);
}

/// One line at a time: what the reader lets pass, ECS must take.
#[test]
fn single_odd_values_are_refused_by_the_reader_or_taken_by_ecs() {
    let full: Vec<&str> = FULL.lines().filter(|line| !is_raw(line)).collect();
    let mut accepted = 0;
    for at in 0..full.len() {
        for odd in ["0", "1", "\"\"", "[]", "{}", "true", "[\"\"]", "4000000000", "\"x\"", "{ a = \"\" }", "\"a b\""] {
            let Some((key, _)) = full[at].split_once(" = ") else { continue };
            let mut lines = full.clone();
            let line = format!("{key} = {odd}");
            lines[at] = &line;
            let text = lines.join("\n");
            let Ok(manifest) = parse("m", &text) else { continue };
            accepted += 1;
            let desired = desired(&manifest, "staging", &facts()).unwrap();
            assert_eq!(desired.refusals(), [], "line {}: {line}", at + 1);
        }
    }
    assert!(accepted > 100, "{accepted}");
}
