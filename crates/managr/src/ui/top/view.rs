//! What of a stage's table is seen, and in which order? Keys and new numbers in, lines out. Knows no terminal.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use deploy_core::top::{Row, RowKind, Top};

use super::{COLUMNS, Column};

/// Rows that are all shown at the start; of more, containers are folded away.
const AT_FIRST: usize = 30;

/// Which row: the kinds and names from its service down to it.
pub(crate) type Path = Vec<(RowKind, String)>;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Press {
    /// To leave.
    Quit,
    /// The row this far below.
    Down(isize),
    /// As far as a page.
    Page(isize),
    /// The first row.
    First,
    /// The last row.
    Last,
    /// What the row consists of; or the first of it.
    Open,
    /// No longer what the row consists of; or what it is a part of.
    Close,
    /// One or the other.
    Toggle,
    /// Everything, or services alone.
    ToggleAll,
    /// By the column this far to the right.
    Sort(isize),
    /// By this column.
    SortBy(Column),
    /// The other way round.
    Reverse,
}

/// A row that is seen.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Which.
    pub(crate) path: Path,
    /// The row itself.
    pub(crate) row: &'a Row,
    /// Whether its parts are seen, if it has any.
    pub(crate) is_open: Option<bool>,
}

/// What is seen.
#[derive(Debug)]
pub(crate) struct View {
    /// The newest numbers.
    pub(crate) top: Top,
    /// Why there are no newer ones.
    pub(crate) trouble: Option<String>,
    /// By what rows are sorted; none is as the manifest has them.
    pub(crate) sort: Option<Column>,
    /// Whether small numbers come first.
    pub(crate) is_rising: bool,
    /// How many rows are seen at once; set when it is drawn.
    pub(crate) page: usize,
    /// The first row that is seen; kept when it is drawn.
    pub(crate) offset: usize,
    open: BTreeSet<Path>,
    selected: Path,
}

impl View {
    /// Returns what is seen first.
    pub(crate) fn new(top: Top) -> Self {
        let mut view = Self {
            top,
            trouble: None,
            sort: None,
            is_rising: false,
            page: 1,
            offset: 0,
            open: BTreeSet::new(),
            selected: Path::new(),
        };
        view.open_all(view.count() <= AT_FIRST);
        view.select(0);
        view
    }

    /// Takes in newer numbers. What was open stays open, and new tasks are shown as those before them.
    pub(crate) fn hear(&mut self, top: Top) {
        let known: BTreeSet<Path> = self.all_paths();
        let is_task = |path: &Path| path.len() == 2;
        let shows_containers = self.open.iter().any(is_task) || !known.iter().any(is_task);
        self.top = top;
        self.trouble = None;
        for path in self.all_paths().difference(&known) {
            if path.len() == 1 || shows_containers {
                self.open.insert(path.clone());
            }
        }
        // Paths of tasks that have gone would be kept for ever.
        let now = self.all_paths();
        self.open.retain(|path| now.contains(path));
        let at = self.at();
        self.select(at);
    }

    /// Does what a person wants; false to leave.
    pub(crate) fn press(&mut self, press: Press) -> bool {
        let (at, last) = (self.at(), self.lines().len().saturating_sub(1));
        let by = |rows: isize| at.saturating_add_signed(rows).min(last);
        match press {
            Press::Quit => return false,
            Press::Down(rows) => self.select(by(rows)),
            Press::Page(pages) => self.select(by(pages.saturating_mul(self.page.max(2) as isize - 1))),
            Press::First => self.select(0),
            Press::Last => self.select(last),
            Press::Open => match self.is_open() {
                Some(false) => self.set_open(true),
                Some(true) => self.select(by(1)),
                None => {}
            },
            Press::Close => match self.is_open() {
                Some(true) => self.set_open(false),
                _ if self.selected.len() > 1 => {
                    self.selected.pop();
                }
                _ => {}
            },
            Press::Toggle => {
                if let Some(is_open) = self.is_open() {
                    self.set_open(!is_open);
                }
            }
            Press::ToggleAll => {
                let is_all = self.all_paths().iter().all(|path| self.open.contains(path));
                if is_all {
                    self.open.clear();
                    self.selected.truncate(1);
                } else {
                    self.open_all(true);
                }
            }
            Press::Sort(columns) => self.sort = beside(self.sort, columns),
            Press::SortBy(column) if self.sort == Some(column) => self.is_rising = !self.is_rising,
            Press::SortBy(column) => (self.sort, self.is_rising) = (Some(column), false),
            Press::Reverse => self.is_rising = !self.is_rising,
        }
        true
    }

