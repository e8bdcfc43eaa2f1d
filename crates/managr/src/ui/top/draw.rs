//! Draws what is seen of a stage: a line above, the table, what is missing, and the keys.
//!
//! Whatever comes from outside is made visible first: ratatui leaves out controls, and would let text turn around.

use std::time::Duration;

use deploy_core::top::RowKind;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table, TableState};

use super::view::{self, View};
use super::{COLUMNS, Column, Level, called};
use crate::ui::Paint;
use crate::ui::visible::word;

/// Blanks between two columns.
const SPACING: u16 = 2;
/// Lines for what is missing, at most.
const MOST_NOTES: usize = 4;
const KEYS: &str = "q quit   arrows move, open, close   a all   s S sort by   c CPU   m memory   r reverse";

/// What is left out first where not all columns fit: none is the state.
const DISPENSABLE: [Option<Column>; 10] = [
    Some(Column::P50),
    Some(Column::P99),
    None,
    Some(Column::MemoryShare),
    Some(Column::Sent),
    Some(Column::Received),
    Some(Column::Restarts),
    Some(Column::P95),
    Some(Column::Requests),
    Some(Column::Memory),
];

/// Draws it all. `every` is how often it is looked.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &mut View, every: Duration, paint: Paint) {
    let style = Styles { paint };
    let mut below = below(view, frame.area().width, style);
    below.truncate(MOST_NOTES);
    let height = below.len() as u16;
    let rows = [Constraint::Length(1), Constraint::Min(0), Constraint::Length(height), Constraint::Length(1)];
    let [above, middle, notes, keys] = Layout::vertical(rows).areas(frame.area());
    head(frame, above, view, every, style);
    table(frame, middle, view, style);
    frame.render_widget(Text::from(below), notes);
    frame.render_widget(Line::styled(KEYS, style.dim()), keys);
}

/// Colours, where there are any.
#[derive(Clone, Copy)]
struct Styles {
    paint: Paint,
}

impl Styles {
    fn colour(self, colour: Color) -> Style {
        if self.paint == Paint::Colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn level(self, level: Level) -> Style {
        match level {
            Level::Usual => Style::new(),
            Level::Raised => self.colour(Color::Yellow),
            Level::High => self.colour(Color::Red),
        }
    }
}

fn head(frame: &mut Frame<'_>, area: Rect, view: &View, every: Duration, style: Styles) {
    let top = &view.top;
    let time = jiff::Timestamp::from_millisecond(top.at).map(|at| at.strftime("%H:%M:%S UTC").to_string());
    let when = format!("{}, every {} s", time.unwrap_or_default(), every.as_secs());
    let running = top.services.iter().map(|row| row.parts.len()).sum();
    let counts = format!("  cluster {}  {}", word(&top.cluster), crate::ui::report::count_tasks(running));
    let line = Line::from_iter([
        Span::styled(format!("{} {}", word(&top.app), word(&top.stage)), style.bold()),
        Span::styled(counts, style.dim()),
    ]);
    let sides = [Constraint::Min(0), Constraint::Length(when.len() as u16)];
    let [left, right] = Layout::horizontal(sides).spacing(SPACING).areas(area);
    frame.render_widget(line, left);
    frame.render_widget(Line::styled(when, style.dim()), right);
}

/// Returns what is missing, and why there are no newer numbers.
fn below(view: &View, width: u16, style: Styles) -> Vec<Line<'static>> {
    let trouble = view.trouble.iter().map(|why| (format!("no newer numbers: {why}"), Color::Red));
    let notes = view.top.notes.iter().map(|note| (note.clone(), Color::Yellow));
    let lines = |(words, colour): (String, Color)| {
        let lines = wrapped(&word(&words), usize::from(width));
        lines.into_iter().map(move |line| Line::styled(line, style.colour(colour)))
    };
    trouble.chain(notes).flat_map(lines).collect()
}

