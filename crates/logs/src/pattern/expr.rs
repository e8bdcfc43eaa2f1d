//! Conditions in filter patterns: `SELECTOR = VALUE`, joined by `&&`, `||` and parentheses.

use regex::Regex;

/// A condition over what selectors of one kind find.
#[derive(Debug)]
pub(super) enum Expr<S> {
    And(Box<Expr<S>>, Box<Expr<S>>),
    Or(Box<Expr<S>>, Box<Expr<S>>),
    Is(S, Test),
}

#[derive(Debug)]
pub(super) enum Test {
    /// `=`; the other way round for `!=`.
    Equals(Operand, bool),
    Orders(Order, f64),
    Null,
    True,
    False,
    Absent,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Debug)]
pub(super) enum Operand {
    Number(f64, String),
    /// With `*` at either end or within.
    Text(String),
    Regex(Regex),
}

/// Walks over a pattern's text.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
}

impl<S> Expr<S> {
    pub(super) fn holds(&self, is: &mut dyn FnMut(&S, &Test) -> bool) -> bool {
        match self {
            Self::And(one, other) => one.holds(is) && other.holds(is),
            Self::Or(one, other) => one.holds(is) || other.holds(is),
            Self::Is(selector, test) => is(selector, test),
        }
    }

    /// Calls for each selector, in the order in which they stand.
    pub(super) fn selectors<'e>(&'e self, found: &mut Vec<&'e S>) {
        match self {
            Self::And(one, other) | Self::Or(one, other) => {
                one.selectors(found);
                other.selectors(found);
            }
            Self::Is(selector, _) => found.push(selector),
        }
    }
}

impl Operand {
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Number(number, written) => text.parse::<f64>().map_or(text == written, |value| value == *number),
            Self::Text(pattern) => wildcard(pattern, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Order {
    pub(super) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    /// Takes a word off the front if it stands there.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.get(..word.len()) {
            Some(front) if front.eq_ignore_ascii_case(word) => {
                self.rest = rest[word.len()..].trim_start();
                true
            }
            _ => false,
        }
    }

    /// Reads conditions joined by `||` and `&&`, which binds closer.
    pub(super) fn expression<S>(
        &mut self,
        selector: &impl Fn(&mut Self) -> Result<S, String>,
    ) -> Result<Expr<S>, String> {
        let mut all = self.both(selector)?;
        while self.eat("||") {
            all = Expr::Or(Box::new(all), Box::new(self.both(selector)?));
        }
        Ok(all)
    }

    fn both<S>(&mut self, selector: &impl Fn(&mut Self) -> Result<S, String>) -> Result<Expr<S>, String> {
        let mut all = self.one(selector)?;
        while self.eat("&&") {
            all = Expr::And(Box::new(all), Box::new(self.one(selector)?));
        }
        Ok(all)
    }

    fn one<S>(&mut self, selector: &impl Fn(&mut Self) -> Result<S, String>) -> Result<Expr<S>, String> {
        if self.eat("(") {
            let inner = self.expression(selector)?;
            return if self.eat(")") { Ok(inner) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let selector = selector(self)?;
        Ok(Expr::Is(selector, self.test()?))
    }

    fn test(&mut self) -> Result<Test, String> {
        for (words, test) in [
            (["NOT", "EXISTS"], Test::Absent),
            (["IS", "NULL"], Test::Null),
            (["IS", "TRUE"], Test::True),
            (["IS", "FALSE"], Test::False),
        ] {
            let before = self.rest;
            if self.eat(words[0]) && self.eat(words[1]) {
                return Ok(test);
            }
            self.rest = before;
        }
        for (sign, order) in [("<=", Order::AtMost), (">=", Order::AtLeast), ("<", Order::Less), (">", Order::More)] {
            if self.eat(sign) {
                return match self.operand()? {
                    Operand::Number(bound, _) => Ok(Test::Orders(order, bound)),
                    _ => Err(format!("'{sign}' compares with a number")),
                };
            }
        }
        if self.eat("!=") {
            return Ok(Test::Equals(self.operand()?, false));
        }
        if self.eat("=") {
            return Ok(Test::Equals(self.operand()?, true));
        }
        Err(format!("an operator is missing at '{}'", self.rest))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.rest.bytes().next() {
            Some(b'"') => self.quoted().map(Operand::Text),
            Some(b'%') => self.regex().map(Operand::Regex),
            _ => {
                let end = self.rest.find(|c: char| c.is_whitespace() || "()&|,]}\"".contains(c));
                let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                if word.is_empty() {
                    return Err(format!("a value is missing at '{}'", self.rest));
                }
                self.rest = rest.trim_start();
                Ok(match word.parse::<f64>() {
                    Ok(number) if number.is_finite() => Operand::Number(number, word.to_owned()),
                    _ => Operand::Text(word.to_owned()),
                })
            }
        }
    }

    /// Takes a text in quotation marks off the front.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        let mut term = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = self.rest[at + 1..].trim_start();
                    return Ok(term);
                }
                '\\' => term.extend(chars.next().map(|(_, escaped)| escaped)),
                c => term.push(c),
            }
        }
        Err("a quotation mark is not closed".to_owned())
    }

    /// Takes `%REGEX%` off the front.
    pub(super) fn regex(&mut self) -> Result<Regex, String> {
        let inner = &self.rest[1..];
        let end = inner.find('%').ok_or("a regular expression ends with '%'")?;
        let regex = Regex::new(&inner[..end]).map_err(|_| format!("'{}' is no regular expression", &inner[..end]))?;
        self.rest = inner[end + 1..].trim_start();
        Ok(regex)
    }
}

/// `*` stands for any run of characters.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
