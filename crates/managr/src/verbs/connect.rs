//! `managr connect`: a shell, or a command, in a running container.

use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;

use deploy::exec::{Dialler, execute, fate};
use deploy_core::exec::{Choice, Chosen, Mode, quoted, wrapped};
use session::client::{Options, start};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reach::{Asked, Reached, UNREACHED, reach, refused};
use crate::shell::{self, Ended, Setting, Writing};
use crate::ui;
use crate::ui::progress::short;
use crate::ui::visible::word;
use crate::verbs::logs::now;

/// Open a shell or run a command in a running container
///
/// Without a command: bash, else sh. Exits with the command's exit code, or with 255 if it could not be run to its end.
/// With a terminal every key is sent; `~.` at the beginning of a line leaves a session that hangs. Without one, bytes
/// pass unchanged in both directions. The command's standard output and standard error are one stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr connect local\n  managr connect prod managr-app-worker\n  \
                        managr connect local -- python3 manage.py showmigrations\n  \
                        managr connect prod -- pg_dump app > app.sql\n  managr connect local -- psql < app.sql")]
pub(crate) struct ConnectArgs {
    /// Stage
    stage: String,
    /// Container [default: the one of the release command, else the first whose image is built here]
    container: Option<String>,
    /// Service [default: the container's, else the one that takes requests]
    #[arg(long)]
    service: Option<String>,
    /// Task, by how its id begins [default: the newest healthy one]
    #[arg(long, value_name = "ID", conflicts_with = "any")]
    task: Option<String>,
    /// Take the newest healthy task without asking
    #[arg(long)]
    any: bool,
    /// Send standard input although it is a terminal and standard output is not
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Use a terminal in the container even though there is none here
    #[arg(short = 't', conflicts_with = "no_terminal")]
    terminal: bool,
    /// Pass bytes unchanged, as without a terminal
    #[arg(short = 'T')]
    no_terminal: bool,
    /// Run the command itself, without a shell around it: for images without sh. Its exit code cannot be known
    #[arg(long, requires = "command")]
    bare: bool,
    /// Command and its arguments
    #[arg(last = true)]
    command: Vec<String>,
}

/// Returns how the two ends are connected.
fn mode(args: &ConnectArgs, stdin: Stdin, stdout_is_terminal: bool) -> Mode {
    let is_terminal = stdin == Stdin::Terminal && stdout_is_terminal;
    if args.terminal || (is_terminal && !args.no_terminal) {
        return Mode::Terminal;
    }
    Mode::Piped { stdin: args.stdin || stdin == Stdin::Bytes }
}

/// What standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stdin {
    Terminal,
    /// `/dev/null`, which is also what a closed one becomes at a program's start.
    Nothing,
    Bytes,
}

impl Stdin {
    fn look() -> Self {
        let stdin = std::io::stdin();
        let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
        match (stdin.is_terminal(), rustix::fs::fstat(&stdin), null) {
            (true, _, _) => Self::Terminal,
            (_, Ok(found), Ok(null)) if found.st_rdev == null => Self::Nothing,
            (_, Err(_), _) => Self::Nothing,
            _ => Self::Bytes,
        }
    }
}

pub(crate) async fn run(cx: &Context, args: ConnectArgs) -> Result<Exit, Failure> {
    let stdin = Stdin::look();
    let stdin_is_terminal = stdin == Stdin::Terminal;
    let mode = mode(&args, stdin, std::io::stdout().is_terminal());
    let (container, task) = (args.container.as_deref(), args.task.as_deref());
    let asked = Asked { stage: &args.stage, service: args.service.as_deref(), container, task };
    let reached = reach(cx, asked).await?;
    let may_ask = stdin_is_terminal && cx.ui.live && !args.any && args.task.is_none();
    let Some(chosen) = (if may_ask { ask(&reached.choice) } else { Some(reached.choice.best()) }) else {
        return Ok(Exit::Declined);
    };
    let nonce = (!args.bare).then(nonce).transpose()?;
    let command = match &nonce {
        Some(nonce) => wrapped(mode, nonce, &args.command),
        None => quoted(args.command.iter().map(String::as_str)),
    };
    let Reached { client, cluster, service, .. } = &reached;
    let ticket = execute(client, cluster, &chosen.task_arn, &chosen.container, &command).await;
    let ticket = ticket.map_err(|error| refused(error, &args.stage, service))?;
    if mode == Mode::Terminal {
        cx.ui.say(&format!("connected to {service}/{} container {}", short(&chosen.task), chosen.container));
    }
    let writing = match mode {
        Mode::Terminal if stdin_is_terminal => Some(Writing::Typed),
        Mode::Terminal => Some(Writing::AsIs),
        Mode::Piped { stdin: true } if args.bare => Some(Writing::AsIs),
        Mode::Piped { stdin: true } => Some(Writing::Encoded),
        Mode::Piped { stdin: false } => None,
    };
    let is_raw = mode == Mode::Terminal && stdin_is_terminal;
    let session_id = ticket.session_id.clone();
    let session = start(Dialler::new(client.clone(), ticket), Options::new());
    let setting = Setting { mode, nonce, writing, is_raw, greeting: None };
    let ended = shell::carry(session, setting, |words| cx.ui.say(words)).await;
    if ended.as_ref().map_or(true, Ended::is_one_sided) {
        shell::leave(client, &session_id).await;
    }
    let ended = ended.map_err(|error| Failure::from_error(error).exit(UNREACHED))?;
    conclude(cx, &args, &reached, chosen, ended).await
}

