//! What is done to bytes so that they survive a terminal: input as base64, output without added carriage returns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of input in a line: 76 characters, as `base64` itself writes them.
const LINE: usize = 57;

/// The terminal's end-of-file character, which the script has set.
const END: u8 = 0x04;

/// Writes input for `base64 -d` over there.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    /// Less than three bytes, which base64 cannot write without saying that they are the last.
    held: Vec<u8>,
}

impl Encoder {
    /// Takes the next bytes and returns lines.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let rest = self.held.split_off(self.held.len() / 3 * 3);
        lines(&std::mem::replace(&mut self.held, rest))
    }

    /// Returns the last line and the end of the input.
    pub fn finish(self) -> Vec<u8> {
        let mut last = lines(&self.held);
        last.push(END);
        last
    }
}

fn lines(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.chunks(LINE).flat_map(|line| (STANDARD.encode(line) + "\n").into_bytes());
    lines.collect()
}

/// Undoes what a terminal does to line feeds, as well as that can be told: `\r\n` that the command itself wrote
/// loses its `\r` too.
#[derive(Debug, Clone, Default)]
pub struct Unconverter {
    holds_return: bool,
}

impl Unconverter {
    /// Takes the next bytes and returns them with plain line feeds.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            if std::mem::take(&mut self.holds_return) && byte != b'\n' {
                out.push(b'\r');
            }
            match byte {
                b'\r' => self.holds_return = true,
                byte => out.push(byte),
            }
        }
        out
    }

    /// Returns what was held back, now that nothing follows.
    pub fn finish(self) -> Vec<u8> {
        if self.holds_return { vec![b'\r'] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_an_end_at_once() {
        assert_eq!(Encoder::default().finish(), [END]);
    }

    proptest! {
        #[test]
        fn input_is_one_stream_of_short_lines(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
            let mut encoder = Encoder::default();
            let mut sent: Vec<u8> = pieces.iter().flat_map(|piece| encoder.push(piece)).collect();
            sent.extend(encoder.finish());
            prop_assert_eq!(sent.pop(), Some(END));
            prop_assert!(sent.is_empty() || sent.ends_with(b"\n"), "an end of file counts only at a line's beginning");
            let text = String::from_utf8(sent).unwrap();
            prop_assert!(text.lines().all(|line| line.len() <= 76));
            prop_assert_eq!(STANDARD.decode(text.replace('\n', "")).unwrap(), pieces.concat());
        }

        #[test]
        fn line_feeds_are_as_they_were(text in "(a|\n|\r\r)*", size in 1usize..5) {
            let shown = text.replace('\n', "\r\n");
            let mut unconverter = Unconverter::default();
            let mut back: Vec<u8> = shown.as_bytes().chunks(size).flat_map(|piece| unconverter.push(piece)).collect();
            back.extend(unconverter.finish());
            prop_assert_eq!(String::from_utf8(back).unwrap(), text);
        }
    }
}
