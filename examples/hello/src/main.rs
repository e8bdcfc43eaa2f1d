//! The smallest application that managr runs: one static binary on an empty image.
//!
//! Answers `/`, `/health`, `/slow?ms=`, `/exit?code=` and `/env-names`. Finishes what it has begun
//! when told to stop. Misbehaves only when its environment says so (see [`settings`]).
//! It never prints a variable's value other than GREETING's.

mod metadata;
mod pages;
mod settings;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use small_http::Server;

use crate::settings::Settings;

fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(words) => {
            say(&format!("hello: {words}"));
            return ExitCode::from(2);
        }
    };
    if let Some(code) = settings.fail_at_start {
        say(&format!("hello: FAIL_AT_START is set, exiting with {code}"));
        return ExitCode::from(code);
    }
    run(settings).unwrap_or_else(|error| {
        say(&format!("hello: {error}"));
        ExitCode::FAILURE
    })
}

fn run(settings: Settings) -> std::io::Result<ExitCode> {
    // Before the slow start: a stop signal must end a container that has not begun to listen.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    if let Some(wait) = settings.slow_start {
        say(&format!("hello: SLOW_START is set, waiting {} s", wait.as_secs_f64()));
        let (done, waited) = std::sync::mpsc::channel::<()>();
        let handle = signals.handle();
        std::thread::spawn(move || {
            let _ = waited.recv_timeout(wait);
            handle.close();
        });
        if signals.forever().next().is_some() {
            say("hello: told to stop before it listened");
            return Ok(ExitCode::SUCCESS);
        }
        drop(done);
        signals = Signals::new([SIGTERM, SIGINT])?;
    }

    let server = Server::bind(settings.port)?;
    let (stopper, exit_code) = (server.stopper()?, Arc::new(AtomicU8::new(0)));
    say(&format!("hello: listening on port {}", server.port()?));

    if let Some(after) = settings.crash_after {
        std::thread::spawn(move || {
            std::thread::sleep(after);
            say("hello: CRASH_AFTER has passed, exiting with 1");
            std::process::exit(1);
        });
    }
    let stop_on_signal = stopper.clone();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            say(&format!("hello: got signal {signal}, finishing what has begun"));
            stop_on_signal.stop();
        }
    });
    let pages = pages::Pages { settings, stopper, exit_code: Arc::clone(&exit_code) };
    server.serve(move |request| pages.answer(request));
    say("hello: stopped");
    Ok(ExitCode::from(exit_code.load(Ordering::SeqCst)))
}

/// Prints one line; a closed output is no reason to stop serving.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
