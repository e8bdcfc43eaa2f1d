//! Which bytes of a session's output are the command's, and which are the wrapper's markers?
//!
//! A marker is an application program command, `ESC _ managr;NONCE;WORD;VALUE ESC \`: a terminal that sees one shows
//! nothing. Bytes come in any cutting; only what may be the beginning of a marker is held back.

/// Longest word and value of a marker, in bytes.
const LONGEST: usize = 32;

/// What a marker ends with.
const TERMINATOR: &[u8] = b"\x1b\\";

/// What was found in the output, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// The command's own bytes.
    Bytes(Vec<u8>),
    /// The wrapper runs and starts the command.
    Begin {
        /// Whether the terminal leaves bytes as they are. If not, line feeds came with carriage returns.
        is_raw: bool,
    },
    /// The wrapper did not start the command: the container has no such program.
    Refused(String),
    /// The command ended with this code; 128 and more: by a signal.
    End(u8),
}

/// Takes markers out of a session's output.
#[derive(Debug, Clone)]
pub struct Scanner {
    opening: Vec<u8>,
    held: Vec<u8>,
}

impl Scanner {
    /// Makes a scanner for markers with this nonce.
    pub fn new(nonce: &str) -> Self {
        Self { opening: format!("\x1b_managr;{nonce};").into_bytes(), held: Vec::new() }
    }

    /// Takes the next bytes and returns what is certain now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Scanned> {
        let mut rest = std::mem::take(&mut self.held);
        rest.extend_from_slice(bytes);
        let mut found = Vec::new();
        loop {
            let Some(at) = position(&rest, &self.opening) else {
                let held = possible_beginning(&rest, &self.opening);
                self.held = rest.split_off(rest.len() - held);
                own(&mut found, rest);
                return found;
            };
            let inside = &rest[at + self.opening.len()..];
            let ending = position(inside, TERMINATOR);
            if ending.is_none() && inside.len() <= LONGEST + 1 {
                self.held = rest.split_off(at);
                own(&mut found, rest);
                return found;
            }
            match ending.filter(|length| *length <= LONGEST).and_then(|length| Some((length, read(&inside[..length])?)))
            {
                Some((length, marker)) => {
                    let tail = rest.split_off(at + self.opening.len() + length + TERMINATOR.len());
                    rest.truncate(at);
                    own(&mut found, rest);
                    found.push(marker);
                    rest = tail;
                }
                // Looks like one and is none; another may begin inside of it.
                None => {
                    let tail = rest.split_off(at + 1);
                    own(&mut found, rest);
                    rest = tail;
                }
            }
        }
    }

    /// Returns what was held back, now that nothing follows.
    pub fn finish(self) -> Vec<u8> {
        self.held
    }
}

/// Adds bytes of the command, in one piece with those before.
fn own(found: &mut Vec<Scanned>, bytes: Vec<u8>) {
    match found.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Scanned::Bytes(before)) => before.extend(bytes),
        _ => found.push(Scanned::Bytes(bytes)),
    }
}

fn read(inside: &[u8]) -> Option<Scanned> {
    let (word, value) = std::str::from_utf8(inside).ok()?.split_once(';')?;
    match word {
        "begin" => Some(Scanned::Begin { is_raw: value == "raw" }),
        "refused" => Some(Scanned::Refused(value.to_owned())),
        "end" => value.parse().ok().map(Scanned::End),
        _ => None,
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Returns the length of the longest end of `bytes` that `opening` begins with.
fn possible_beginning(bytes: &[u8], opening: &[u8]) -> usize {
    let most = bytes.len().min(opening.len() - 1);
    (1..=most).rev().find(|length| opening.starts_with(&bytes[bytes.len() - length..])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pushes pieces and returns everything found, the command's bytes in one piece where nothing parts them.
    fn scan(pieces: &[&[u8]]) -> Vec<Scanned> {
        let mut scanner = Scanner::new("n0");
        let mut found = Vec::new();
        for item in pieces.iter().flat_map(|piece| scanner.push(piece)).collect::<Vec<_>>() {
            match item {
                Scanned::Bytes(bytes) => own(&mut found, bytes),
                marker => found.push(marker),
            }
        }
        own(&mut found, scanner.finish());
        found
    }

    fn bytes(text: &str) -> Scanned {
        Scanned::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn markers_are_taken_out_and_all_else_stays() {
        let check = |text: &str, expected: &[Scanned]| assert_eq!(scan(&[text.as_bytes()]), expected, "{text:?}");
        check("", &[]);
        check(
            "\x1b_managr;n0;begin;raw\x1b\\hi\x1b_managr;n0;end;42\x1b\\",
            &[Scanned::Begin { is_raw: true }, bytes("hi"), Scanned::End(42)],
        );
        check("a\x1b_managr;n0;refused;stty\x1b\\b", &[bytes("a"), Scanned::Refused("stty".into()), bytes("b")]);
        for kept in ["\x1b", "\x1b_managr;n0;", "\x1b_managr;other;end;1\x1b\\", "\x1b_managr;n0;end;300\x1b\\"] {
            check(kept, &[bytes(kept)]);
        }
        let long = format!("\x1b_managr;n0;end;{}\x1b\\", "1".repeat(50));
        check(&long, &[bytes(&long)]);
        check("\x1b\x1b_managr;n0;\x1b_managr;n0;end;0\x1b\\", &[bytes("\x1b\x1b_managr;n0;"), Scanned::End(0)]);
    }

    #[test]
    fn nothing_is_held_that_cannot_be_a_marker() {
        assert_eq!(Scanner::new("n0").push(b"prompt$ "), [bytes("prompt$ ")]);
        assert_eq!(Scanner::new("n0").push(b"\x1b[1m"), [bytes("\x1b[1m")]);
        assert_eq!(Scanner::new("n0").push(b"x\x1b_man"), [bytes("x")]);
    }

    proptest! {
        #[test]
        fn the_cutting_does_not_matter(
            text in "(x|\x1b|\x1b_|managr;|n0;|\x1b_managr;n0;|end;7|begin;raw|\x1b\\\\|;){0,24}",
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let whole = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= whole.len()).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect();
            prop_assert_eq!(scan(&pieces), scan(&[whole]));
        }

        #[test]
        fn what_has_no_nonce_is_unchanged(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let expected = if data.is_empty() { vec![] } else { vec![Scanned::Bytes(data.clone())] };
            prop_assert_eq!(scan(&data.chunks(7).collect::<Vec<_>>()), expected);
        }
    }
}
