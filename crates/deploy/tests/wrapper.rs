//! The wrapper script of `deploy_core::exec`, run by real shells in a real pseudo-terminal.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use deploy_core::exec::{Encoder, Mode, Scanned, Scanner, Unconverter, wrapped};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::openpty;

const SHELLS: [&str; 3] = ["dash", "busybox sh", "bash"];
const NO_INPUT: Mode = Mode::Piped { stdin: false };
const INPUT: Mode = Mode::Piped { stdin: true };

/// What came of a command.
#[derive(Debug, Default, PartialEq)]
struct Ended {
    output: Vec<u8>,
    code: Option<u8>,
    refused: Option<String>,
}

/// A command in a terminal, as the agent starts it.
struct Session {
    child: Child,
    master: File,
    scanner: Scanner,
    undo: Option<Unconverter>,
    ended: Ended,
}

impl Session {
    fn start(shell: &str, mode: Mode, path: Option<&str>, command: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let text = wrapped(mode, "n0nce", &command).replacen("sh ", &format!("exec {shell} "), 1);
        let text = path.map_or(text.clone(), |path| format!("PATH={path}; {text}"));
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut starts = Command::new("setsid");
        starts.args(["--ctty", "--wait", "bash", "-c", &text]).stdin(slave()).stdout(slave()).stderr(slave());
        let child = starts.spawn().unwrap();
        let scanner = Scanner::new("n0nce");
        Self { child, master: File::from(pty.master), scanner, undo: None, ended: Ended::default() }
    }

