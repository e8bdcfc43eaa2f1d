//! Does no input make a reader panic, overflow its stack or run away? A few seconds here, on the small stack of a
//! test's thread; an hour with `cargo xtask fuzz SOURCE --minutes 60`, or with `MANAGR_FUZZ_SECONDS`. Time is the
//! processor's: a fuzzer runs beside other work, and an input is no slower for it.
//!
//! What once broke one lies in `fixtures/SOURCE/crashes` and is read here first.

#![allow(clippy::unwrap_used)] // helpers of tests
#![expect(clippy::disallowed_methods, reason = "a test is told how long to go on, and reads its fixtures")]

#[path = "support/folder.rs"]
mod folder;
#[path = "support/fuzz.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use support::{SOURCES, corpus, input};

/// Longer than the slowest of inputs that the bounds allow takes without optimisation.
const LONGEST: Duration = Duration::from_secs(60);

/// Returns how long the calling thread has had a processor.
fn used() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    Duration::from(time)
}

fn check(name: &str) {
    let source = SOURCES.iter().find(|source| source.name == name).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(source.corpus);
    let crashes = path.join("crashes");
    if crashes.exists() {
        for (path, text) in folder::read(&crashes) {
            eprintln!("{path}");
            let seen: import::Folder = serde_json::from_str(&text).unwrap();
            (source.read)(&seen);
        }
    }
    let corpus = corpus(source, &folder::read(&path));
    assert!(!corpus.is_empty());
    let seconds = std::env::var("MANAGR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let first = std::env::var("MANAGR_FUZZ_FROM").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    // A stack that overflows ends the process: the number of the input is kept where it can be read then.
    let trail = std::env::var_os("MANAGR_FUZZ_TRAIL");
    let (begin, mut slowest) = (used(), Duration::ZERO);
    for seed in first.. {
        let one = input(source, &corpus, seed);
        if let Some(trail) = &trail {
            std::fs::write(trail, seed.to_string()).unwrap();
        }
        let started = used();
        // The number makes the input again.
        let outcome = std::panic::catch_unwind(|| (source.read)(&one));
        assert!(outcome.is_ok(), "{name}: input {seed}: {}", serde_json::to_string(&one).unwrap());
        let took = used() - started;
        assert!(took < LONGEST, "{name}: input {seed} took {took:?}");
        slowest = slowest.max(took);
        if used() - begin > Duration::from_secs(seconds) {
            eprintln!("{name}: {seed} inputs, the slowest took {slowest:?}");
            break;
        }
    }
}

#[test]
fn no_terraform_breaks_its_reader() {
    check("terraform");
}

#[test]
fn no_compose_file_breaks_its_reader() {
    check("compose");
}

#[test]
fn no_task_definition_breaks_its_reader() {
    check("taskdef");
}

#[test]
fn no_copilot_folder_breaks_its_reader() {
    check("copilot");
}
