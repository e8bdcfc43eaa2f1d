//! Runs a query over events, command by command, within bounds. No clock and no store: events come one by one.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::ast::{Aggregate, Command, Expr, Named};
use super::row::{Event, Row};
use super::stats::Tally;
use super::value::Value;

/// What a query may hold at once, in bytes.
const MEMORY: usize = 64 << 20;
/// Rows of an answer unless another limit is given (user guide, `limit`: "the default is 10,000").
const ROWS: usize = 10_000;

/// A query that was understood.
#[derive(Debug)]
pub struct Plan {
    commands: Vec<Command>,
}

/// A query on its way.
pub struct Running<'p> {
    stages: Vec<Stage<'p>>,
    /// The columns of the answer.
    columns: Vec<Rc<str>>,
    limit: usize,
    answer: Vec<Row>,
    held: usize,
    /// Events that passed every filter before the first `stats`.
    pub matched: u64,
}

/// A row of an answer: names and values of its columns.
pub type Answer = Vec<(String, String)>;

/// The query would hold more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query holds more than {} MiB; narrow it with filter or limit", MEMORY >> 20)]
pub struct TooMuch;

enum Stage<'p> {
    /// Columns that are calculated, with their names.
    Set(Vec<(Rc<str>, &'p Expr)>),
    Filter(&'p Expr),
    /// Counts what matches.
    Matched,
    Parse(&'p Expr, &'p regex::Regex, Vec<Rc<str>>),
    Stats(Stats<'p>),
    /// Expressions, whether each descends, the most rows that are wanted, and the rows.
    Sort(&'p [(Expr, bool)], usize, Vec<(Vec<Value>, Row)>),
    Limit(usize),
    Dedup(&'p [Expr], HashSet<String>),
}

struct Stats<'p> {
    aggregates: &'p [(Aggregate, Vec<Expr>)],
    columns: &'p [Named],
    by: &'p [Named],
    /// Where each group is in `groups`.
    places: HashMap<String, usize>,
    /// In the order of their first events.
    groups: Vec<(Vec<Value>, Vec<Tally>)>,
}

impl Plan {
    /// Reads a query.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        super::read::query(text).map(|commands| Self { commands })
    }

    /// Begins a run that answers at most `limit` rows if the query says nothing of it.
    pub fn run(&self, limit: Option<usize>) -> Running<'_> {
        let own = self.commands.iter().rev().find_map(|command| match command {
            Command::Limit(count) => Some(*count),
            _ => None,
        });
        let limit = own.or(limit).unwrap_or(ROWS);
        let mut stages: Vec<Stage<'_>> =
            self.commands.iter().enumerate().map(|(at, command)| stage(command, self.wanted(at + 1, limit))).collect();
        let reshaping = |stage: &Stage<'_>| !matches!(stage, Stage::Set(_) | Stage::Filter(_) | Stage::Parse(..));
        let first = stages.iter().position(reshaping).unwrap_or(stages.len());
        stages.insert(first, Stage::Matched);
        Running { stages, columns: self.columns(), limit, answer: Vec::new(), held: 0, matched: 0 }
    }

    /// Returns how many rows the commands from a place on want at most of what comes first.
    fn wanted(&self, from: usize, limit: usize) -> usize {
        for command in &self.commands[from..] {
            match command {
                Command::Fields(_) | Command::Display(_) => {}
                Command::Limit(count) => return *count,
                _ => return usize::MAX,
            }
        }
        limit
    }

    fn columns(&self) -> Vec<Rc<str>> {
        let mut columns: Vec<Rc<str>> = Vec::new();
        let names = |named: &[Named]| named.iter().map(|named| Rc::from(named.name.as_str())).collect::<Vec<Rc<str>>>();
        for command in &self.commands {
            match command {
                Command::Fields(fields) => {
                    for name in names(fields) {
                        if !columns.contains(&name) {
                            columns.push(name);
                        }
                    }
                }
                Command::Display(fields) => columns = names(fields),
                Command::Stats { columns: made, by, .. } => columns = [names(by), names(made)].concat(),
                _ => {}
            }
        }
        if columns.is_empty() { vec!["@timestamp".into(), "@message".into()] } else { columns }
    }
}

fn stage(command: &Command, wanted: usize) -> Stage<'_> {
    match command {
        Command::Fields(fields) | Command::Display(fields) => {
            // A field is there under its own name already.
            let made = fields.iter().filter(|named| !matches!(&named.expr, Expr::Field(name) if *name == named.name));
            Stage::Set(made.map(|named| (Rc::from(named.name.as_str()), &named.expr)).collect())
        }
        Command::Filter(expr) => Stage::Filter(expr),
        Command::Parse { field, pattern, names } => {
            Stage::Parse(field, pattern, names.iter().map(|name| Rc::from(name.as_str())).collect())
        }
        Command::Stats { aggregates, columns, by } => {
            Stage::Stats(Stats { aggregates, columns, by, places: HashMap::new(), groups: Vec::new() })
        }
        Command::Sort(keys) => Stage::Sort(keys, wanted, Vec::new()),
        Command::Limit(count) => Stage::Limit(*count),
        Command::Dedup(keys) => Stage::Dedup(keys, HashSet::new()),
    }
}

impl Running<'_> {
    /// Takes an event in; the newest comes first.
    ///
    /// # Errors
    /// When the query would hold too much.
    pub fn push(&mut self, event: Event) -> Result<(), TooMuch> {
        self.pass(0, Row::of_event(event))
    }

    /// Ends the run.
    ///
    /// # Errors
    /// When the query would hold too much.
    pub fn finish(mut self) -> Result<Vec<Answer>, TooMuch> {
        for at in 0..self.stages.len() {
            let rows: Vec<Row> = match &mut self.stages[at] {
                Stage::Stats(stats) => stats.rows(),
                Stage::Sort(keys, wanted, rows) => {
                    cut(keys, *wanted, rows);
                    std::mem::take(rows).into_iter().map(|(_, row)| row).collect()
                }
                _ => continue,
            };
            for row in rows {
                self.pass(at + 1, row)?;
            }
        }
        Ok(self.answer.iter().map(|row| self.written(row)).collect())
    }

    fn written(&self, row: &Row) -> Answer {
        let columns = self.columns.iter().map(|name| (name.to_string(), row.get(name)));
        let mut answer: Answer =
            columns.filter(|(_, value)| value.is_present()).map(|(name, value)| (name, value.to_string())).collect();
        if let Some(pointer) = row.pointer()
            && !self.columns.iter().any(|name| &**name == "@ptr")
        {
            answer.push(("@ptr".to_owned(), pointer.to_owned()));
        }
        answer
    }

    fn hold(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.held += bytes;
        if self.held > MEMORY { Err(TooMuch) } else { Ok(()) }
    }

    /// Passes a row through the stages from a place on.
    fn pass(&mut self, from: usize, mut row: Row) -> Result<(), TooMuch> {
        let mut held = 0;
        for at in from..self.stages.len() {
            match &mut self.stages[at] {
                Stage::Set(columns) => {
                    for (name, expr) in columns {
                        let value = row.eval(expr, &[]);
                        row.set(name, value);
                    }
                }
                Stage::Filter(expr) => {
                    if !row.eval(expr, &[]).is_true() {
                        return Ok(());
                    }
                }
                Stage::Matched => self.matched += 1,
                Stage::Parse(field, pattern, names) => {
                    let text = row.eval(field, &[]).to_string();
                    if let Some(found) = pattern.captures(&text) {
                        let named = pattern.capture_names().flatten().next().is_some();
                        for (number, name) in names.iter().enumerate() {
                            let part = if named { found.name(name) } else { found.get(number + 1) };
                            row.set(name, part.map_or(Value::Missing, |part| Value::Text(part.as_str().to_owned())));
                        }
                    }
                }
                Stage::Stats(stats) => {
                    held += stats.add(&row);
                    return self.hold(held);
                }
                Stage::Sort(keys, wanted, rows) => {
                    let values = keys.iter().map(|(key, _)| row.eval(key, &[])).collect();
                    held += row.weight();
                    rows.push((values, row));
                    if *wanted < usize::MAX / 2 && rows.len() >= 2 * *wanted + 1000 {
                        let before: usize = rows.iter().map(|(_, row)| row.weight()).sum();
                        cut(keys, *wanted, rows);
                        let after: usize = rows.iter().map(|(_, row)| row.weight()).sum();
                        self.held = self.held.saturating_sub(before - after);
                    }
                    return self.hold(held);
                }
                Stage::Limit(left) => match left.checked_sub(1) {
                    Some(less) => *left = less,
                    None => return Ok(()),
                },
                Stage::Dedup(keys, seen) => {
                    let values: Vec<Value> = keys.iter().map(|key| row.eval(key, &[])).collect();
                    // What is missing is the same as nothing (user guide, `dedup`).
                    if values.iter().all(Value::is_present) {
                        let key = key(&values);
                        let weight = key.len() + 64;
                        if !seen.insert(key) {
                            return Ok(());
                        }
                        held += weight;
                    }
                }
            }
        }
        if self.answer.len() < self.limit {
            held += row.weight();
            self.answer.push(row);
        }
        self.hold(held)
    }
}

