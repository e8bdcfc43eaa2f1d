//! What `SEARCH` finds (user guide, "CloudWatch search expression syntax").

use super::MathError;
use crate::name::Metric;

/// How deep brackets may go.
const DEEPEST: usize = 40;
/// "The maximum search expression query size is 1024 characters".
const LONGEST: usize = 1024;

/// A search that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    schema: Option<Schema>,
    term: Option<Term>,
}

#[derive(Debug, Clone, PartialEq)]
struct Schema {
    namespace: String,
    dimensions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    /// A word, of a property or of any.
    Word(Option<String>, Word),
}

#[derive(Debug, Clone, PartialEq)]
struct Word {
    text: String,
    is_exact: bool,
}

impl Searched {
    /// Reads what stands in the first quotes of `SEARCH`.
    ///
    /// # Errors
    /// When it is no search.
    pub fn parse(text: &str) -> Result<Self, MathError> {
        if text.len() > LONGEST {
            return Err(MathError::new(format!("A search expression has at most {LONGEST} characters")));
        }
        let rest = text.trim();
        let (schema, rest) = match rest.strip_prefix('{') {
            Some(inner) => {
                let (inner, rest) =
                    inner.split_once('}').ok_or_else(|| MathError::new("'}' is missing in a search"))?;
                (Some(schema(inner)?), rest.trim_start().trim_start_matches(','))
            }
            None => (None, rest),
        };
        let mut reader = Reader { tokens: words(rest)?, at: 0, depth: 0 };
        let term = if reader.tokens.is_empty() { None } else { Some(reader.any(None)?) };
        if reader.at < reader.tokens.len() {
            return Err(MathError::new("a search has a ')' too many"));
        }
        if schema.is_none() && term.is_none() {
            return Err(MathError::new("A search must have a schema, a term or both"));
        }
        Ok(Self { schema, term })
    }

    /// Whether a metric is found; `account` is whose it is.
    pub fn finds(&self, metric: &Metric, account: &str) -> bool {
        let is_of = |schema: &Schema| {
            let mut names: Vec<&str> = metric.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
            names.sort_unstable();
            // A schema with dimensions is of the metrics that have just these; one without is the whole namespace.
            schema.namespace == metric.namespace
                && (schema.dimensions.is_empty() || schema.dimensions.iter().eq(names.iter()))
        };
        self.schema.as_ref().is_none_or(is_of) && self.term.as_ref().is_none_or(|term| term.finds(metric, account))
    }
}

impl Term {
    fn finds(&self, metric: &Metric, account: &str) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.finds(metric, account)),
            Self::Any(terms) => terms.iter().any(|term| term.finds(metric, account)),
            Self::Not(term) => !term.finds(metric, account),
            Self::Word(None, word) => {
                let dimensions = metric.dimensions.iter();
                let parts = dimensions.flat_map(|dimension| [dimension.name.as_str(), dimension.value.as_str()]);
                parts.chain([metric.name.as_str(), metric.namespace.as_str()]).any(|text| word.is_in(text))
            }
            Self::Word(Some(property), word) => match property.as_str() {
                "MetricName" => word.is_in(&metric.name),
                "Namespace" => word.is_in(&metric.namespace),
                ":aws.AccountId" => word.text == account || word.text == "LOCAL",
                name => metric.dimension(name).is_some_and(|value| word.is_in(value)),
            },
        }
    }
}

impl Word {
    fn is_in(&self, text: &str) -> bool {
        if self.is_exact {
            return self.text == text;
        }
        let whole = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if whole(&self.text) == whole(text) {
            return true;
        }
        let (ours, theirs) = (tokens(&self.text), tokens(text));
        // Several tokens of one word are compared as they are written, those of several words are not.
        let has_marks = self.text.contains(|c: char| !c.is_ascii_alphanumeric());
        let is_same = |(left, right): (&&str, &&str)| match ours.len() > 1 && !has_marks {
            true => left == right,
            false => left.eq_ignore_ascii_case(right),
        };
        !ours.is_empty() && theirs.windows(ours.len()).any(|some| some.iter().zip(&ours).all(is_same))
    }
}

/// Cuts a name where its case changes, where digits begin, and at everything else: `SDBFailure` is `SDB`, `Failure`.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let bytes = word.as_bytes();
        let mut start = 0;
        for at in 1..bytes.len() {
            let (before, here) = (bytes[at - 1], bytes[at]);
            let after = bytes.get(at + 1);
            let begins = here.is_ascii_digit() != before.is_ascii_digit()
                || (here.is_ascii_uppercase() && before.is_ascii_lowercase())
                || (here.is_ascii_uppercase()
                    && before.is_ascii_uppercase()
                    && after.is_some_and(u8::is_ascii_lowercase));
            if begins {
                found.push(&word[start..at]);
                start = at;
            }
        }
        found.push(&word[start..]);
    }
    found
}

