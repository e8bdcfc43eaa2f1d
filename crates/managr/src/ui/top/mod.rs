//! What a stage uses, as people read it: the columns, and the table that is printed once. Pure.

pub(crate) mod draw;
mod numbers;
#[cfg(test)]
mod tests;
pub(crate) mod view;

use deploy_core::top::{Row, RowKind, Top, Usage};

use super::Paint;
use super::progress::short;
use super::table::{Cell, Table};

/// A column of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// CPU, of what is reserved.
    Cpu,
    /// Memory.
    Memory,
    /// Memory, of what is reserved.
    MemoryShare,
    /// Bytes received.
    Received,
    /// Bytes sent.
    Sent,
    /// Started again.
    Restarts,
    /// Requests.
    Requests,
    /// Half of the answers took no longer.
    P50,
    /// 95 % of them.
    P95,
    /// 99 % of them.
    P99,
}

/// All of them, as they stand.
pub(crate) const COLUMNS: [Column; 10] = [
    Column::Cpu,
    Column::Memory,
    Column::MemoryShare,
    Column::Received,
    Column::Sent,
    Column::Restarts,
    Column::Requests,
    Column::P50,
    Column::P95,
    Column::P99,
];

impl Column {
    /// Returns what stands above it.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "MEMORY",
            Self::MemoryShare => "MEM %",
            Self::Received => "NET IN",
            Self::Sent => "NET OUT",
            Self::Restarts => "RESTARTS",
            Self::Requests => "REQ/S",
            Self::P50 => "P50",
            Self::P95 => "P95",
            Self::P99 => "P99",
        }
    }

    /// Returns the number that stands in it.
    pub(crate) fn value(self, usage: &Usage) -> Option<f64> {
        match self {
            Self::Cpu => usage.cpu_percent,
            Self::Memory => usage.memory_mib,
            Self::MemoryShare => usage.memory_percent,
            Self::Received => usage.received,
            Self::Sent => usage.sent,
            Self::Restarts => usage.all_restarts().map(|count| count as f64),
            Self::Requests => usage.requests,
            Self::P50 => usage.p50,
            Self::P95 => usage.p95,
            Self::P99 => usage.p99,
        }
    }

    /// Returns what stands in it for a row.
    pub(crate) fn text(self, row: &Row) -> String {
        let Some(value) = self.value(&row.usage) else {
            // What a row can never have is no gap: containers share their task's network, and requests are a service's.
            return if self.is_of(row.kind) { "-" } else { "" }.to_owned();
        };
        match self {
            Self::Cpu | Self::MemoryShare => numbers::percent(value),
            Self::Memory => numbers::mebibytes(value),
            Self::Received | Self::Sent => numbers::rate(value),
            Self::Restarts => format!("{value:.0}"),
            Self::Requests => numbers::frequency(value),
            Self::P50 | Self::P95 | Self::P99 => numbers::seconds(value),
        }
    }

    fn is_of(self, kind: RowKind) -> bool {
        match self {
            Self::Cpu | Self::Memory | Self::MemoryShare | Self::Restarts => true,
            Self::Received | Self::Sent => kind != RowKind::Container,
            Self::Requests | Self::P50 | Self::P95 | Self::P99 => kind == RowKind::Service,
        }
    }
}

/// Returns what a row is called: tasks by the beginning of their id.
pub(crate) fn called(row: &Row) -> String {
    if row.kind == RowKind::Task { short(&row.name).to_owned() } else { row.name.clone() }
}

/// Returns the table as it is printed once, with what is missing below it.
pub(crate) fn table(top: &Top, paint: Paint) -> String {
    let headings = ["NAME", "STATE"].into_iter().chain(COLUMNS.map(Column::heading));
    let headings: Vec<&str> = headings.collect();
    let headings: [&str; 12] = headings.try_into().expect("two words and ten columns");
    let mut table = Table::new(headings, |text| paint.dim(text));
    top.services.iter().for_each(|row| add(&mut table, row, 0, paint));
    for note in &top.notes {
        table.note(note, |text| paint.yellow(text));
    }
    table.render()
}

fn add(table: &mut Table, row: &Row, depth: usize, paint: Paint) {
    let name = format!("{}{}", "  ".repeat(depth), called(row));
    let name = if depth == 0 { Cell::painted(&name, |text| paint.bold(text)) } else { name.into() };
    let numbers = COLUMNS.iter().map(|column| {
        let level = Level::of(*column, row);
        Cell::painted(&column.text(row), |text| match level {
            Level::High => paint.red(text),
            Level::Raised => paint.yellow(text),
            Level::Usual => text.to_owned(),
        })
    });
    let cells: Vec<Cell> = [name, row.state.as_str().into()].into_iter().chain(numbers).collect();
    let cells: [Cell; 12] = cells.try_into().expect("two words and ten columns");
    table.row(cells);
    row.parts.iter().for_each(|part| add(table, part, depth + 1, paint));
}

/// How near a number is to what is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Not near.
    Usual,
    /// Nearer than it should be for long.
    Raised,
    /// There, or about.
    High,
}

impl Level {
    /// Returns it for CPU and memory, of what is reserved; other numbers have no bound.
    pub(crate) fn of(column: Column, row: &Row) -> Self {
        match column.value(&row.usage) {
            Some(90.0..) if matches!(column, Column::Cpu | Column::MemoryShare) => Self::High,
            Some(70.0..) if matches!(column, Column::Cpu | Column::MemoryShare) => Self::Raised,
            _ => Self::Usual,
        }
    }
}

/// Returns what a service uses in a line, for `managr status`; none if nothing is known, or only that it is idle.
pub(crate) fn line(usage: &Usage) -> Option<String> {
    if usage.cpu_percent.is_none() && usage.memory_percent.is_none() && usage.requests.unwrap_or(0.0) <= 0.0 {
        return None;
    }
    let parts = [
        usage.cpu_percent.map(|value| format!("cpu {}", numbers::percent(value))),
        usage.memory_percent.map(|value| format!("memory {}", numbers::percent(value))),
        usage.requests.map(|value| format!("{} requests/s", numbers::frequency(value))),
        usage.errors.filter(|value| *value > 0.0).map(|value| format!("{} errors/s", numbers::frequency(value))),
        usage.p95.map(|value| format!("p95 {}", numbers::seconds(value))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("  "))
}
