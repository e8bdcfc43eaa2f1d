//! Reads inputs of one source until its time is over: `fuzz SOURCE SEED SECONDS DIRECTORY`. For `cargo xtask fuzz`.
//!
//! Each input is in `DIRECTORY/input.json` while it is read, so that the one that broke the reader is left there. At
//! the end it says how many inputs it read, and how many milliseconds the slowest took.
#![allow(clippy::unwrap_used)] // a tool for developers
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures, and reads fixtures")]

#[path = "../tests/support/folder.rs"]
mod folder;
#[path = "../tests/support/fuzz.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{SOURCES, corpus, input};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, seed, seconds, directory] = words.as_slice() else { return ExitCode::from(2) };
    let source = SOURCES.iter().find(|source| source.name == name);
    let (Some(source), Ok(seed), Ok(seconds)) = (source, seed.parse::<u64>(), seconds.parse()) else {
        return ExitCode::from(2);
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(source.corpus);
    let corpus = corpus(source, &folder::read(&path));
    let (begin, time) = (Instant::now(), Duration::from_secs(seconds));
    let (mut inputs, mut slowest) = (0_u64, Duration::ZERO);
    while begin.elapsed() < time {
        let one = input(source, &corpus, seed.wrapping_add(inputs));
        std::fs::write(Path::new(directory).join("input.json"), serde_json::to_string(&one).unwrap()).unwrap();
        let started = Instant::now();
        (source.read)(&one);
        slowest = slowest.max(started.elapsed());
        inputs += 1;
    }
    println!("{inputs} {}", slowest.as_millis());
    ExitCode::SUCCESS
}
