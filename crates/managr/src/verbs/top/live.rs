//! The live table: looks again and again, hears keys and signals, draws.

use std::time::Duration;

use aws_model::chain;
use deploy::top::Looker;
use deploy_core::top::Top;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::{self, Receiver};

use super::screen::{self, Screen};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::top::Column;
use crate::ui::top::draw::draw;
use crate::ui::top::view::{Press, View};

pub(super) async fn run(cx: &Context, looker: Looker, first: Top, every: Duration) -> Result<Exit, Failure> {
    let gone = |error| Failure::new(format!("the terminal could not be used: {error}"));
    let mut interrupts = Interrupts::listen()?;
    let mut looks = look(looker, every);
    let mut view = View::new(first);
    let mut screen = Screen::open(cx.ui.out).map_err(gone)?;
    let mut keys = screen::keys();
    loop {
        screen.draw(|frame| draw(frame, &mut view, every, cx.ui.out)).map_err(gone)?;
        // Each of them waits in a channel, or in the kernel: dropping the wait for it loses nothing.
        tokio::select! {
            Some(seen) = looks.recv() => match seen {
                Ok(top) => view.hear(top),
                Err(why) => view.trouble = Some(why),
            },
            event = keys.recv() => match event {
                Some(Ok(Event::Key(key))) => match press(key) {
                    Some(Pressed::Interrupt) => return Ok(Exit::Interrupted),
                    Some(Pressed::Press(press)) if !view.press(press) => return Ok(Exit::Done),
                    _ => {}
                },
                // A new size: it is asked for at each drawing.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(gone(error)),
                None => return Err(gone(std::io::ErrorKind::UnexpectedEof.into())),
            },
            () = interrupts.next() => return Ok(Exit::Interrupted),
        }
    }
}

/// Looks again and again, for as long as the receiver lives.
fn look(mut looker: Looker, every: Duration) -> Receiver<Result<Top, String>> {
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            let seen = looker.look().await.map_err(|error| chain(&error));
            if tell.send(seen).await.is_err() {
                return;
            }
        }
    });
    told
}

#[derive(Debug, PartialEq, Eq)]
enum Pressed {
    /// Ctrl-C: a terminal that passes every key on makes no signal of it.
    Interrupt,
    Press(Press),
}

fn press(key: KeyEvent) -> Option<Pressed> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let press = match key.code {
        KeyCode::Char('c') if is_control => return Some(Pressed::Interrupt),
        KeyCode::Char(_) if is_control => return None,
        KeyCode::Char('q') | KeyCode::Esc => Press::Quit,
        KeyCode::Up | KeyCode::Char('k') => Press::Down(-1),
        KeyCode::Down | KeyCode::Char('j') => Press::Down(1),
        KeyCode::PageUp => Press::Page(-1),
        KeyCode::PageDown => Press::Page(1),
        KeyCode::Home | KeyCode::Char('g') => Press::First,
        KeyCode::End | KeyCode::Char('G') => Press::Last,
        KeyCode::Right | KeyCode::Char('l') => Press::Open,
        KeyCode::Left | KeyCode::Char('h') => Press::Close,
        KeyCode::Enter | KeyCode::Char(' ') => Press::Toggle,
        KeyCode::Char('a') => Press::ToggleAll,
        KeyCode::Char('s' | '>') => Press::Sort(1),
        KeyCode::Char('S' | '<') => Press::Sort(-1),
        KeyCode::Char('c') => Press::SortBy(Column::Cpu),
        KeyCode::Char('m') => Press::SortBy(Column::Memory),
        KeyCode::Char('r') => Press::Reverse,
        _ => return None,
    };
    Some(Pressed::Press(press))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_c_interrupts_and_c_sorts() {
        let key = |code, modifiers| press(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Pressed::Interrupt));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), Some(Pressed::Press(Press::SortBy(Column::Cpu))));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(key(KeyCode::F(1), KeyModifiers::NONE), None);
    }
}
