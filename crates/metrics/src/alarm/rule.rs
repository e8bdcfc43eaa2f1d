//! Which state other alarms make of a composite one: `ALARM(a) AND NOT (OK("b") OR TRUE)`.

use super::{State, name_of};

/// Alarms of a rule (API reference, PutCompositeAlarm).
const MOST: usize = 100;
/// How deep brackets may go.
const DEEPEST: usize = 60;

/// A rule that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `TRUE`, `FALSE`.
    Truth(bool),
    /// An alarm, by name or ARN, is in a state.
    Is(State, String),
    /// `NOT`.
    Not(Box<Rule>),
    /// `AND`.
    All(Vec<Rule>),
    /// `OR`.
    Any(Vec<Rule>),
    /// `AT_LEAST(2, ALARM, (a, b, c))`, `AT_LEAST(50%, NOT OK, (a, b))` (aws-cdk #37692).
    AtLeast {
        /// How many, or how many of a hundred.
        count: Count,
        /// In which state.
        state: State,
        /// Whether they must not be in it.
        is_not: bool,
        /// Which alarms.
        alarms: Vec<String>,
    },
}

/// How many alarms are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Of(usize),
    /// So many of a hundred.
    Percent(usize),
}

/// The text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Error in AlarmRule [{0}]")]
pub struct RuleError(String);

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// When it is none, in CloudWatch's words (aws-cdk #13953, #34662).
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
        let rule = reader.any()?;
        if reader.at < reader.tokens.len() {
            return Err(reader.unsupported(None));
        }
        if rule.alarms().len() > MOST {
            return Err(RuleError(format!("A rule may have at most {MOST} alarms")));
        }
        Ok(rule)
    }

    /// Whether it holds; `state` says how an alarm stands, by name, if there is one.
    pub fn holds(&self, state: &impl Fn(&str) -> Option<State>) -> bool {
        match self {
            Self::Truth(truth) => *truth,
            Self::Is(expected, alarm) => state(name_of(alarm)) == Some(*expected),
            Self::Not(rule) => !rule.holds(state),
            Self::All(rules) => rules.iter().all(|rule| rule.holds(state)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(state)),
            Self::AtLeast { count, state: expected, is_not, alarms } => {
                let is_so = |alarm: &&String| (state(name_of(alarm)) == Some(*expected)) != *is_not;
                let found = alarms.iter().filter(is_so).count();
                match count {
                    Count::Of(count) => found >= *count,
                    Count::Percent(percent) => found * 100 >= *percent * alarms.len(),
                }
            }
        }
    }

    /// Returns the names of its alarms, each once.
    pub fn alarms(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect<'r>(&'r self, found: &mut Vec<&'r str>) {
        match self {
            Self::Truth(_) => {}
            Self::Is(_, alarm) => found.push(name_of(alarm)),
            Self::Not(rule) => rule.collect(found),
            Self::All(rules) | Self::Any(rules) => rules.iter().for_each(|rule| rule.collect(found)),
            Self::AtLeast { alarms, .. } => found.extend(alarms.iter().map(|alarm| name_of(alarm))),
        }
    }
}

/// A word, where it begins, and whether it stood in quotes.
type Token = (String, usize, bool);

fn tokens(text: &str) -> Result<Vec<Token>, RuleError> {
    let mut found = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter.is_whitespace() => {}
            '(' | ')' | ',' => found.push((letter.to_string(), at, false)),
            '"' => {
                let (mut word, mut is_closed) = (String::new(), false);
                while let Some((_, letter)) = letters.next() {
                    match letter {
                        '"' => {
                            is_closed = true;
                            break;
                        }
                        '\\' => word.extend(letters.next().map(|(_, escaped)| escaped)),
                        letter => word.push(letter),
                    }
                }
                if !is_closed {
                    return Err(RuleError(format!("Unsupported token '\"' at char {at}")));
                }
                found.push((word, at, true));
            }
            letter => {
                let mut word = String::from(letter);
                while let Some((_, letter)) = letters.next_if(|(_, c)| !c.is_whitespace() && !"(),\"".contains(*c)) {
                    word.push(letter);
                }
                found.push((word, at, false));
            }
        }
    }
    Ok(found)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn is(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|(token, _, is_quoted)| token == word && !is_quoted)
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.is(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn must(&mut self, word: &str) -> Result<(), RuleError> {
        if self.take(word) { Ok(()) } else { Err(self.unsupported(Some(word))) }
    }

    fn unsupported(&self, must: Option<&str>) -> RuleError {
        let must = must.map_or_else(String::new, |must| format!(", must be: '{must}'"));
        RuleError(match self.tokens.get(self.at) {
            Some((token, at, _)) => format!("Unsupported token '{token}' at char {at}{must}"),
            None => format!("Unexpected end of the rule{must}"),
        })
    }

    fn any(&mut self) -> Result<Rule, RuleError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(RuleError("The rule is too deeply nested".into()));
        }
        let mut rules = vec![self.all()?];
        while self.take("OR") {
            rules.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if rules.len() == 1 { rules.remove(0) } else { Rule::Any(rules) })
    }

    fn all(&mut self) -> Result<Rule, RuleError> {
        let mut rules = vec![self.one()?];
        while self.take("AND") {
            rules.push(self.one()?);
        }
        Ok(if rules.len() == 1 { rules.remove(0) } else { Rule::All(rules) })
    }

    fn one(&mut self) -> Result<Rule, RuleError> {
        let mut is_not = false;
        while self.take("NOT") {
            is_not = !is_not;
        }
        let rule = if self.take("(") {
            let rule = self.any()?;
            self.must(")")?;
            rule
        } else if self.take("TRUE") || self.take("true") {
            Rule::Truth(true)
        } else if self.take("FALSE") || self.take("false") {
            Rule::Truth(false)
        } else if self.take("AT_LEAST") {
            self.at_least()?
        } else {
            let state = self.state()?;
            self.must("(")?;
            let alarm = self.alarm()?;
            self.must(")")?;
            Rule::Is(state, alarm)
        };
        Ok(if is_not { Rule::Not(Box::new(rule)) } else { rule })
    }

    fn at_least(&mut self) -> Result<Rule, RuleError> {
        self.must("(")?;
        let word = self.tokens.get(self.at).map(|(word, ..)| word.clone()).unwrap_or_default();
        let count = match word.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Count::Percent),
            None => word.parse().ok().filter(|count| *count > 0).map(Count::Of),
        };
        let count = count.ok_or_else(|| self.unsupported(None))?;
        self.at += 1;
        self.must(",")?;
        let is_not = self.take("NOT");
        let state = self.state()?;
        self.must(",")?;
        self.must("(")?;
        let mut alarms = vec![self.alarm()?];
        while self.take(",") {
            alarms.push(self.alarm()?);
        }
        self.must(")")?;
        self.must(")")?;
        Ok(Rule::AtLeast { count, state, is_not, alarms })
    }

    fn state(&mut self) -> Result<State, RuleError> {
        let states = [State::Ok, State::Alarm, State::InsufficientData];
        let found = states.into_iter().find(|state| self.is(state.word())).ok_or_else(|| self.unsupported(None))?;
        self.at += 1;
        Ok(found)
    }

    fn alarm(&mut self) -> Result<String, RuleError> {
        match self.tokens.get(self.at) {
            Some((word, _, is_quoted)) if *is_quoted || !matches!(word.as_str(), "(" | ")" | ",") => {
                self.at += 1;
                Ok(self.tokens[self.at - 1].0.clone())
            }
            _ => Err(self.unsupported(None)),
        }
    }
}