impl Stats<'_> {
    /// Takes a row in; returns how many bytes are held more than before.
    fn add(&mut self, row: &Row) -> usize {
        let values: Vec<Value> = self.by.iter().map(|named| row.eval(&named.expr, &[])).collect();
        let key = key(&values);
        let mut held = 0;
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                held += 2 * key.len() + 256 * (1 + self.aggregates.len());
                let tallies = self.aggregates.iter().map(|(aggregate, _)| Tally::new(*aggregate)).collect();
                self.groups.push((values, tallies));
                self.places.insert(key, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        let at = row.get("@timestamp");
        for ((_, arguments), tally) in self.aggregates.iter().zip(&mut self.groups[place].1) {
            held += tally.add(arguments.first().map(|argument| row.eval(argument, &[])), &at);
        }
        held
    }

    fn rows(&mut self) -> Vec<Row> {
        let made = std::mem::take(&mut self.groups).into_iter().map(|(values, tallies)| {
            let aggregates: Vec<Value> = tallies.into_iter().map(Tally::value).collect();
            let by = self.by.iter().zip(values).map(|(named, value)| (Rc::from(named.name.as_str()), value));
            let mut row = Row::of_columns(by.collect());
            for named in self.columns {
                let value = row.eval(&named.expr, &aggregates);
                row.set(&Rc::from(named.name.as_str()), value);
            }
            row
        });
        made.collect()
    }
}

/// Sorts and leaves no more than are wanted. Rows that are equal keep their order.
fn cut(keys: &[(Expr, bool)], wanted: usize, rows: &mut Vec<(Vec<Value>, Row)>) {
    rows.sort_by(|(one, _), (other, _)| {
        let orders = one
            .iter()
            .zip(other)
            .zip(keys)
            .map(|((one, other), (_, descending))| if *descending { other.sorted(one) } else { one.sorted(other) });
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    rows.truncate(wanted);
}

/// Values as one text; no value has a NUL followed by another's beginning that could be taken for it.
fn key(values: &[Value]) -> String {
    values.iter().map(|value| format!("{}{}\0{value}", u8::from(value.is_present()), value.to_string().len())).collect()
}
