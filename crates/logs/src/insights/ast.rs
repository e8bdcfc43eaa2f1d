//! What a query is made of.

use regex::Regex;

use super::functions::Function;

/// A command of a query.
#[derive(Debug)]
pub(super) enum Command {
    Fields(Vec<Named>),
    Display(Vec<Named>),
    Filter(Expr),
    Parse { field: Expr, pattern: Regex, names: Vec<String> },
    Stats { aggregates: Vec<(Aggregate, Vec<Expr>)>, columns: Vec<Named>, by: Vec<Named> },
    Sort(Vec<(Expr, bool)>),
    Limit(usize),
    Dedup(Vec<Expr>),
}

/// An expression and the name of the column that it makes.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) expr: Expr,
}

#[derive(Debug)]
pub(super) enum Expr {
    Field(String),
    Number(f64),
    Text(String),
    Period(Period),
    /// A call, and how it was written: after `stats` that is the name of a column.
    Call(Function, Vec<Expr>, String),
    /// A column that `stats` made, named as its aggregate was written.
    Column(String),
    /// The value of the command's aggregate of this number.
    Aggregate(usize),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `like "part"`.
    Contains(Box<Expr>, Box<Expr>),
    /// `like /regex/` and `=~`.
    Matches(Box<Expr>, Regex),
    In(Box<Expr>, Vec<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
    Power,
}

/// What `stats` makes of many values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Aggregate {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Stddev,
    CountDistinct,
    Pct(f64),
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

/// A length of time for `bin` and its like: milliseconds, or months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Millis(i64),
    Months(i64),
}
