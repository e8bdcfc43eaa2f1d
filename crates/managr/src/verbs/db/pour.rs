//! How does a whole copy get into a database in one transaction? `psql` reads it; whatever goes wrong on the way, or is
//! interrupted, leaves the database as it was.
//!
//! The end of its input is what makes psql commit. It is therefore closed only after the source has ended well.

use std::process::Stdio;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::amount::{bytes, moved};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// How much of what a program says about its failure is kept.
const WORDS: usize = 16 << 10;

/// Where SQL comes from.
pub(super) enum Source {
    /// A program that writes it.
    Program(Command, &'static str),
    /// A file.
    File(tokio::fs::File),
}

/// What is poured into what.
pub(super) struct Pour {
    pub(super) source: Source,
    /// psql, with the place to go.
    pub(super) psql: Command,
    /// Said before.
    pub(super) before: String,
    /// Said after, in the same transaction.
    pub(super) after: String,
}

/// A program whose last words are kept.
pub(super) struct Said {
    pub(super) child: Child,
    name: &'static str,
    words: JoinHandle<String>,
}

impl Said {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(command: &mut Command, name: &'static str) -> Result<Self, Failure> {
        // Of its own group: Ctrl-C is ours, and ends it in order.
        let mut child = command
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::new(format!("could not start {name}: {error}")))?;
        let words = tokio::spawn(read(child.stderr.take()));
        Ok(Self { child, name, words })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Its own words, if it did not end well.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        let ended = self.child.wait().await;
        let ended = ended.map_err(|error| Failure::new(format!("{} was lost: {error}", self.name)))?;
        if ended.success() {
            return Ok(());
        }
        let words = self.words.await.unwrap_or_default();
        let failure = Failure::new(format!("{} failed ({ended})", self.name));
        Err(Failure {
            details: words.lines().map(|line| format!("  {}", crate::ui::visible::word(line))).collect(),
            ..failure
        })
    }
}

async fn read(from: Option<ChildStderr>) -> String {
    let mut words = Vec::new();
    if let Some(from) = from {
        let mut from = from.take(WORDS as u64);
        let _ = from.read_to_end(&mut words).await;
        // What comes after that is not kept, but must not block.
        let _ = tokio::io::copy(&mut from.into_inner(), &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&words).into_owned()
}

/// What is shown while bytes go by.
pub(super) struct Meter {
    bar: Option<ProgressBar>,
    verb: &'static str,
    since: Instant,
    count: u64,
}

impl Meter {
    pub(super) fn new(cx: &Context, verb: &'static str) -> Self {
        let bar = cx.ui.live.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("our own template"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, verb, since: Instant::now(), count: 0 }
    }

    pub(super) fn add(&mut self, count: usize) {
        self.count += count as u64;
        if let Some(bar) = &self.bar {
            let rate = self.count as f64 / self.since.elapsed().as_secs_f64().max(0.001);
            bar.set_message(format!("{} {}, {}/s", self.verb, bytes(self.count), bytes(rate as u64)));
        }
    }

    /// Returns what went by.
    pub(super) fn told(self) -> String {
        moved(self.count, self.since.elapsed())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Pour {
    /// Pours it; returns what went by, in words.
    ///
    /// # Errors
    /// When either end failed, or the person interrupted it: nothing has changed then.
    pub(super) async fn run(mut self, cx: &Context, interrupts: &mut Interrupts) -> Result<String, Failure> {
        // -1 is one transaction; -f makes psql take standard input for it. No file of the user's own is read.
        self.psql.args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", "-"]);
        let mut psql = Said::start(self.psql.stdin(Stdio::piped()).stdout(Stdio::null()), "psql")?;
        let mut meter = Meter::new(cx, "copied");
        let poured = tokio::select! {
            poured = through(&mut psql, self.source, &self.before, &self.after, &mut meter) => poured,
            () = interrupts.next() => {
                Err(Stop::Here(Failure::new("interrupted; the database is as it was").exit(Exit::Interrupted)))
            }
        };
        match poured {
            Ok(()) => {
                psql.end().await.map_err(unchanged)?;
                Ok(meter.told())
            }
            // Without a commit, and not by the end of its input, which would be one.
            Err(Stop::Here(failure)) => {
                let _ = psql.child.kill().await;
                Err(failure)
            }
            // It took no more, and knows why.
            Err(Stop::Psql) => match psql.end().await {
                Err(failure) => Err(unchanged(failure)),
                Ok(()) => Err(unchanged(Failure::new("psql ended before all was read"))),
            },
        }
    }
}

fn unchanged(failure: Failure) -> Failure {
    failure.hint("all of it was one transaction: the database is as it was")
}

/// Which end stopped.
enum Stop {
    /// The source, or the person.
    Here(Failure),
    /// psql.
    Psql,
}

async fn through(psql: &mut Said, source: Source, before: &str, after: &str, meter: &mut Meter) -> Result<(), Stop> {
    let mut into = psql.child.stdin.take().expect("it is piped");
    let mut keep = |into| {
        // Dropped, it would be the end of psql's input.
        psql.child.stdin = Some(into);
    };
    let mut program = None;
    let mut from: Box<dyn AsyncRead + Send + Unpin> = match source {
        Source::File(file) => Box::new(file),
        Source::Program(mut command, name) => {
            let mut said = match Said::start(command.stdout(Stdio::piped()), name) {
                Ok(said) => said,
                Err(failure) => {
                    keep(into);
                    return Err(Stop::Here(failure));
                }
            };
            let out = said.child.stdout.take().expect("it is piped");
            program = Some(said);
            Box::new(out)
        }
    };
    let mut copied = async {
        into.write_all(before.as_bytes()).await.map_err(|_| Stop::Psql)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = from.read(&mut chunk).await;
            let count = count.map_err(|error| Stop::Here(Failure::new(format!("could not read the copy: {error}"))))?;
            if count == 0 {
                break;
            }
            into.write_all(&chunk[..count]).await.map_err(|_| Stop::Psql)?;
            meter.add(count);
        }
        Ok(())
    }
    .await;
    if copied.is_ok()
        && let Some(said) = program
    {
        copied = said.end().await.map_err(|failure| Stop::Here(unchanged(failure)));
    }
    if copied.is_ok() {
        // A dump empties the search path for itself.
        let last = format!("\nRESET search_path;\n{after}\n");
        copied = into.write_all(last.as_bytes()).await.map_err(|_| Stop::Psql);
    }
    match copied {
        // The end of input, and with it the commit.
        Ok(()) => into.shutdown().await.map_err(|_| Stop::Psql),
        stopped => {
            keep(into);
            stopped
        }
    }
}
