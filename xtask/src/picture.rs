//! `cargo xtask picture`: what a command shows in a terminal, as a picture for the docs. A real run: nothing is drawn
//! that tmux did not see.
//!
//! tmux is the terminal, on a server of its own; what it shows is read with its colours (`capture-pane -e`) and written
//! as SVG, a text for each stretch of one colour.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// How long the words may take to be shown.
const PATIENCE: Duration = Duration::from_secs(300);
/// A character's width and height in the picture.
const CELL: (f64, f64) = (8.4, 18.0);
/// Space around the text.
const MARGIN: f64 = 12.0;
/// The sixteen colours, black to bright white, on the background.
const COLOURS: [&str; 16] = [
    "#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9", "#5c6370", "#ff7b86",
    "#b5e890", "#ffd68a", "#7cc4ff", "#dd92f0", "#6fd0dc", "#ffffff",
];
const BACKGROUND: &str = "#1e222a";
const FOREGROUND: &str = "#d8dee9";

/// Runs `words`: NAME COLUMNSxLINES SHOWN COMMAND. Writes `docs/images/NAME.svg` of the command's terminal once it shows
/// SHOWN.
pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<(), Fault> {
    let [name, size, shown, command @ ..] = words else { return Err(Fault::Usage(crate::USAGE)) };
    let (columns, lines) = size.split_once('x').ok_or(Fault::Usage(crate::USAGE))?;
    if command.is_empty() {
        return Err(Fault::Usage(crate::USAGE));
    }
    let server = format!("managr-picture-{}", std::process::id());
    let tmux = |words: &[&str]| cmd("tmux", &["-L", &server, "-f", "/dev/null"]).words(words);
    tmux(&["new-session", "-d", "-x", columns, "-y", lines]).words(command).run()?;
    let seen = watch(shown, || tmux(&["capture-pane", "-e", "-p"]).read());
    // The server ends with its last session.
    let _ = tmux(&["kill-session"]).run();
    let columns: usize = columns.parse().map_err(|_| Fault::Usage(crate::USAGE))?;
    let path = tree.root.join("docs/images").join(format!("{name}.svg"));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Fault::path(folder))?;
    std::fs::write(&path, svg(&seen?, columns)).map_err(Fault::path(&path))?;
    say(format!("wrote {}", path.display()));
    Ok(())
}

/// Looks until the words are shown.
fn watch(shown: &str, look: impl Fn() -> Result<String, Fault>) -> Result<String, Fault> {
    let began = Instant::now();
    loop {
        let seen = look()?;
        if runs(&seen).iter().any(|line| line.iter().map(|run| run.text.as_str()).collect::<String>().contains(shown)) {
            return Ok(seen);
        }
        if began.elapsed() > PATIENCE {
            return Err(Fault::Wrong(format!("{shown:?} was not shown within {PATIENCE:?}:\n{seen}")));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// How text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Look {
    colour: Option<usize>,
    background: Option<usize>,
    bold: bool,
    dim: bool,
    underlined: bool,
    reversed: bool,
}

/// Text of one look.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    at: usize,
    text: String,
    look: Look,
}

/// Returns the stretches of each line.
fn runs(seen: &str) -> Vec<Vec<Run>> {
    let mut look = Look::default();
    seen.lines().map(|line| line_of(line, &mut look)).collect()
}

fn line_of(line: &str, look: &mut Look) -> Vec<Run> {
    let (mut runs, mut rest, mut at) = (Vec::<Run>::new(), line, 0);
    while let Some(c) = rest.chars().next() {
        if let Some((codes, after)) = rest.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m')) {
            look.change(codes);
            rest = after;
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.look == *look => run.text.push(c),
            _ => runs.push(Run { at, text: c.to_string(), look: *look }),
        }
        (at, rest) = (at + 1, &rest[c.len_utf8()..]);
    }
    runs
}

impl Look {
    fn change(&mut self, codes: &str) {
        let mut codes = codes.split([';', ':']).map(|code| code.parse::<usize>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                4 => self.underlined = true,
                7 => self.reversed = true,
                22 => (self.bold, self.dim) = (false, false),
                24 => self.underlined = false,
                27 => self.reversed = false,
                30..=37 => self.colour = Some(code - 30),
                90..=97 => self.colour = Some(code - 82),
                40..=47 => self.background = Some(code - 40),
                38 | 48 => {
                    // 5;N: one of 256, of which the first sixteen are named.
                    let (_, index) = (codes.next(), codes.next());
                    let index = index.filter(|index| *index < COLOURS.len());
                    if code == 38 { self.colour = index } else { self.background = index }
                }
                39 => self.colour = None,
                49 => self.background = None,
                _ => {}
            }
        }
    }
}

/// Returns the picture.
fn svg(seen: &str, columns: usize) -> String {
    let lines = runs(seen);
    let (width, height) = (columns as f64 * CELL.0 + 2.0 * MARGIN, lines.len() as f64 * CELL.1 + 2.0 * MARGIN);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-size=\"14\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" style=\"white-space:pre\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>"
    );
    for (index, line) in lines.iter().enumerate() {
        line.iter().for_each(|run| stretch(&mut out, run, MARGIN + index as f64 * CELL.1));
    }
    out.push_str("</svg>\n");
    out
}

fn stretch(out: &mut String, run: &Run, top: f64) {
    let of = |colour: Option<usize>, other: &'static str| colour.map_or(other, |colour| COLOURS[colour]);
    let (front, back) = (of(run.look.colour, FOREGROUND), of(run.look.background, BACKGROUND));
    let (front, back) = if run.look.reversed { (back, front) } else { (front, back) };
    let count = run.text.chars().count() as f64;
    let (left, width) = (MARGIN + run.at as f64 * CELL.0, count * CELL.0);
    if back != BACKGROUND {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{back}\"/>",
            CELL.1
        );
    }
    let text = run.text.trim();
    let left = left + (run.text.len() - run.text.trim_start().len()) as f64 * CELL.0;
    if text.is_empty() {
        return;
    }
    let bold = if run.look.bold { " font-weight=\"bold\"" } else { "" };
    let dim = if run.look.dim { " opacity=\"0.6\"" } else { "" };
    let line = if run.look.underlined { " text-decoration=\"underline\"" } else { "" };
    let long = text.chars().count() as f64 * CELL.0;
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{long:.1}\" xml:space=\"preserve\" fill=\"{front}\"{bold}{dim}{line}>{text}</text>",
        top + 13.5
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_a_terminal_shows_them() {
        let looks = runs("a\u{1b}[1;31mb<\u{1b}[0m \u{1b}[38;5;11mc\u{1b}[39;7md\n\u{1b}[27m e");
        let told: Vec<Vec<(usize, &str)>> =
            looks.iter().map(|line| line.iter().map(|run| (run.at, run.text.as_str())).collect()).collect();
        assert_eq!(told, [vec![(0, "a"), (1, "b<"), (3, " "), (4, "c"), (5, "d")], vec![(0, " e")]]);
        assert_eq!((looks[0][1].look.bold, looks[0][1].look.colour), (true, Some(1)));
        assert_eq!((looks[0][3].look.colour, looks[0][4].look.reversed), (Some(11), true));
        assert_eq!(looks[1][0].look, Look::default());
        let picture = svg("a\u{1b}[1;31mb<\u{1b}[0m", 10);
        assert!(picture.contains("fill=\"#e06c75\" font-weight=\"bold\">b&lt;</text>"), "{picture}");
    }
}
