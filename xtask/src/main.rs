//! Chores of this repository: `cargo xtask VERB`. One file per verb; see [`USAGE`].
//!
//! Installs nothing that it has not named first, and needs only what a fresh Debian machine with
//! Rust has.

mod bases;
mod bench;
mod checks;
mod demo;
mod docs;
mod fuzz;
mod glibc;
mod hosts;
mod images;
mod packages;
mod picture;
mod pipelines;
mod programs;
mod python;
mod quick;
mod release;
mod rolling;
mod scaling;
mod shell;
mod test;
mod tree;
mod userland;

use std::process::ExitCode;

use crate::shell::Fault;
use crate::tree::Tree;

const USAGE: &str = "\
Usage: cargo xtask VERB

  demo         Install what is missing, build managr and the example's images, and run the example
  images       Make the example's base images and static programs, and stop
  test         Run everything that CI runs
  test --quick Run what needs neither root nor a running platform, in under three minutes once it is built
  pipelines    Validate the CI files that `managr pipeline` writes, and run the Bitbucket one
  hosts [12|13] [NAME...]
               Boot Debian 12 and 13 in virtual machines (no KVM needed) and check there what managr promises
  hosts packages [12|13]
               Check the packages and image builds of this README's commands in both releases' userlands
  fuzz terraform|compose|taskdef|... [--minutes N] [--seed N]
               Change what people have, and see whether anything breaks a reader of `managr import`
  picture NAME COLUMNSxLINES SHOWN COMMAND...
               Run a command in tmux until it shows something, and keep what is seen as docs/images/NAME.svg
  docs         Write docs/manifest.md and docs/compatibility.md again
  release      Build the binary for other people's machines (glibc 2.17), and start it on an older Debian
  release check BINARY
               Only show that of a binary that is there
  rolling [--example]
               Deploy twenty times in a row under load, and count the requests that were lost; with
               --example the six containers, by `managr deploy`
  scaling      Scale services 1, 3, 1 under real load by target tracking alone, which takes 20 minutes
  bench start  Measure RunTask to first output beside `runc run` and `podman run`
  bench api    Measure the API beside moto's server and ministack
  bench cli    Measure `managr status` beside `aws ecs describe-services`, and a deploy of nothing
  bench forward
               Measure `managr forward` beside a plain TCP proxy
  bench metrics
               Write a day of metrics of 50 containers: disk, memory, processor, and time to ask
  bench year   Turn the clock of a simulated platform over a year with 50 schedules
  bench fifty  Measure the processor that the platform uses for 50 containers, at rest and under load
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("xtask: {fault}");
            ExitCode::from(fault.exit_code())
        }
    }
}

fn run(words: &[&str]) -> Result<(), Fault> {
    if let ["hosts", rest @ ..] = words {
        return hosts::run(&Tree::find()?, rest);
    }
    if let ["fuzz", rest @ ..] = words {
        return fuzz::run(&Tree::find()?, rest);
    }
    if let ["picture", rest @ ..] = words {
        return picture::run(&Tree::find()?, rest);
    }
    if let ["release", "check", binary] = words {
        return release::prove(&Tree::find()?, binary.as_ref());
    }
    let verb: fn(&Tree) -> Result<(), Fault> = match words {
        ["demo"] => demo::run,
        ["images"] => images::run,
        ["test"] => test::run,
        ["test", "--quick"] => quick::run,
        ["pipelines"] => pipelines::check,
        ["docs"] => docs::write,
        ["release"] => release::run,
        ["rolling"] => rolling::run,
        ["rolling", "--example"] => rolling::example,
        ["scaling"] => scaling::run,
        ["bench", "fifty"] => bench::fifty::run,
        ["bench", "metrics"] => bench::metrics::run,
        ["bench", "year"] => bench::year::run,
        ["bench", "start"] => bench::start::run,
        ["bench", "api"] => bench::api::run,
        ["bench", "cli"] => bench::cli::run,
        ["bench", "forward"] => bench::forward::run,
        ["-h" | "--help" | "help"] => {
            print!("{USAGE}");
            return Ok(());
        }
        _ => return Err(Fault::Usage(USAGE)),
    };
    verb(&Tree::find()?)
}