    /// Reads until `until` holds, the command has ended or there is nothing more.
    fn read(&mut self, mut input: Option<Box<dyn FnOnce(File) + Send>>, until: impl Fn(&Ended) -> bool) {
        let mut bytes = [0; 4096];
        while self.ended.code.is_none() && self.ended.refused.is_none() && !until(&self.ended) {
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            assert!(poll(&mut fds, 30_000u16).unwrap() > 0, "silent: {:?}", self.ended);
            let Ok(count @ 1..) = self.master.read(&mut bytes) else { return };
            for found in self.scanner.push(&bytes[..count]) {
                match found {
                    Scanned::Bytes(bytes) => match &mut self.undo {
                        Some(undo) => self.ended.output.extend(undo.push(&bytes)),
                        None => self.ended.output.extend(bytes),
                    },
                    Scanned::Begin { is_raw } => {
                        self.undo = (!is_raw).then(Unconverter::default);
                        if let Some(input) = input.take() {
                            let master = self.master.try_clone().unwrap();
                            std::thread::spawn(move || input(master));
                        }
                    }
                    Scanned::Refused(program) => self.ended.refused = Some(program),
                    Scanned::End(code) => self.ended.code = Some(code),
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(shell: &str, mode: Mode, command: &[&str], input: Option<Vec<u8>>) -> Ended {
    run_in(None, shell, mode, command, input)
}

fn run_in(path: Option<&str>, shell: &str, mode: Mode, command: &[&str], input: Option<Vec<u8>>) -> Ended {
    let mut session = Session::start(shell, mode, path, command);
    let send = input.map(|input| -> Box<dyn FnOnce(File) + Send> {
        Box::new(move |mut master| {
            let mut encoder = Encoder::default();
            let mut text = encoder.push(&input);
            text.extend(encoder.finish());
            // Fails when the command ended early.
            let _ = master.write_all(&text);
        })
    });
    session.read(send, |_| false);
    std::mem::take(&mut session.ended)
}

fn every_byte(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[test]
fn the_exit_code_arrives() {
    for shell in SHELLS {
        for (script, code) in [("true", 0), ("false", 1), ("exit 42", 42), ("exit 130", 130), ("kill -9 $$", 137)] {
            let command = ["sh", "-c", script];
            for mode in [Mode::Terminal, NO_INPUT] {
                assert_eq!(run(shell, mode, &command, None).code, Some(code), "{shell} {mode:?} {script}");
            }
            assert_eq!(run(shell, NO_INPUT, &command, None).output, b"", "{shell} {script}");
            assert_eq!(run(shell, INPUT, &command, Some(vec![])).code, Some(code), "{shell} {script}");
        }
        let ended = run(shell, NO_INPUT, &["no-such-program"], None);
        assert_eq!(ended.code, Some(127), "{shell}");
        assert!(String::from_utf8(ended.output).unwrap().contains("not found"), "{shell}");
    }
}

#[test]
fn a_megabyte_goes_both_ways_unchanged() {
    let data = every_byte(1 << 20);
    for shell in SHELLS {
        let ended = run(shell, INPUT, &["cat"], Some(data.clone()));
        assert!(ended.output == data, "{shell}: {} bytes", ended.output.len());
        assert_eq!(ended.code, Some(0), "{shell}");
    }
}

#[test]
fn input_ends_where_it_ends() {
    for shell in SHELLS {
        assert_eq!(run(shell, NO_INPUT, &["cat"], None), Ended { code: Some(0), ..Ended::default() }, "{shell}");
        assert_eq!(run(shell, INPUT, &["cat"], Some(vec![])).output, b"", "{shell}");
        assert_eq!(
            run(shell, INPUT, &["wc", "-c"], Some(b"no line feed".to_vec())).output.trim_ascii(),
            b"12",
            "{shell}"
        );
        // A shell reads its commands from it.
        assert_eq!(run(shell, INPUT, &[], Some(b"echo $((6*7)); exit 3".to_vec())).output, b"42\n", "{shell}");
    }
}

#[test]
fn a_command_that_ends_early_does_not_wait_for_its_input() {
    for shell in SHELLS {
        let ended = run(shell, INPUT, &["head", "-c", "10"], Some(every_byte(1 << 20)));
        assert_eq!((ended.output, ended.code), (every_byte(10), Some(0)), "{shell}");
        // No input ever comes, and no end of it.
        let mut session = Session::start(shell, INPUT, None, &["sh", "-c", "exit 7"]);
        session.read(None, |_| false);
        assert_eq!(session.ended.code, Some(7), "{shell}");
        // And nothing is left that waits for it.
        session.child.wait().unwrap();
    }
}

#[test]
fn output_is_a_pipe_as_it_would_be_here() {
    for shell in SHELLS {
        let ended = run(shell, NO_INPUT, &["sh", "-c", "test -t 1 || test -t 2 || echo none; echo err >&2"], None);
        assert_eq!(ended.output, b"none\nerr\n", "{shell}");
    }
}

#[test]
fn ctrl_c_is_the_commands_and_its_code_still_arrives() {
    for shell in SHELLS {
        let command = ["sh", "-c", "echo go; exec sleep 60"];
        let mut session = Session::start(shell, Mode::Terminal, None, &command);
        session.read(None, |ended| ended.output.ends_with(b"go\r\n"));
        session.master.write_all(b"\x03").unwrap();
        session.read(None, |_| false);
        assert_eq!(session.ended.code, Some(130), "{shell}");
    }
}

/// A directory that has these programs and no others.
fn programs(names: &[&str], at: impl Fn(&str) -> String) -> tempfile::TempDir {
    let bin = tempfile::tempdir().unwrap();
    for name in names {
        let found = Command::new("which").arg(at(name)).output().unwrap().stdout;
        std::os::unix::fs::symlink(String::from_utf8(found).unwrap().trim(), bin.path().join(name)).unwrap();
    }
    bin
}

#[test]
fn a_container_that_has_busybox_alone_will_do() {
    let bin = programs(&["sh", "stty", "cat", "base64"], |_| "busybox".to_owned());
    let data = every_byte(100_000);
    let ended = run_in(bin.path().to_str(), "sh", INPUT, &["sh", "-c", "cat; exit 5"], Some(data.clone()));
    assert!(ended.output == data, "{} bytes", ended.output.len());
    assert_eq!(ended.code, Some(5));
}

#[test]
fn a_container_without_stty_is_read_as_well_as_can_be_and_gets_no_input() {
    let bin = programs(&["cat", "bash", "dash"], str::to_owned);
    for shell in ["dash", "bash"] {
        let path = bin.path().to_str();
        let ended = run_in(path, shell, NO_INPUT, &[shell, "-c", "echo a; echo b; exit 9"], None);
        assert_eq!((&ended.output[..], ended.code), (&b"a\nb\n"[..], Some(9)), "{shell}");
        assert_eq!(run_in(path, shell, INPUT, &["cat"], Some(vec![])).refused.as_deref(), Some("stty"), "{shell}");
    }
}
