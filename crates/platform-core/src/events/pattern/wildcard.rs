//! Texts with `*` in them: any characters, or none. `\*` is an asterisk, `\\` a backslash.

/// A form that a text may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// What stands between the asterisks, in order; one more than there are asterisks.
    pieces: Vec<String>,
}

impl Wildcard {
    /// Reads a form; the refusals are Event Ruler's (`WildcardParser`).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![String::new()];
        let mut before_was_wild = false;
        let mut letters = text.chars().enumerate();
        while let Some((at, letter)) = letters.next() {
            let is_wild = letter == '*';
            if is_wild && before_was_wild {
                return Err(format!("Consecutive wildcard characters at pos {at}"));
            }
            let piece = pieces.last_mut().expect("it began with one");
            match letter {
                '*' => pieces.push(String::new()),
                '\\' => match letters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => piece.push(escaped),
                    _ => return Err(format!("Invalid escape character at pos {at}")),
                },
                _ => piece.push(letter),
            }
            before_was_wild = is_wild;
        }
        Ok(Self { pieces })
    }

    /// Whether a text has the form. Each piece is taken where it first comes, which leaves most to the others.
    pub(super) fn takes(&self, text: &str) -> bool {
        let (first, rest) = self.pieces.split_first().expect("there is one at least");
        let Some((last, between)) = rest.split_last() else { return text == first };
        let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            match text.find(piece.as_str()) {
                Some(at) => text = &text[at + piece.len()..],
                None => return false,
            }
        }
        text.ends_with(last.as_str())
    }
}
