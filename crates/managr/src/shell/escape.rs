//! Has the person typed `~.` at a line's beginning, as in ssh, to leave a session that hangs?

/// Looks for the escape in what is typed; everything else passes as it is.
#[derive(Debug)]
pub(crate) struct Escape {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    Tilde,
    Inside,
}

impl Escape {
    /// Starts at a line's beginning.
    pub(crate) fn new() -> Self {
        Self { state: State::LineStart }
    }

    /// Takes what was typed and returns what goes over, and whether the person leaves. `~~` is one tilde.
    pub(crate) fn push(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(typed.len());
        for &byte in typed {
            match (self.state, byte) {
                (State::Tilde, b'.') => return (out, true),
                (State::LineStart, b'~') => {
                    self.state = State::Tilde;
                    continue;
                }
                (State::Tilde, b'~') => {}
                (State::Tilde, _) => out.push(b'~'),
                _ => {}
            }
            out.push(byte);
            self.state = if matches!(byte, b'\r' | b'\n') { State::LineStart } else { State::Inside };
        }
        (out, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &str, leaves: bool) {
        let mut escape = Escape::new();
        let (mut sent, mut left) = (Vec::new(), false);
        for byte in typed.bytes() {
            let (bytes, leaves) = escape.push(&[byte]);
            sent.extend(bytes);
            left |= leaves;
        }
        assert_eq!((String::from_utf8(sent).unwrap().as_str(), left), (expected, leaves), "{typed:?}");
        assert_eq!(Escape::new().push(typed.as_bytes()), (expected.as_bytes().to_vec(), leaves), "{typed:?} at once");
    }

    #[test]
    fn only_a_tilde_and_a_dot_at_a_lines_beginning_leave() {
        check("ls ~.\r", "ls ~.\r", false);
        check("~.", "", true);
        check("ls\r~.", "ls\r", true);
        check("~/x\r", "~/x\r", false);
        check("~~.\r", "~.\r", false);
        check("\u{3}\u{1a}é~", "\u{3}\u{1a}é~", false);
    }
}
