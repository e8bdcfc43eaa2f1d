//! `cargo xtask fuzz SOURCE --minutes N`: does any input break a reader of `managr import`?
//!
//! The inputs are read by a child (`crates/import/examples/fuzz.rs`), so that one that aborts, overflows the stack or
//! never ends is seen, kept under `target/fuzz/SOURCE`, and the rest of the time is used all the same.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// An input that takes longer has no end.
const LONGEST: Duration = Duration::from_secs(60);
/// A child is started again now and then: what it leaks would not be seen otherwise.
const ROUND: u64 = 300;
/// Each child begins far behind the numbers of the one before.
const STRIDE: u64 = 1 << 32;

/// What is fuzzed, and for how long.
struct Wish<'w> {
    source: &'w str,
    minutes: u64,
    seed: u64,
}

pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<(), Fault> {
    let wish = wish(words)?;
    say("building the reader (debug: overflows are checked)");
    tree.cargo(&["build", "--quiet", "--package", "import", "--example", "fuzz"]).run()?;
    let directory = tree.target.join("fuzz").join(wish.source);
    std::fs::create_dir_all(&directory).map_err(Fault::path(&directory))?;
    let program = tree.target.join("debug/examples/fuzz");
    let end = Instant::now() + Duration::from_secs(wish.minutes * 60);
    let (mut inputs, mut broken, mut seed) = (0, Vec::new(), wish.seed);
    let begin = Instant::now();
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| left.as_secs() > 0) {
        // What the child before it was reading says nothing about this one.
        let _ = std::fs::remove_file(directory.join("input.json"));
        let seconds = left.as_secs().min(ROUND).to_string();
        let words = [wish.source, &seed.to_string(), &seconds];
        let mut command = cmd(&program, &words).arg(&directory).into_command();
        let child = command.stdout(Stdio::piped()).spawn();
        let child = child.map_err(|source| Fault::NotStarted { program: program.display().to_string(), source })?;
        match watched(child, &directory)? {
            Ended::Well(count, slowest) => {
                inputs += count;
                let rate = inputs as f64 / begin.elapsed().as_secs_f64();
                say(format!("{}: {inputs} inputs, {rate:.0} a second, the slowest took {slowest} ms", wish.source));
            }
            Ended::Usage => return Err(Fault::Usage(crate::USAGE)),
            Ended::Broken(how) => {
                let kept = kept(&directory, broken.len())?;
                say(format!("{}: {how}: {}", wish.source, kept.display()));
                broken.push(kept);
            }
        }
        seed = seed.wrapping_add(STRIDE);
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(Fault::Wrong(format!(
            "{count} inputs broke the reader; put each into crates/import/tests/fixtures/{}/crashes, and mend it",
            wish.source
        ))),
    }
}

fn wish<'w>(words: &[&'w str]) -> Result<Wish<'w>, Fault> {
    let (&source, mut rest) = words.split_first().ok_or(Fault::Usage(crate::USAGE))?;
    let mut wish = Wish { source, minutes: 1, seed: 1 };
    while let [name, value, more @ ..] = rest {
        let number = value.parse().map_err(|_| Fault::Usage(crate::USAGE))?;
        match *name {
            "--minutes" => wish.minutes = number,
            "--seed" => wish.seed = number,
            _ => return Err(Fault::Usage(crate::USAGE)),
        }
        rest = more;
    }
    if rest.is_empty() { Ok(wish) } else { Err(Fault::Usage(crate::USAGE)) }
}

enum Ended {
    /// How many inputs it read, and how many milliseconds the slowest took.
    Well(u64, u64),
    Usage,
    Broken(String),
}

/// Waits for a child, and ends one whose input has no end.
fn watched(mut child: Child, directory: &Path) -> Result<Ended, Fault> {
    let input = directory.join("input.json");
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let written = input.metadata().and_then(|file| file.modified());
        let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > LONGEST) {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Broken(format!("an input took more than {} seconds", LONGEST.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    if status.code() == Some(2) {
        return Ok(Ended::Usage);
    }
    let said = child.wait_with_output()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let mut numbers = said.split_whitespace().filter_map(|word| word.parse().ok());
    match (status.success(), numbers.next(), numbers.next()) {
        (true, Some(inputs), Some(slowest)) => Ok(Ended::Well(inputs, slowest)),
        _ => Ok(Ended::Broken(format!("the reader ended with {status}"))),
    }
}

/// Keeps the input that a child was reading.
fn kept(directory: &Path, number: usize) -> Result<PathBuf, Fault> {
    let to = (number..).map(|number| directory.join(format!("broken-{number}.json"))).find(|path| !path.exists());
    let to = to.ok_or_else(|| Fault::Wrong("no name is left for an input".to_owned()))?;
    std::fs::copy(directory.join("input.json"), &to).map_err(Fault::path(&to))?;
    Ok(to)
}
