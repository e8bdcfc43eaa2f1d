//! Which lines of a container are one event of its log group?
//!
//! As Docker's driver `awslogs` has it, whose options ECS passes on (docs.docker.com, "Amazon CloudWatch Logs logging
//! driver"): with `awslogs-multiline-pattern`, a regular expression, or `awslogs-datetime-format`, which stands for
//! one, a line that matches begins an event, and those up to the next that matches belong to it, each with its newline.
//! An event that nothing ends is stored after five seconds, or when the container ends. Pure: time is an argument.

use std::collections::BTreeMap;

use aws_model::Millis;
use logs::LogEvent;
use regex::bytes::Regex;

const FORMAT: &str = "awslogs-datetime-format";
const PATTERN: &str = "awslogs-multiline-pattern";
/// The driver's `awslogs-force-flush-interval-seconds` by default, and ECS has no such option.
const PATIENCE: Millis = 5_000;
/// Bytes of one event (quotas of CloudWatch Logs: 256 KB, of which 26 are for the event itself).
const LARGEST: usize = (256 << 10) - 26;
/// A pattern that would need more memory than this is a mistake, or an attack.
const LARGEST_PATTERN: usize = 1 << 20;

/// Returns what begins an event, if lines are to be put together.
///
/// # Errors
/// Says what is wrong with the options, in words that follow `failed to validate logger args: `.
pub(super) fn pattern(options: &BTreeMap<String, String>) -> Result<Option<Regex>, String> {
    let given = |name: &str| options.get(name).filter(|text| !text.is_empty());
    let (name, text) = match (given(FORMAT), given(PATTERN)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(format!("{FORMAT} and {PATTERN} cannot be configured at the same time")),
        (Some(format), None) => (FORMAT, of_format(format)),
        (None, Some(pattern)) => (PATTERN, pattern.clone()),
    };
    let built = regex::bytes::RegexBuilder::new(&text).size_limit(LARGEST_PATTERN).build();
    built.map(Some).map_err(|error| format!("{name} is not a regular expression: {error}"))
}

/// Returns the expression that a format of Python's `strftime` stands for. What is no such sign is a part of the
/// expression: Docker's own example escapes its brackets. A sign that the driver does not know is nothing.
fn of_format(format: &str) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('%', Some(sign)) => {
                rest.next();
                out.push_str(of_sign(sign));
            }
            (c, _) => out.push(c),
        }
    }
    out
}

fn of_sign(sign: char) -> &'static str {
    match sign {
        'a' => "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        'A' => "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day",
        'w' => "[0-6]",
        'd' => "(?:0[1-9]|[12][0-9]|3[01])",
        'b' => "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        'B' => "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
        'm' => "(?:0[1-9]|1[0-2])",
        'Y' => "[0-9]{4}",
        'y' => "[0-9]{2}",
        'H' => "(?:[01][0-9]|2[0-3])",
        'I' => "(?:0[0-9]|1[0-2])",
        'p' => "[AP]M",
        'M' | 'S' => "[0-5][0-9]",
        'f' => "[0-9]{6}",
        'z' => "[+-][0-9]{4}",
        'Z' => "[A-Z]{1,4}T",
        'j' => "(?:[0-2][0-9]{2}|3[0-5][0-9]|36[0-6])",
        'L' => r"\.[0-9]{3}",
        _ => "",
    }
}

/// A line, or a notice that some are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// When it was complete.
    pub(super) at: Millis,
    pub(super) bytes: Vec<u8>,
    /// How many lines of the container's it stands for.
    pub(super) lines: u64,
    /// Whether it is a container's line; a notice is an event of its own.
    pub(super) is_line: bool,
}

impl Piece {
    /// Returns it as an event of its own.
    pub(super) fn event(&self) -> LogEvent {
        event(self.at, &self.bytes)
    }
}

/// Events, and what waits for more.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Grouped {
    pub(super) events: Vec<LogEvent>,
    /// How many lines are in the events; those behind them wait.
    pub(super) taken: u64,
    /// When an event that waits for more is logged at the latest.
    pub(super) look_again_at: Option<Millis>,
}

/// Puts lines together that belong together. `is_end` says that nothing comes behind them, now or ever.
pub(super) fn group(pattern: &Regex, pieces: &[Piece], is_end: bool, now: Millis) -> Grouped {
    let mut grouped = Grouped::default();
    let mut open = Open::default();
    for piece in pieces {
        if !piece.is_line {
            open.close(&mut grouped);
            grouped.events.push(piece.event());
            grouped.taken += piece.lines;
            continue;
        }
        if pattern.is_match(&piece.bytes) || open.text.len() + piece.bytes.len() >= LARGEST {
            open.close(&mut grouped);
        }
        open.add(piece);
    }
    if open.lines > 0 {
        let due = open.at.saturating_add(PATIENCE);
        // A clock that was set back must not keep it for hours.
        if is_end || due <= now || open.at > now {
            open.close(&mut grouped);
        } else {
            grouped.look_again_at = Some(due);
        }
    }
    grouped
}

/// An event that nothing has ended yet.
#[derive(Default)]
struct Open {
    at: Millis,
    text: Vec<u8>,
    lines: u64,
}

