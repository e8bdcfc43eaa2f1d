//! Reads expressions of queries, by precedence.

use super::ast::{Aggregate, Expr, Named, Operator, Period};
use super::functions::Function;
use super::read::Reader;

type Read<T> = Result<T, String>;

impl Reader<'_> {
    /// Reads conditions joined by `or`, the loosest of all.
    pub(super) fn expression(&mut self) -> Read<Expr> {
        self.expression_with(&mut None)
    }

    /// Reads a column of `stats`: an expression of aggregates.
    pub(super) fn aggregate_column(&mut self, aggregates: &mut Vec<(Aggregate, Vec<Expr>)>) -> Read<Named> {
        self.blank();
        let from = self.at;
        let before = aggregates.len();
        let mut found = Some(std::mem::take(aggregates));
        let expr = self.expression_with(&mut found);
        *aggregates = found.unwrap_or_default();
        let (expr, written) = (expr?, self.text[from..self.at].trim().to_owned());
        if aggregates.len() == before {
            return Err(format!("stats: '{written}' has no aggregate such as count(*)"));
        }
        let name = if self.word("as") { self.name()? } else { written };
        Ok(Named { name, expr })
    }

    fn expression_with(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        self.depth = self.depth.checked_sub(1).ok_or("the query is nested too deep")?;
        let mut all = self.both(found)?;
        while self.word("or") {
            all = binary(Operator::Or, all, self.both(found)?);
        }
        self.depth += 1;
        Ok(all)
    }

    fn both(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let mut all = self.negated(found)?;
        while self.word("and") {
            all = binary(Operator::And, all, self.negated(found)?);
        }
        Ok(all)
    }

    fn negated(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let mut nots = 0;
        while self.word("not") {
            nots += 1;
        }
        let inner = self.compared(found)?;
        Ok(if nots % 2 == 1 { Expr::Not(Box::new(inner)) } else { inner })
    }

    fn compared(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let left = self.sum(found)?;
        if self.eat("=~") {
            return Ok(Expr::Matches(Box::new(left), self.pattern()?));
        }
        for (sign, operator) in [
            ("!=", Operator::Unequal),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::More),
        ] {
            if self.eat(sign) {
                return Ok(binary(operator, left, self.sum(found)?));
            }
        }
        let before = self.at;
        let not = self.word("not");
        let inner = if self.word("like") {
            if self.peek() == Some('/') {
                Expr::Matches(Box::new(left), self.regex()?)
            } else {
                Expr::Contains(Box::new(left), Box::new(self.sum(found)?))
            }
        } else if self.word("in") {
            self.needs("[")?;
            let list = if self.peek() == Some(']') { Vec::new() } else { self.list(Self::primary)? };
            self.needs("]")?;
            Expr::In(Box::new(left), list)
        } else {
            self.at = before;
            return Ok(left);
        };
        Ok(if not { Expr::Not(Box::new(inner)) } else { inner })
    }

    /// What `=~` takes: `/regex/` or one in quotation marks.
    fn pattern(&mut self) -> Read<regex::Regex> {
        if self.peek() == Some('/') { self.regex() } else { super::read::built(&self.string()?) }
    }

    fn sum(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let mut all = self.product(found)?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Plus,
                Some('-') => Operator::Minus,
                _ => return Ok(all),
            };
            self.at += 1;
            all = binary(operator, all, self.product(found)?);
        }
    }

    fn product(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let mut all = self.power(found)?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Times,
                Some('/') => Operator::Over,
                Some('%') => Operator::Modulo,
                _ => return Ok(all),
            };
            self.at += 1;
            all = binary(operator, all, self.power(found)?);
        }
    }

    fn power(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let mut all = self.signed(found)?;
        while self.eat("^") {
            all = binary(Operator::Power, all, self.signed(found)?);
        }
        Ok(all)
    }

    fn signed(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let negative = self.eat("-");
        let inner = self.primary_with(found)?;
        Ok(if negative { Expr::Negative(Box::new(inner)) } else { inner })
    }

    /// Reads a field, a number, a text, a call or what is in parentheses.
    pub(super) fn primary(&mut self) -> Read<Expr> {
        let negative = self.eat("-");
        let inner = self.primary_with(&mut None)?;
        Ok(if negative { Expr::Negative(Box::new(inner)) } else { inner })
    }

    fn primary_with(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let inner = self.expression_with(found)?;
                self.needs(")")?;
                Ok(inner)
            }
            Some('"' | '\'') => self.string().map(Expr::Text),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some('`') => self.name().map(Expr::Field),
            _ => self.field_or_call(found),
        }
    }

    /// Reads a number, or a length of time such as `5m`.
    fn number(&mut self) -> Read<Expr> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let letters = rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len() - digits);
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let expr = match (number.parse::<f64>(), number.parse::<i64>(), unit) {
            (Ok(number), _, "") => Some(Expr::Number(number)),
            (_, Ok(count), unit) => period(count, unit).map(Expr::Period),
            _ => None,
        };
        let expr = expr.ok_or_else(|| self.wrong("a number or a length of time such as 5m"))?;
        self.at += digits + letters;
        Ok(expr)
    }

    fn field_or_call(&mut self, found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>) -> Read<Expr> {
        let from = self.at;
        let name = self.name()?;
        match name.to_ascii_lowercase().as_str() {
            "true" => return Ok(Expr::Number(1.0)),
            "false" => return Ok(Expr::Number(0.0)),
            _ => {}
        }
        if !self.rest().starts_with('(') {
            return Ok(Expr::Field(name));
        }
        self.at += 1;
        if let Some(aggregate) = aggregate(&name) {
            return self.aggregate(from, aggregate, found);
        }
        let (function, least, most) = Function::named(&name).ok_or_else(|| format!("there is no function {name}"))?;
        let mut arguments = if self.peek() == Some(')') { Vec::new() } else { self.list(Self::expression)? };
        self.needs(")")?;
        if arguments.len() < least || arguments.len() > most {
            return Err(format!("{name} takes {least} to {most} arguments and is given {}", arguments.len()));
        }
        if function == Function::Bin {
            arguments.push(Expr::Field("@timestamp".to_owned()));
        }
        let periods = arguments.iter().filter(|argument| matches!(argument, Expr::Period(_))).count();
        let takes_one = matches!(function, Function::Bin | Function::Datefloor | Function::Dateceil);
        if periods != usize::from(takes_one) {
            return Err(format!("{name} takes {} length of time such as 5m", if takes_one { "one" } else { "no" }));
        }
        Ok(Expr::Call(function, arguments, self.text[from..self.at].to_owned()))
    }

    /// Reads an aggregate's arguments. Outside `stats` an aggregate is the name of a column that `stats` made.
    fn aggregate(
        &mut self,
        from: usize,
        aggregate: Aggregate,
        found: &mut Option<Vec<(Aggregate, Vec<Expr>)>>,
    ) -> Read<Expr> {
        let name = self.text[from..self.at - 1].to_owned();
        let mut arguments = match self.peek() {
            Some(')') => Vec::new(),
            Some('*') => {
                self.at += 1;
                Vec::new()
            }
            _ => self.list(Self::expression)?,
        };
        self.needs(")")?;
        let takes = match aggregate {
            Aggregate::Count => arguments.len() <= 1,
            Aggregate::Pct(_) => arguments.len() == 2,
            _ => arguments.len() == 1,
        };
        if !takes {
            return Err(format!("{name} does not take {} arguments", arguments.len()));
        }
        let aggregate = match (aggregate, arguments.get(1)) {
            (Aggregate::Pct(_), Some(Expr::Number(percent))) if (0.0..=100.0).contains(percent) => {
                Aggregate::Pct(*percent)
            }
            (Aggregate::Pct(_), _) => return Err("pct takes a percentage between 0 and 100".to_owned()),
            (aggregate, _) => aggregate,
        };
        arguments.truncate(1);
        match found {
            Some(found) => {
                found.push((aggregate, arguments));
                Ok(Expr::Aggregate(found.len() - 1))
            }
            None => Ok(Expr::Column(self.text[from..self.at].to_owned())),
        }
    }
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name.to_ascii_lowercase().as_str() {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "stddev" => Aggregate::Stddev,
        "count_distinct" => Aggregate::CountDistinct,
        "pct" | "percentile" => Aggregate::Pct(0.0),
        "earliest" => Aggregate::Earliest,
        "latest" => Aggregate::Latest,
        "sortsfirst" => Aggregate::SortsFirst,
        "sortslast" => Aggregate::SortsLast,
        _ => return None,
    })
}

/// The units and their short forms: user guide, `stats`.
fn period(count: i64, unit: &str) -> Option<Period> {
    let plural = |name: &str| unit.strip_suffix('s').filter(|one| one.len() > 1).is_some_and(|one| one == name);
    let is = |names: &[&str]| names.iter().any(|name| unit == *name || plural(name));
    let millis = |length: i64| count.checked_mul(length).map(Period::Millis);
    let months = |length: i64| count.checked_mul(length).filter(|months| *months < 12_000).map(Period::Months);
    if count == 0 {
        None
    } else if is(&["millisecond", "ms", "msec"]) {
        millis(1)
    } else if is(&["second", "s", "sec"]) {
        millis(1000)
    } else if is(&["minute", "m", "min"]) {
        millis(60_000)
    } else if is(&["hour", "h", "hr"]) {
        millis(3_600_000)
    } else if is(&["day", "d"]) {
        millis(86_400_000)
    } else if is(&["week", "w"]) {
        millis(7 * 86_400_000)
    } else if is(&["month", "mo", "mon"]) {
        months(1)
    } else if is(&["quarter", "q", "qtr"]) {
        months(3)
    } else if is(&["year", "y", "yr"]) {
        months(12)
    } else {
        None
    }
}