/// Returns a text in lines that are no wider than this; a word that is stands alone.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if Span::raw(line.as_str()).width() + 1 + Span::raw(word).width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn table(frame: &mut Frame<'_>, area: Rect, view: &mut View, style: Styles) {
    view.page = usize::from(area.height.saturating_sub(1));
    let (at, sort) = (view.at(), view.sort);
    let lines = view.lines();
    let rows: Vec<Texts> = lines.iter().map(Texts::of).collect();
    let seen = Seen::fit(&rows, area.width);
    let heading = |column: Column| {
        let sorted = if sort == Some(column) { Modifier::UNDERLINED } else { Modifier::empty() };
        Cell::from(Line::styled(column.heading(), style.dim().add_modifier(sorted)).right_aligned())
    };
    let words = ["NAME", "STATE"].into_iter().take(if seen.state { 2 } else { 1 });
    let header =
        words.map(|text| Cell::from(Line::styled(text, style.dim()))).chain(seen.columns.iter().map(|c| heading(*c)));
    let header = Row::new(header.collect::<Vec<_>>());
    let body = rows.iter().zip(&lines).map(|(texts, line)| {
        let named = if line.row.kind == RowKind::Service { style.bold() } else { Style::new() };
        let state = seen.state.then(|| Cell::from(texts.state.clone()));
        let numbers = seen.columns.iter().map(|column| {
            let level = style.level(Level::of(*column, line.row));
            Cell::from(Line::styled(texts.number(*column).to_owned(), level).right_aligned())
        });
        let name = Cell::from(Line::styled(texts.name.clone(), named));
        Row::new([name].into_iter().chain(state).chain(numbers).collect::<Vec<_>>())
    });
    let table = Table::new(body.collect::<Vec<_>>(), seen.widths)
        .header(header)
        .column_spacing(SPACING)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_offset(view.offset).with_selected(Some(at));
    frame.render_stateful_widget(table, area, &mut state);
    view.offset = state.offset();
}

/// What stands in a row.
struct Texts {
    name: String,
    state: String,
    numbers: [String; COLUMNS.len()],
}

impl Texts {
    fn of(line: &view::Line<'_>) -> Self {
        let fold = match line.is_open {
            Some(true) => "- ",
            Some(false) => "+ ",
            None => "  ",
        };
        let indent = "  ".repeat(line.path.len().saturating_sub(1));
        Self {
            name: format!("{indent}{fold}{}", word(&called(line.row))),
            state: word(&line.row.state).into_owned(),
            numbers: COLUMNS.map(|column| column.text(line.row)),
        }
    }

    fn number(&self, column: Column) -> &str {
        COLUMNS.iter().zip(&self.numbers).find(|(other, _)| **other == column).map_or("", |(_, text)| text)
    }
}

/// What fits.
struct Seen {
    state: bool,
    columns: Vec<Column>,
    widths: Vec<Constraint>,
}

impl Seen {
    fn fit(rows: &[Texts], width: u16) -> Self {
        let widest = |heading: &str, text: &dyn Fn(&Texts) -> &str| {
            let texts = rows.iter().map(|row| Span::raw(text(row)).width());
            texts.chain([heading.len()]).max().unwrap_or(0) as u16
        };
        let of = |column: Column| widest(column.heading(), &|row| row.number(column));
        let (name, state_width) = (widest("NAME", &|row| &row.name), widest("STATE", &|row| &row.state));
        let (mut state, mut columns) = (true, COLUMNS.to_vec());
        let takes = |state: bool, columns: &[Column]| {
            let numbers: u16 = columns.iter().map(|column| of(*column) + SPACING).sum();
            name + numbers + if state { state_width + SPACING } else { 0 }
        };
        for dispensable in DISPENSABLE {
            if takes(state, &columns) <= width {
                break;
            }
            match dispensable {
                Some(column) => columns.retain(|other| *other != column),
                None => state = false,
            }
        }
        let numbers: Vec<Constraint> = columns.iter().map(|column| Constraint::Length(of(*column))).collect();
        // What is too long is the name: it gives way.
        let words = [Constraint::Max(name)].into_iter().chain(state.then_some(Constraint::Length(state_width)));
        let widths = words.chain(numbers).collect();
        Self { state, columns, widths }
    }
}
