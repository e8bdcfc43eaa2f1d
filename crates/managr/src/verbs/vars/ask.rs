//! Questions to the person: yes or no, and a value that the terminal does not show.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use deploy::vars::Hidden;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::exit::Exit;
use crate::failure::Failure;

/// Asks for a yes, unless it was said already.
///
/// # Errors
/// When the person says no (exit 6), or there is no terminal to ask on (exit 2).
pub(in crate::verbs) fn agree(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !is_somebody_there() {
        return Err(Failure::new("there is no terminal to ask on").hint("give --yes").exit(Exit::Usage));
    }
    match is_agreed(question) {
        true => Ok(()),
        false => Err(Failure::new("declined; nothing was changed").exit(Exit::Declined)),
    }
}

/// Whether there is a terminal to ask on.
pub(in crate::verbs) fn is_somebody_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a yes on the terminal.
pub(in crate::verbs) fn is_agreed(question: &str) -> bool {
    crate::ui::complain(&format!("{question} [y/N] "));
    let mut line = String::new();
    let _ = io::stdin().read_line(&mut line);
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Reads a value from standard input, to its end; one newline at the end is not part of it.
///
/// # Errors
/// When it is no text, or nothing at all.
pub(super) fn piped() -> Result<Hidden, Failure> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(format!("could not read the value from standard input: {error}")))?;
    let value = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if value.is_empty() {
        return Err(Failure::new("there is no value on standard input").exit(Exit::Usage));
    }
    Ok(Hidden::new(value))
}

/// Asks for a value that is not shown while it is typed.
///
/// # Errors
/// When there is no terminal, or the person presses Ctrl-C.
pub(super) fn hidden(question: &str) -> Result<Hidden, Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::new("there is no terminal to ask for the value on");
        return Err(failure.hint("give it on standard input: --stdin").exit(Exit::Usage));
    }
    let typed = typed(question);
    let _ = writeln!(io::stderr());
    match typed.map_err(|error| Failure::new(format!("could not read from the terminal: {error}")))? {
        Some(value) if value.is_empty() => Err(Failure::new("there is no value").exit(Exit::Declined)),
        Some(value) => Ok(Hidden::new(value)),
        None => Err(Failure::new("interrupted; nothing was changed").exit(Exit::Interrupted)),
    }
}

/// Reads keys up to the end of a line; none after Ctrl-C.
fn typed(question: &str) -> io::Result<Option<String>> {
    // Before the question: a quick answer must not be shown, nor lose a key.
    let quiet = Quiet::enter()?;
    let mut words = io::stderr();
    write!(words, "{question}: ").and_then(|()| words.flush())?;
    let mut terminal = &quiet.terminal;
    let (mut bytes, mut key) = (Vec::new(), [0]);
    while terminal.read(&mut key)? == 1 {
        match key[0] {
            b'\r' | b'\n' | 0x04 => break,
            0x03 => return Ok(None),
            0x15 => bytes.clear(),
            // The last character, which may have several bytes.
            0x7f | 0x08 => while bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map(Some).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// A terminal that shows nothing of what is typed, and hands out every key, so that Ctrl-C is one of them and
/// not a signal that would leave it so. Dropped, it is as it was.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn enter() -> io::Result<Self> {
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal.as_fd(), SetArg::TCSANOW, &self.before);
    }
}
