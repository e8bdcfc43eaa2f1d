//! A terminal that is drawn on, and as it was afterwards: after a return, an error, a panic; signals become returns.

use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{execute, queue};
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc::{self, Receiver};

use crate::ui::Paint;

/// Whether the terminal is ours: it is given back once, on the first way out.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// The terminal while it is drawn on. There is one at a time.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it is none, or has gone; it is then as it was.
    pub(super) fn open(paint: Paint) -> io::Result<Self> {
        // Whether there are colours was decided for all that we print.
        force_color_output(paint == Paint::Colour);
        give_back_before_a_panic_is_told();
        IS_OURS.store(true, Ordering::SeqCst);
        let opened = enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen, Hide))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match opened {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was. A terminal that has gone needs nothing.
fn give_back() {
    if IS_OURS.swap(false, Ordering::SeqCst) {
        let mut out = stdout();
        let _ = queue!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// What a panic says would be drawn over, and its lines would not begin where they should.
fn give_back_before_a_panic_is_told() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |why| {
        give_back();
        tell(why);
    }));
}

/// Returns what is typed, and changes of the terminal's size. It is waited for on a thread of its own, which ends with
/// the process.
pub(super) fn keys() -> Receiver<io::Result<Event>> {
    let (tell, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if tell.blocking_send(event).is_err() || is_last {
                return;
            }
        }
    });
    told
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};

    use nix::pty::{Winsize, openpty};
    use nix::sys::termios::tcgetattr;

    use super::*;

    const INSIDE: &str = "MANAGR_TEST_INSIDE_A_TERMINAL";

    /// This test is run once more, in a terminal, and panics there.
    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_and_is_read_there() {
        if std::env::var_os(INSIDE).is_some() {
            let mut screen = Screen::open(Paint::Plain).unwrap();
            screen.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
            panic!("on purpose");
        }
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let name = "verbs::top::screen::tests::a_panic_leaves_the_terminal_as_it_was_and_is_read_there";
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--"]).arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]);
        let mut child = command.env(INSIDE, "1").stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        // Less is said than a terminal holds back, so that it may be read at the end.
        assert!(!child.wait().unwrap().success());
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before, "the terminal is not as it was");
        drop((command, pty.slave));
        let mut said = Vec::new();
        let _ = File::from(pty.master).read_to_end(&mut said); // ends with EIO: nobody has it open
        let said = String::from_utf8_lossy(&said);
        let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("no {words:?} in {said:?}"));
        let order = ["\u{1b}[?1049h", "drawn", "\u{1b}[?1049l", "on purpose"].map(place);
        assert!(order.is_sorted(), "{said:?}");
        assert_eq!(said.matches("\u{1b}[?1049l").count(), 1, "given back once: {said:?}");
    }
}
