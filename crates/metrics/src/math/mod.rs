//! Metric math: what an expression makes of time series (user guide, "Using math expressions with CloudWatch metrics").
//!
//! Pure. What a search finds is looked up by the caller before: [`searches`] says what is looked for, [`evaluate()`] is
//! given what was found. Nothing panics, whatever the text.

mod ast;
mod calendar;
mod evaluate;
mod functions;
mod lex;
mod operators;
mod parse;
pub mod search;
mod series;

#[cfg(test)]
mod tests;

pub use ast::Expression;
pub use evaluate::{Environment, Named, evaluate};
pub use parse::parse;
pub use series::{Origin, Series, Value};

/// An expression that cannot be read, or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MathError(String);

impl MathError {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// What a `SEARCH` looks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Search {
    /// What is searched, as it is written.
    pub text: String,
    /// Which statistic of what is found.
    pub statistic: String,
    /// For which periods, if it says so.
    pub period: Option<i64>,
}

/// Returns the searches of an expression.
///
/// # Errors
/// When one has other arguments than a text, a statistic and a period.
pub fn searches(expression: &Expression) -> Result<Vec<Search>, MathError> {
    let mut found = Vec::new();
    let mut wrong = None;
    expression.visit(&mut |expression| {
        if let Expression::Call(name, arguments) = expression
            && name == "SEARCH"
        {
            match evaluate::search_of(arguments) {
                Ok(search) => found.push(search),
                Err(error) => wrong = Some(error),
            }
        }
    });
    wrong.map_or(Ok(found), Err)
}

/// Returns the ids that an expression names.
pub fn names(expression: &Expression) -> Vec<&str> {
    let mut found = Vec::new();
    expression.visit(&mut |expression| {
        if let Expression::Name(name) = expression
            && name.starts_with(|c: char| c.is_ascii_lowercase())
        {
            found.push(name.as_str());
        }
    });
    found
}
