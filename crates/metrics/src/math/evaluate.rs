//! What an expression makes of what it names.

use std::collections::HashMap;

use super::ast::Expression;
use super::functions::{self, Filler};
use super::series::{Series, Value};
use super::{MathError, Search, calendar, operators};
use crate::periods::Grid;

/// What expressions can name.
#[derive(Debug, Default)]
pub struct Environment {
    /// What is known, by id.
    pub named: HashMap<String, Named>,
    /// The ids of metrics, in the order of the request.
    pub metrics: Vec<String>,
    /// What searches have found.
    pub found: HashMap<Search, Vec<Series>>,
    /// The periods of the request.
    pub grid: Option<Grid>,
}

/// A metric or the result of another expression.
#[derive(Debug, Clone)]
pub struct Named {
    /// What it is.
    pub value: Value,
    /// Whether it is a metric.
    pub is_metric: bool,
}

/// Functions that need what there is not here.
const REFUSED: [&str; 5] =
    ["ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "DB_PERF_INSIGHTS", "LAMBDA"];

/// Returns the series that an expression makes.
///
/// # Errors
/// When it makes none, or its parts do not go together.
pub fn evaluate(expression: &Expression, environment: &Environment) -> Result<Value, MathError> {
    match environment.value(expression)? {
        Value::Scalar(_) => Err(MathError::new("The result must be a time series or an array of time series")),
        value => Ok(value),
    }
}

/// Returns the search of the arguments of `SEARCH`.
pub(super) fn search_of(arguments: &[Expression]) -> Result<Search, MathError> {
    let (text, statistic, period) = match arguments {
        [Expression::Text(text), Expression::Text(statistic)] => (text, statistic, None),
        [Expression::Text(text), Expression::Text(statistic), Expression::Number(period)] => {
            (text, statistic, Some(*period as i64))
        }
        _ => return Err(MathError::new("SEARCH takes a search expression, a statistic and a period")),
    };
    Ok(Search { text: text.clone(), statistic: statistic.clone(), period })
}

impl Environment {
    fn value(&self, expression: &Expression) -> Result<Value, MathError> {
        match expression {
            Expression::Number(number) => Ok(Value::Scalar(*number)),
            Expression::Text(text) => Err(MathError::new(format!("Unexpected '{text}'"))),
            Expression::Name(name) => self
                .named
                .get(name)
                .map(|named| named.value.clone())
                .ok_or_else(|| MathError::new(format!("Undeclared variable '{name}'"))),
            Expression::Minus(of) => match self.value(of)? {
                Value::Scalar(number) => Ok(Value::Scalar(-number)),
                value => value.each("-", |series| series.map(|value| -value)),
            },
            Expression::Binary(..) => self.chain(expression),
            Expression::Array(items) => {
                let mut all = Vec::new();
                for item in items {
                    all.extend(self.value(item)?.into_array("[]")?);
                }
                Ok(Value::Array(all))
            }
            Expression::Call(name, arguments) => self.call(name, arguments),
        }
    }

    /// `a + b + c ...` is as deep as it is long: it is walked, not descended into.
    fn chain(&self, expression: &Expression) -> Result<Value, MathError> {
        let (mut first, mut rest) = (expression, Vec::new());
        while let Expression::Binary(operator, left, right) = first {
            rest.push((*operator, right));
            first = left;
        }
        let first = self.value(first)?;
        rest.into_iter()
            .rev()
            .try_fold(first, |left, (operator, right)| operators::apply(operator, left, self.value(right)?))
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Value, MathError> {
        let wrong = || MathError::new(format!("Wrong arguments for {name}"));
        if let Some(change) = functions::of_one(name) {
            let [of] = arguments else { return Err(wrong()) };
            return self.value(of)?.each(name, |series| change(&series));
        }
        if let Some(reduce) = functions::of_many(name) {
            let [of] = arguments else { return Err(wrong()) };
            return functions::reduce(reduce, name, self.value(of)?);
        }
        match (name, arguments) {
            ("METRICS", []) => Ok(Value::Array(self.metrics_with(""))),
            ("METRICS", [Expression::Text(part)]) => Ok(Value::Array(self.metrics_with(part))),
            ("SEARCH", _) => {
                let search = search_of(arguments)?;
                Ok(Value::Array(self.found.get(&search).cloned().unwrap_or_default()))
            }
            ("PERIOD", [Expression::Name(id)]) => match self.named.get(id) {
                Some(Named { value: Value::Series(series), is_metric: true }) => {
                    Ok(Value::Scalar(series.grid.period as f64))
                }
                _ => Err(wrong()),
            },
            ("FILL", [of, filler]) => {
                let (value, filler) = (self.value(of)?, self.filler(filler)?);
                value.each(name, |series| functions::fill(&series, &filler))
            }
            ("IF", [condition, yes]) => operators::choose(self.value(condition)?, self.value(yes)?, None),
            ("IF", [condition, yes, no]) => {
                operators::choose(self.value(condition)?, self.value(yes)?, Some(self.value(no)?))
            }
            ("TIME_SERIES", [of]) => {
                let number = self.value(of)?.into_scalar(name)?;
                let empty = self.empty()?;
                Ok(Value::Series(empty.with(empty.grid.starts().map(|at| (at, number)))))
            }
            ("FIRST", [of]) => self.one_of(self.value(of)?.into_array(name)?.into_iter().next()),
            ("LAST", [of]) => self.one_of(self.value(of)?.into_array(name)?.pop()),
            ("METRIC_COUNT", [of]) => Ok(Value::Scalar(self.value(of)?.into_array(name)?.len() as f64)),
            ("REMOVE_EMPTY", [of]) => {
                let all = self.value(of)?.into_array(name)?;
                Ok(Value::Array(all.into_iter().filter(|series| !series.points.is_empty()).collect()))
            }
            ("SLICE", [of, bounds @ ..]) if matches!(bounds.len(), 1 | 2) => {
                let all = self.value(of)?.into_array(name)?;
                let bound = |at: usize| bounds.get(at).map(|bound| self.value(bound)?.into_scalar(name)).transpose();
                let (from, to) = (bound(0)?.unwrap_or(0.0) as usize, bound(1)?.map_or(all.len(), |to| to as usize));
                Ok(Value::Array(all.into_iter().take(to).skip(from).collect()))
            }
            ("SORT", [of, Expression::Name(by), Expression::Name(order), limit @ ..]) if limit.len() <= 1 => {
                let mut all = self.value(of)?.into_array(name)?;
                let by = functions::of_many(by).filter(|_| matches!(by.as_str(), "AVG" | "MIN" | "MAX" | "SUM"));
                let is_rising = match order.as_str() {
                    "ASC" => true,
                    "DESC" => false,
                    _ => return Err(wrong()),
                };
                functions::sort(&mut all, by.ok_or_else(wrong)?, is_rising);
                if let [limit] = limit {
                    all.truncate(self.value(limit)?.into_scalar(name)? as usize);
                }
                Ok(Value::Array(all))
            }
            (_, [of]) if calendar::of(name, 0).is_some() => {
                let Value::Series(series) = self.value(of)? else { return Err(wrong()) };
                let points = series.grid.starts().filter_map(|at| Some((at, calendar::of(name, at)?)));
                Ok(Value::Series(series.with(points)))
            }
            _ if REFUSED.contains(&name) => {
                Err(MathError::new(format!("{name} is not supported by managr's platform")))
            }
            _ if is_known(name) => Err(wrong()),
            _ => Err(MathError::new(format!("Unknown function '{name}'"))),
        }
    }

    fn filler(&self, expression: &Expression) -> Result<Filler, MathError> {
        match expression {
            Expression::Name(name) if name == "REPEAT" => Ok(Filler::Repeat),
            Expression::Name(name) if name == "LINEAR" => Ok(Filler::Linear),
            other => match self.value(other)? {
                Value::Scalar(number) => Ok(Filler::Number(number)),
                Value::Series(series) => Ok(Filler::Series(series)),
                Value::Array(_) => Err(MathError::new("Unsupported operand type(s) for FILL: 'TimeSeriesArray'")),
            },
        }
    }

    /// The metrics of the request whose id has a text in it.
    fn metrics_with(&self, part: &str) -> Vec<Series> {
        let named = self.metrics.iter().filter(|id| id.contains(part)).filter_map(|id| self.named.get(id));
        let series = |named: &Named| match &named.value {
            Value::Series(series) => Some(series.clone()),
            _ => None,
        };
        named.filter_map(series).collect()
    }

    fn one_of(&self, series: Option<Series>) -> Result<Value, MathError> {
        series.map_or_else(|| self.empty(), Ok).map(Value::Series)
    }

    fn empty(&self) -> Result<Series, MathError> {
        let grid = self.grid.ok_or_else(|| MathError::new("A period is needed"))?;
        Ok(Series { label: String::new(), grid, points: Default::default(), origin: None })
    }
}

fn is_known(name: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "METRICS",
        "SEARCH",
        "PERIOD",
        "FILL",
        "IF",
        "TIME_SERIES",
        "FIRST",
        "LAST",
        "METRIC_COUNT",
        "REMOVE_EMPTY",
        "SLICE",
        "SORT",
    ];
    OTHERS.contains(&name) || calendar::of(name, 0).is_some()
}