impl Open {
    fn add(&mut self, piece: &Piece) {
        if self.lines == 0 {
            self.at = piece.at;
        }
        self.text.extend(&piece.bytes);
        self.text.push(b'\n');
        self.lines += piece.lines;
    }

    fn close(&mut self, grouped: &mut Grouped) {
        let Self { at, text, lines } = std::mem::take(self);
        if lines > 0 {
            grouped.events.push(event(at, &text));
            grouped.taken += lines;
        }
    }
}

fn event(at: Millis, bytes: &[u8]) -> LogEvent {
    LogEvent { at, message: String::from_utf8_lossy(bytes).into_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    fn lines(texts: &[&str]) -> Vec<Piece> {
        let piece = |(n, text): (usize, &&str)| Piece {
            at: n as Millis,
            bytes: text.as_bytes().to_vec(),
            lines: 1,
            is_line: true,
        };
        texts.iter().enumerate().map(piece).collect()
    }

    fn messages(grouped: &Grouped) -> Vec<&str> {
        grouped.events.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn a_line_that_matches_begins_an_event() {
        let pattern = pattern(&options(PATTERN, "^INFO")).unwrap().unwrap();
        let given = lines(&["tail of an earlier one", "INFO a", "  b", "", "INFO c"]);
        let open = group(&pattern, &given, false, 100);
        assert_eq!(messages(&open), ["tail of an earlier one\n", "INFO a\n  b\n\n"]);
        assert_eq!((open.taken, open.look_again_at), (4, Some(5_004)));
        assert_eq!(open.events[1].at, 1, "an event has the time of its first line");
        let ended = group(&pattern, &given, true, 100);
        assert_eq!((ended.taken, messages(&ended).last()), (5, Some(&"INFO c\n")));
        // Nothing has come for five seconds.
        let late = group(&pattern, &given, false, 5_004);
        assert_eq!((late.taken, late.look_again_at), (5, None));
    }

    #[test]
    fn a_notice_is_an_event_of_its_own() {
        let pattern = pattern(&options(PATTERN, "^INFO")).unwrap().unwrap();
        let mut given = lines(&["INFO a", "[3 lines were dropped]", "b"]);
        given[1].is_line = false;
        given[1].lines = 3;
        let grouped = group(&pattern, &given, true, 100);
        assert_eq!(messages(&grouped), ["INFO a\n", "[3 lines were dropped]", "b\n"]);
        assert_eq!(grouped.taken, 5);
    }

    #[test]
    fn a_format_is_an_expression() {
        let check = |format: &str, line: &str, expected: bool| {
            let pattern = pattern(&options(FORMAT, format)).unwrap().unwrap();
            assert_eq!(pattern.is_match(line.as_bytes()), expected, "{format}: {line}");
        };
        // Docker's own example.
        let docker = r"\[%b %d, %Y %H:%M:%S\]";
        check(docker, "[May 01, 2017 19:00:01] A message was logged", true);
        check(docker, "Another multiline message was logged", false);
        check("%Y-%m-%d %H:%M:%S%L", "2026-11-30 10:26:59.123 up", true);
        check("%Y-%m-%d %H:%M:%S%L", "2026-13-30 10:26:59.123 up", false);
        check("%Y-%m-%dT%H:%M:%S.%f%z", "at 2026-11-30T10:26:59.123456+0100", true);
        check("%A %j %I%p", "Wednesday 366 12PM", true);
        check("%A %j %I%p", "Wednesday 367 12PM", false);
        check("100%", "100% done", true);
    }

    #[test]
    fn what_cannot_be_a_pattern_is_told_by_its_name() {
        assert!(pattern(&BTreeMap::new()).unwrap().is_none());
        assert!(pattern(&options(PATTERN, "")).unwrap().is_none());
        let broken = pattern(&options(PATTERN, "(")).unwrap_err();
        assert!(broken.starts_with("awslogs-multiline-pattern is not a regular expression"), "{broken}");
        assert!(pattern(&options(PATTERN, "(x{1000}){1000}")).is_err(), "too large");
        let both = [options(PATTERN, "x"), options(FORMAT, "%Y")].into_iter().flatten().collect();
        assert!(pattern(&both).unwrap_err().contains("at the same time"));
    }

    proptest! {
        /// However the lines are read piece by piece, they come to the same events, none is lost and none told twice.
        #[test]
        fn reading_in_pieces_changes_nothing(
            texts in proptest::collection::vec("[IAB ]{0,6}", 0..40),
            cuts in proptest::collection::vec(1..10_usize, 0..40),
        ) {
            let pattern = pattern(&options(PATTERN, "^I")).unwrap().unwrap();
            let all = lines(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let whole = group(&pattern, &all, true, 100);
            prop_assert_eq!(whole.taken as usize, all.len());
            let joined: String = whole.events.iter().map(|event| event.message.as_str()).collect();
            let expected: String = texts.iter().map(|text| format!("{text}\n")).collect();
            prop_assert_eq!(joined, expected);

            let (mut from, mut seen, mut told) = (0, 0, Vec::new());
            for more in cuts.into_iter().chain([usize::MAX]) {
                seen = all.len().min(usize::saturating_add(seen, more));
                let read = group(&pattern, &all[from..seen], more == usize::MAX, 100);
                from += read.taken as usize;
                told.extend(read.events);
            }
            prop_assert_eq!(told, whole.events);
        }
    }
}
