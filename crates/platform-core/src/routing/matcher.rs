//! Which status codes pass a health check?

/// Codes that pass, read from ELB's form: `200`, `200,202`, `200-299`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher(Vec<(u16, u16)>);

impl Matcher {
    /// Reads the form; none when it is not one, or names a code outside 200 to 499.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',')
            .map(|part| {
                let (low, high) = part.split_once('-').unwrap_or((part, part));
                let (low, high): (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
                (low <= high && low >= 200 && high <= 499).then_some((low, high))
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// Returns whether the code passes.
    pub fn passes(&self, status: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::Matcher;

    #[test]
    fn reads_codes_lists_and_ranges() {
        for (text, status, wanted) in [
            ("200", 200, true),
            ("200", 204, false),
            ("200,301", 301, true),
            ("200-299", 250, true),
            ("200-299", 300, false),
            ("200-204,301-302", 302, true),
        ] {
            assert_eq!(Matcher::parse(text).unwrap().passes(status), wanted, "{text} with {status}");
        }
        for bad in ["", "abc", "199", "500", "299-200", "200,", "200-"] {
            assert_eq!(Matcher::parse(bad), None, "{bad}");
        }
    }
}
