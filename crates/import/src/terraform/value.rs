//! What is a value of Terraform's language, and which parts of it must not be shown or are unknown?
//!
//! A text is a row of pieces: what is known, what is sensitive, and what only AWS can tell. So a password inside
//! of a rendered template is still a password, and a template with one unknown address is otherwise known.
//! Nothing here prints a sensitive piece: [`fmt::Debug`] hides it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Number;

/// A value of Terraform's language. A sensitive or unknown scalar is a [`Text`] of one such piece.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

/// A text, piece by piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text(pub(super) Vec<Piece>);

/// A piece of a text.
#[derive(Clone, PartialEq)]
pub(super) enum Piece {
    Plain(String),
    /// A sensitive value: where it comes from, such as `var.db_password`, and what it is.
    Secret {
        of: String,
        text: String,
    },
    /// What is unknown: its address, such as `aws_db_instance.main.address`.
    Unknown(String),
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "{text:?}"),
            Self::Secret { of, .. } => write!(f, "<secret {of}>"),
            Self::Unknown(what) => write!(f, "<unknown {what}>"),
        }
    }
}

impl Text {
    /// Returns a text that can be shown.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self(vec![Piece::Plain(text.into())])
    }

    /// Puts another text behind; neighbouring plain pieces become one.
    pub(super) fn append(&mut self, other: Self) {
        for piece in other.0 {
            match (self.0.last_mut(), piece) {
                (_, Piece::Plain(text)) if text.is_empty() => {}
                (Some(Piece::Plain(before)), Piece::Plain(text)) => before.push_str(&text),
                (_, piece) => self.0.push(piece),
            }
        }
    }

    /// Puts plain text behind.
    pub(super) fn push(&mut self, text: &str) {
        self.append(Self::plain(text));
    }

    /// Returns the text, if all of it can be shown.
    pub(super) fn shown(&self) -> Option<String> {
        self.0.iter().map(|piece| if let Piece::Plain(text) = piece { Some(text.as_str()) } else { None }).collect()
    }

    /// Returns the text with what is sensitive in it, for decisions; nothing if a part is unknown.
    pub(super) fn known(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) | Piece::Secret { text, .. } => Some(text.as_str()),
                Piece::Unknown(_) => None,
            })
            .collect()
    }

    /// Returns where its sensitive pieces come from.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Secret { of, .. } = piece { Some(of.as_str()) } else { None })
    }

    /// Returns what is not known of it.
    pub(super) fn unknowns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Unknown(what) = piece { Some(what.as_str()) } else { None })
    }

    /// Returns it with every known piece changed; what was sensitive stays so.
    pub(super) fn map(self, change: impl Fn(&str) -> String) -> Self {
        let mut changed = Self::default();
        for piece in self.0 {
            changed.append(Self(vec![match piece {
                Piece::Plain(text) => Piece::Plain(change(&text)),
                Piece::Secret { of, text } => Piece::Secret { of, text: change(&text) },
                Piece::Unknown(what) => Piece::Unknown(what),
            }]));
        }
        changed
    }
}

/// Returns a number as Terraform writes it: never with an exponent.
pub(super) fn digits(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(number) => number.to_string(),
        None => number.to_string(),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Text::plain(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Text::plain(text))
    }
}

impl Value {
    /// Returns an unknown value.
    pub(super) fn unknown(what: impl Into<String>) -> Self {
        Self::Text(Text(vec![Piece::Unknown(what.into())]))
    }

    /// Returns a number, an integer where it is one.
    pub(super) fn number(number: f64) -> Self {
        if number.fract() == 0.0 && number.abs() < 9e15 {
            return Self::Number(Number::from(number as i64));
        }
        Number::from_f64(number).map_or(Self::Null, Self::Number)
    }

    /// Returns the first unknown thing in it, if it is an unknown scalar.
    pub(super) fn is_unknown(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.unknowns().next(),
            _ => None,
        }
    }

    /// Returns the first unknown thing anywhere in it.
    pub(super) fn any_unknown(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.unknowns().next(),
            Self::List(values) => values.iter().find_map(Self::any_unknown),
            Self::Map(values) => values.values().find_map(Self::any_unknown),
            _ => None,
        }
    }

    /// Returns where the first sensitive piece anywhere in it comes from.
    pub(super) fn any_secret(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.secrets().next(),
            Self::List(values) => values.iter().find_map(Self::any_secret),
            Self::Map(values) => values.values().find_map(Self::any_secret),
            _ => None,
        }
    }

    /// Returns it with every scalar in it marked as sensitive.
    pub(super) fn hidden(self, of: &str) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => match self.as_text() {
                Some(text) => Self::Text(Text(
                    text.0
                        .into_iter()
                        .map(|piece| match piece {
                            Piece::Plain(text) => Piece::Secret { of: of.to_owned(), text },
                            other => other,
                        })
                        .collect(),
                )),
                None => Self::Null,
            },
            Self::List(values) => Self::List(values.into_iter().map(|value| value.hidden(of)).collect()),
            Self::Map(values) => Self::Map(values.into_iter().map(|(key, value)| (key, value.hidden(of))).collect()),
        }
    }

    /// Returns a scalar as text, as Terraform converts it.
    pub(super) fn as_text(&self) -> Option<Text> {
        match self {
            Self::Bool(value) => Some(Text::plain(value.to_string())),
            Self::Number(value) => Some(Text::plain(digits(value))),
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Returns a scalar as text, if all of it can be shown.
    pub(super) fn shown(&self) -> Option<String> {
        self.as_text()?.shown()
    }

    /// Returns a number, or a text that is one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            // `inf` and `nan` are numbers of Rust alone.
            Self::Text(text) => {
                let text = text.known()?;
                text.starts_with(|c: char| c.is_ascii_digit() || "-.".contains(c))
                    .then(|| text.parse().ok())?
                    .filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// Returns a truth, or a text that is one.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => match text.known()?.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns a word for its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Returns whether two values are equal, or what it depends on. A number equals the text that it converts to.
    pub(super) fn equals(&self, other: &Self) -> Result<bool, String> {
        if let Some(unknown) = self.any_unknown().or_else(|| other.any_unknown()) {
            return Err(unknown.to_owned());
        }
        Ok(match (self, other) {
            (Self::Text(left), Self::Text(right)) => left.known() == right.known(),
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l.equals(r) == Ok(true))
            }
            (Self::Map(left), Self::Map(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|((lk, l), (rk, r))| lk == rk && l.equals(r) == Ok(true))
            }
            // A sensitive number or bool is a text here.
            (Self::Text(text), scalar @ (Self::Bool(_) | Self::Number(_)))
            | (scalar @ (Self::Bool(_) | Self::Number(_)), Self::Text(text)) => {
                text.secrets().next().is_some() && text.known() == scalar.shown()
            }
            (Self::Number(left), Self::Number(right)) => left.as_f64() == right.as_f64(),
            (left, right) => left == right,
        })
    }
}
