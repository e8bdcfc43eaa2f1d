//! How a command is run in a container so that its exit code, its bytes and its end come back over a session
//! that carries none of them.
//!
//! ECS Exec starts a command with a terminal (a pty) and hands over what the terminal shows: no exit code, no end of
//! input, and every line feed gets a carriage return. So the command is wrapped in a script for `sh` that says in
//! markers ([`Scanner`] takes them out again) when it begins and with which code it ends. Without a terminal at
//! this end the script also makes the terminal over there transparent, and input travels as base64, line by line,
//! ended by the terminal's own end-of-file character. All of it is decided here and none of it is done here.

mod choose;
mod encode;
pub(crate) mod quote;
mod scan;

pub use choose::{Choice, ChoiceError, Chosen, Wanted, choose};
pub use encode::{Encoder, Unconverter};
pub use quote::quoted;
pub use scan::{Scanned, Scanner};

/// How the two ends are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A terminal at this end: what is typed goes over as it is.
    Terminal,
    /// No terminal at this end.
    Piped {
        /// Whether there is input, to be sent as [`Encoder`] writes it once the script has said that it begins.
        /// Without it the command reads `/dev/null`.
        stdin: bool,
    },
}

/// What both scripts begin with: the nonce, how a marker is written, and the shell where no command is given. The
/// format holds no literal marker, so that a list of processes does not look like one.
const HEAD: &str = r#"n=$1; shift
say() { printf "\033_managr;%s;%s;%s\033\134" "$n" "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
if [ $# = 0 ]; then if has bash; then set -- bash; else set -- sh; fi; fi
"#;

/// A trap that does nothing lets the script outlive a Ctrl-C that was meant for the command; commands get the default
/// action back.
const TERMINAL: &str = r#"trap : INT QUIT
say begin raw
"$@"
say end $?
"#;

/// Canonical mode stays, for its end of file; a line of base64 is far from its limit of 4,096 bytes. The command writes
/// into a pipe, as it would at this end; what the shell itself has to say of it ("Killed") is none of its output. The
/// end is said as soon as the command has ended, even if a process still reads.
const PIPED: &str = r#"t=raw; stty icanon eof ^D -echo -isig -ixon -iexten -opost 2>/dev/null || t=cooked
say begin $t
run() { ("$@") 2>&1; say end $?; } 2>/dev/null
if has cat; then run "$@" </dev/null | cat; else run "$@" </dev/null; fi
"#;

/// The same with input. What it needs is looked for before anything is run. The last `kill` ends `base64`, which may still
/// wait for input that the command did not want: what was said has reached the terminal by then.
const FED: &str = r#"stty icanon eof ^D -echo -isig -ixon -iexten -opost 2>/dev/null || { say refused stty; exit; }
has base64 || { say refused base64; exit; }
say begin raw
run() { ("$@") 2>&1; say end $?; } 2>/dev/null
if has cat; then base64 -d | run "$@" | { cat; kill 0; }; else base64 -d | { run "$@"; kill 0; }; fi
"#;

/// Returns the string for ExecuteCommand that runs `command` (none is a shell: bash, else sh) with markers that hold
/// `nonce`. The nonce is a word that the command cannot guess.
pub fn wrapped(mode: Mode, nonce: &str, command: &[String]) -> String {
    let tail = match mode {
        Mode::Terminal => TERMINAL,
        Mode::Piped { stdin: false } => PIPED,
        Mode::Piped { stdin: true } => FED,
    };
    // One line: the string goes through a document of Systems Manager and into logs. Every line is a whole command.
    let script = format!("{HEAD}{tail}").trim_end().replace('\n', "; ");
    let own = ["sh", "-c", &script, "managr", nonce];
    quoted(own.into_iter().chain(command.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_marker_can_be_read_out_of_the_command_itself() {
        for mode in [Mode::Terminal, Mode::Piped { stdin: false }, Mode::Piped { stdin: true }] {
            let command = wrapped(mode, "n0nce", &["ps".to_owned(), "aux".to_owned()]);
            assert!(command.starts_with("sh -c 'n=$1; shift"), "{command}");
            assert!(command.ends_with("' managr n0nce ps aux"), "{command}");
            assert!(!command.contains('\n'), "{command}");
            let mut scanner = Scanner::new("n0nce");
            assert_eq!(scanner.push(command.as_bytes()), [Scanned::Bytes(command.clone().into_bytes())]);
        }
    }
}