    /// Returns the rows that are seen, top down.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        self.add(&self.top.services, &Path::new(), &mut lines);
        lines
    }

    /// Returns which of the lines is selected: it, or the nearest above it that is seen.
    pub(crate) fn at(&self) -> usize {
        let lines = self.lines();
        let found = (1..=self.selected.len()).rev().find_map(|length| {
            let path = &self.selected[..length];
            lines.iter().position(|line| line.path == path)
        });
        found.unwrap_or(0)
    }

    fn select(&mut self, at: usize) {
        self.selected = self.lines().get(at).map(|line| line.path.clone()).unwrap_or_default();
    }

    fn is_open(&self) -> Option<bool> {
        self.lines().get(self.at()).and_then(|line| line.is_open)
    }

    fn set_open(&mut self, open: bool) {
        if open {
            self.open.insert(self.selected.clone());
        } else {
            self.open.remove(&self.selected);
        }
    }

    /// Opens services, and tasks too.
    fn open_all(&mut self, tasks: bool) {
        self.open = self.all_paths().into_iter().filter(|path| tasks || path.len() == 1).collect();
    }

    /// Returns every row that has parts.
    fn all_paths(&self) -> BTreeSet<Path> {
        fn add(rows: &[Row], above: &Path, all: &mut BTreeSet<Path>) {
            for row in rows.iter().filter(|row| !row.parts.is_empty()) {
                let path = below(above, row);
                add(&row.parts, &path, all);
                all.insert(path);
            }
        }
        let mut all = BTreeSet::new();
        add(&self.top.services, &Path::new(), &mut all);
        all
    }

    fn count(&self) -> usize {
        fn of(rows: &[Row]) -> usize {
            rows.iter().map(|row| 1 + of(&row.parts)).sum()
        }
        of(&self.top.services)
    }

    fn add<'a>(&self, rows: &'a [Row], above: &Path, lines: &mut Vec<Line<'a>>) {
        let mut rows: Vec<&Row> = rows.iter().collect();
        if let Some(column) = self.sort {
            // Stable: equals stay as the manifest has them.
            rows.sort_by(|a, b| self.order(column.value(&a.usage), column.value(&b.usage)));
        }
        for row in rows {
            let path = below(above, row);
            let is_open = (!row.parts.is_empty()).then(|| self.open.contains(&path));
            lines.push(Line { path: path.clone(), row, is_open });
            if is_open == Some(true) {
                self.add(&row.parts, &path, lines);
            }
        }
    }

    /// What is not known comes last, whatever the order.
    fn order(&self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.is_rising => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

fn below(above: &Path, row: &Row) -> Path {
    above.iter().cloned().chain([(row.kind, row.name.clone())]).collect()
}

/// Returns the column beside one; before the first and behind the last there is none.
fn beside(column: Option<Column>, by: isize) -> Option<Column> {
    // None is the place before the first.
    let at = column.and_then(|column| COLUMNS.iter().position(|other| *other == column)).map_or(0, |at| at + 1);
    let places = COLUMNS.len() + 1;
    let next = (at as isize + by).rem_euclid(places as isize) as usize;
    next.checked_sub(1).map(|at| COLUMNS[at])
}
