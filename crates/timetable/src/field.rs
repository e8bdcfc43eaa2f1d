//! What does one field of a cron expression allow?

/// One field: what it is called, its bounds, and the words for its numbers from the lowest on.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) low: i16,
    pub(crate) high: i16,
    pub(crate) words: &'static [&'static str],
}

pub(crate) const MINUTE: Field = Field { name: "minute", low: 0, high: 59, words: &[] };
pub(crate) const HOUR: Field = Field { name: "hour", low: 0, high: 23, words: &[] };
pub(crate) const DAY: Field = Field { name: "day-of-month", low: 1, high: 31, words: &[] };
pub(crate) const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
pub(crate) const WEEKDAY: Field =
    Field { name: "day-of-week", low: 1, high: 7, words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
pub(crate) const YEAR: Field = Field { name: "year", low: 1970, high: 2199, words: &[] };

/// Numbers that a field allows, from its lowest on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Numbers(Vec<i16>);

impl Numbers {
    pub(crate) fn has(&self, number: i16) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    /// Returns the first that is at least this.
    pub(crate) fn from(&self, least: i16) -> Option<i16> {
        self.0.get(self.0.partition_point(|number| *number < least)).copied()
    }

    pub(crate) fn first(&self) -> Option<i16> {
        self.0.first().copied()
    }

    pub(crate) fn add(&mut self, numbers: impl IntoIterator<Item = i16>) {
        self.0.extend(numbers);
        self.0.sort_unstable();
        self.0.dedup();
    }
}

impl Field {
    /// Reads a whole field of numbers: `*`, `3`, `1-5`, `*/20`, `0/15`, `8-17/2`, and lists of them.
    pub(crate) fn numbers(&self, text: &str) -> Result<Numbers, String> {
        let mut all = Numbers::default();
        for item in text.split(',') {
            all.add(self.item(item)?);
        }
        Ok(all)
    }

    /// Reads one item of a list.
    pub(crate) fn item(&self, item: &str) -> Result<impl Iterator<Item = i16> + use<>, String> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let by = match step.map(|step| step.parse::<u16>().map_err(|_| step)) {
            None => 1,
            Some(Ok(by @ 1..)) => usize::from(by),
            Some(_) => return Err(format!("`{item}`: `{}` is not a step", step.unwrap_or_default())),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            // `0/15` is every fifteenth from 0 on.
            None if step.is_some() => (self.number(range)?, self.high),
            None => (self.number(range)?, self.number(range)?),
        };
        if from > to {
            return Err(format!("`{item}` runs backwards"));
        }
        Ok((from..=to).step_by(by))
    }

    /// Reads a number or a word for one.
    pub(crate) fn number(&self, text: &str) -> Result<i16, String> {
        let Self { name, low, high, words } = self;
        if let Some(index) = words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
            return Ok(low + i16::try_from(index).expect("twelve words at most"));
        }
        // `+5` is a number for Rust and none for AWS.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<i16>() {
            Ok(number) if digits && (*low..=*high).contains(&number) => Ok(number),
            _ => Err(format!("`{text}` is not a {name} ({low} to {high})")),
        }
    }
}
