//! The words of an expression.

use super::MathError;
use super::ast::Operator;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Operator(Operator),
    /// One of `()[],`.
    Mark(char),
}

impl Token {
    pub(super) fn word(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("'{text}'"),
            Self::Name(name) => name.clone(),
            Self::Operator(operator) => operator.word().to_owned(),
            Self::Mark(mark) => mark.to_string(),
        }
    }
}

pub(super) fn lex(text: &str) -> Result<Vec<Token>, MathError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' | ')' | '[' | ']' | ',' => (Token::Mark(first), &rest[1..]),
            '\'' | '"' => text_of(rest, first)?,
            '0'..='9' | '.' => number(rest)?,
            _ if first.is_ascii_alphabetic() || first == '_' => name(rest),
            _ => operator(rest).ok_or_else(|| MathError::new(format!("Unexpected '{first}'")))?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn text_of(rest: &str, quote: char) -> Result<(Token, &str), MathError> {
    let inner = &rest[1..];
    let end = inner.find(quote).ok_or_else(|| MathError::new("A text is not closed"))?;
    Ok((Token::Text(inner[..end].to_owned()), &inner[end + 1..]))
}

fn number(rest: &str) -> Result<(Token, &str), MathError> {
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let value = rest[..end].parse().map_err(|_| MathError::new(format!("Unexpected '{}'", &rest[..end])))?;
    Ok((Token::Number(value), &rest[end..]))
}

fn name(rest: &str) -> (Token, &str) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let token = match &rest[..end] {
        "AND" => Token::Operator(Operator::And),
        "OR" => Token::Operator(Operator::Or),
        name => Token::Name(name.to_owned()),
    };
    (token, &rest[end..])
}

fn operator(rest: &str) -> Option<(Token, &str)> {
    const WORDS: [(&str, Operator); 13] = [
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("&&", Operator::And),
        ("||", Operator::Or),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("+", Operator::Add),
        ("-", Operator::Subtract),
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("^", Operator::Power),
    ];
    let found = WORDS.into_iter().find_map(|(word, operator)| Some((operator, rest.strip_prefix(word)?)));
    found.map(|(operator, after)| (Token::Operator(operator), after))
}