fn schema(inner: &str) -> Result<Schema, MathError> {
    // Between names stands a comma; the user guide has an example with a blank.
    let words = words(&inner.replace(',', " "))?;
    let names = words.into_iter().map(|token| match token {
        Token::Word(word) => Ok(word.text),
        _ => Err(MathError::new("a search's schema has names alone")),
    });
    let mut names = names.collect::<Result<Vec<_>, _>>()?.into_iter();
    let namespace = names.next().ok_or_else(|| MathError::new("a search's schema has no namespace"))?;
    let mut dimensions: Vec<String> = names.collect();
    dimensions.sort_unstable();
    Ok(Schema { namespace, dimensions })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(Word),
    Open,
    Close,
    Is,
}

fn words(text: &str) -> Result<Vec<Token>, MathError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '(' | ')' | '=' | ',' => {
                found.extend(match first {
                    '(' => Some(Token::Open),
                    ')' => Some(Token::Close),
                    '=' => Some(Token::Is),
                    _ => None,
                });
                &rest[1..]
            }
            '"' | '\'' => {
                let (mut inner, mut end) = (String::new(), None);
                let mut letters = rest.char_indices().skip(1);
                while let Some((at, letter)) = letters.next() {
                    match letter {
                        '\\' => inner.extend(letters.next().map(|(_, escaped)| escaped)),
                        letter if letter == first => {
                            end = Some(at);
                            break;
                        }
                        letter => inner.push(letter),
                    }
                }
                let end = end.ok_or_else(|| MathError::new("a search has a quote that is not closed"))?;
                found.push(Token::Word(Word { text: inner, is_exact: true }));
                &rest[end + 1..]
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()=,\"".contains(c)).unwrap_or(rest.len());
                found.push(Token::Word(Word { text: rest[..end].to_owned(), is_exact: false }));
                &rest[end..]
            }
        }
        .trim_start();
    }
    Ok(found)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn is_word(&self, text: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(word)) if !word.is_exact && word.text == text)
    }

    /// `a OR b`; within the brackets of `Property=(..)` every word is of that property.
    fn any(&mut self, property: Option<&str>) -> Result<Term, MathError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(MathError::new("a search is too deeply nested"));
        }
        let mut terms = vec![self.all(property)?];
        while self.is_word("OR") {
            self.at += 1;
            terms.push(self.all(property)?);
        }
        self.depth -= 1;
        Ok(if terms.len() == 1 { terms.remove(0) } else { Term::Any(terms) })
    }

    /// `a AND b`, `a b`.
    fn all(&mut self, property: Option<&str>) -> Result<Term, MathError> {
        let mut terms = vec![self.one(property)?];
        loop {
            match self.tokens.get(self.at) {
                None | Some(Token::Close) => break,
                _ if self.is_word("OR") => break,
                _ => {
                    self.at += usize::from(self.is_word("AND"));
                    terms.push(self.one(property)?);
                }
            }
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Term::All(terms) })
    }

    fn one(&mut self, property: Option<&str>) -> Result<Term, MathError> {
        let mut not = false;
        while self.is_word("NOT") {
            self.at += 1;
            not = !not;
        }
        let term = match self.tokens.get(self.at).cloned() {
            Some(Token::Open) => self.brackets(property)?,
            Some(Token::Word(word)) => {
                self.at += 1;
                match self.tokens.get(self.at) {
                    Some(Token::Is) if property.is_none() => {
                        self.at += 1;
                        match self.tokens.get(self.at).cloned() {
                            Some(Token::Open) => self.brackets(Some(&word.text))?,
                            Some(Token::Word(value)) => {
                                self.at += 1;
                                Term::Word(Some(word.text), value)
                            }
                            _ => return Err(MathError::new(format!("a search says nothing after '{}='", word.text))),
                        }
                    }
                    _ => Term::Word(property.map(str::to_owned), word),
                }
            }
            _ => return Err(MathError::new("a search is not complete")),
        };
        Ok(if not { Term::Not(Box::new(term)) } else { term })
    }

    fn brackets(&mut self, property: Option<&str>) -> Result<Term, MathError> {
        self.at += 1;
        let term = self.any(property)?;
        if self.tokens.get(self.at) != Some(&Token::Close) {
            return Err(MathError::new("')' is missing in a search"));
        }
        self.at += 1;
        Ok(term)
    }
}
