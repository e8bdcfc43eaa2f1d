//! Places between events, as clients carry them: `f/` and fifty-six digits reads on after the
//! place, `b/` reads back before it. The same place is always the same token.

use aws_model::Millis;

/// An event's place in its order: time, then arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventPosition {
    pub(crate) at: Millis,
    pub(crate) id: i64,
}

impl EventPosition {
    pub(crate) const START: Self = Self { at: 0, id: 0 };

    /// Returns the event's identifier, unique and the same whenever it is read.
    pub(crate) fn event_id(self) -> String {
        format!("{:020}{:036}", self.at.max(0), self.id.max(0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Forward(EventPosition),
    Backward(EventPosition),
}

impl Token {
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (direction, digits) = token.split_once('/')?;
        if digits.len() != 56 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let place = EventPosition { at: digits[..20].parse().ok()?, id: digits[20..].parse().ok()? };
        match direction {
            "f" => Some(Self::Forward(place)),
            "b" => Some(Self::Backward(place)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forward(place) => write!(f, "f/{}", place.event_id()),
            Self::Backward(place) => write!(f, "b/{}", place.event_id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_as_it_was_written_and_nothing_else_is_one() {
        for token in
            [Token::Forward(EventPosition { at: 1_700_000_000_123, id: 42 }), Token::Backward(EventPosition::START)]
        {
            assert_eq!(Token::parse(&token.to_string()), Some(token));
        }
        for bad in [
            "",
            "f/",
            "f/12",
            "x/00000000000000000000000000000000000000000000000000000000",
            "f/-0000000000000000000000000000000000000000000000000000000",
        ] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
    }
}