/// Returns the exit code that an end means, or the failure that it is.
async fn conclude(
    cx: &Context,
    args: &ConnectArgs,
    reached: &Reached,
    chosen: &Chosen,
    ended: Ended,
) -> Result<Exit, Failure> {
    let lost = match ended {
        Ended::Code(code) => return Ok(Exit::Remote(code)),
        Ended::Left => {
            cx.ui.say("left the session");
            return Ok(UNREACHED);
        }
        Ended::Signal(signal) => return Ok(Exit::Remote(128 + u8::try_from(signal).unwrap_or(127))),
        Ended::Refused(program) => {
            return Err(Failure::new(format!("the container has no {program}, without which it takes no input"))
                .hint("nothing was run; give it no input: `< /dev/null`")
                .exit(UNREACHED));
        }
        Ended::Closed { words, has_begun, preface } => {
            if let Some(reason) = start_failure(&preface, &words).filter(|_| !has_begun) {
                let failure = Failure::new(format!("the command could not be started: {reason}")).exit(UNREACHED);
                return Err(match args.bare {
                    true => failure,
                    false => failure.hint("an image without sh needs `--bare -- COMMAND`"),
                });
            }
            if args.bare {
                cx.ui.say("the session has ended; the exit code of a bare command cannot be known");
                return Ok(Exit::Done);
            }
            let preface = String::from_utf8_lossy(&preface);
            let said: Vec<&str> = [preface.trim(), words.trim()].into_iter().filter(|said| !said.is_empty()).collect();
            ["the session was closed before the command had ended", &said.join(": ")]
                .join(": ")
                .trim_end_matches(": ")
                .to_owned()
        }
        Ended::Lost(words) => words,
    };
    let failure = Failure::new(lost).exit(UNREACHED);
    let fate = fate(&reached.client, &reached.cluster, &chosen.task_arn, &chosen.container).await;
    Err(match fate {
        Ok(Some(fate)) => Failure { details: vec![fate], ..failure },
        Ok(None) => failure.hint("the container still runs; what the command did is not known"),
        Err(error) => {
            Failure { details: vec![format!("what became of the container is not known: {error}")], ..failure }
        }
    })
}

/// Returns why the agent could not start the command, if that is what it says (amazon-ssm-agent, `shell.go`).
fn start_failure(preface: &[u8], words: &str) -> Option<String> {
    const BANNER: &str = "----------ERROR-------";
    const WORDS: &str = "Unable to start command:";
    let preface = String::from_utf8_lossy(preface);
    let said = preface.trim_start().strip_prefix(BANNER).map(str::trim);
    let said = said.or_else(|| Some(words).filter(|words| words.contains(WORDS)))?;
    let reason = said.rsplit(WORDS).next().unwrap_or(said).trim();
    Some(reason.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A word that nothing in the container can guess.
fn nonce() -> Result<String, Failure> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
    Ok(hex::encode(random))
}

/// Lets the person choose among tasks; none when they want no one.
fn ask(choice: &Choice) -> Option<&Chosen> {
    if choice.all().len() == 1 {
        return Some(choice.best());
    }
    for (at, task) in choice.all().iter().enumerate() {
        ui::complain(&format!("{}\n", word(&line(at + 1, task, now()))));
    }
    let mut err = std::io::stderr().lock();
    loop {
        let _ = write!(err, "which task? [1] ");
        let _ = err.flush();
        let mut answer = String::new();
        match std::io::stdin().lock().read_line(&mut answer) {
            Ok(1..) => match picked(choice, answer.trim()) {
                Some(chosen) => return Some(chosen),
                None => {
                    let _ = writeln!(err, "there are 1 to {}", choice.all().len());
                }
            },
            // The end of input, or none at all.
            _ => return None,
        }
    }
}

fn line(number: usize, task: &Chosen, now: i64) -> String {
    let minutes = (now as f64 / 1000.0 - task.started_at).max(0.0) as u64 / 60;
    let health = task.health.to_lowercase();
    format!("{number:>3}  {}  {}  {health}  started {minutes} min ago", short(&task.task), task.revision)
}

/// Returns what an answer names: nothing is the first.
fn picked<'a>(choice: &'a Choice, answer: &str) -> Option<&'a Chosen> {
    let number = if answer.is_empty() { 1 } else { answer.parse::<usize>().ok()? };
    choice.all().get(number.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ConnectArgs,
    }

    #[test]
    fn a_terminal_at_both_ends_of_the_pipe_is_a_terminal_over_there() {
        let check = |options: &str, stdin, stdout_is_terminal, expected| {
            let line = format!("connect local {options}");
            let args = Line::parse_from(line.split_whitespace()).args;
            assert_eq!(mode(&args, stdin, stdout_is_terminal), expected, "{options:?} {stdin:?} {stdout_is_terminal}");
        };
        let piped = |stdin| Mode::Piped { stdin };
        check("", Stdin::Terminal, true, Mode::Terminal);
        // What is typed is not meant for `connect prod -- pg_dump app >app.sql`.
        check("", Stdin::Terminal, false, piped(false));
        check("-i", Stdin::Terminal, false, piped(true));
        check("-T", Stdin::Terminal, true, piped(false));
        check("", Stdin::Bytes, true, piped(true));
        check("", Stdin::Nothing, true, piped(false));
        check("-i", Stdin::Nothing, true, piped(true));
        check("-t", Stdin::Bytes, false, Mode::Terminal);
    }
}
