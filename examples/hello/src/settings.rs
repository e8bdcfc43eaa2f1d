//! What the environment asks of this process. Read once, at the door.

use std::time::Duration;

/// Settled settings; the failure switches are for tests of what managr says about failures.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// `PORT`, 8000 unless given.
    pub(crate) port: u16,
    /// `GREETING`, "hello" unless given.
    pub(crate) greeting: String,
    /// `FAIL_AT_START=code`: exit with this code before listening.
    pub(crate) fail_at_start: Option<u8>,
    /// `CRASH_AFTER=seconds`: exit with 1 so long after listening.
    pub(crate) crash_after: Option<Duration>,
    /// `SLOW_START=seconds`: listen only after so long.
    pub(crate) slow_start: Option<Duration>,
    /// `UNHEALTHY=1`: answer the health check with 503.
    pub(crate) unhealthy: bool,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self, String> {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        Ok(Self {
            port: parsed("PORT", given("PORT"))?.unwrap_or(8000),
            greeting: given("GREETING").unwrap_or_else(|| "hello".to_owned()),
            fail_at_start: parsed("FAIL_AT_START", given("FAIL_AT_START"))?,
            crash_after: seconds("CRASH_AFTER", given("CRASH_AFTER"))?,
            slow_start: seconds("SLOW_START", given("SLOW_START"))?,
            unhealthy: given("UNHEALTHY").is_some_and(|value| value != "0"),
        })
    }
}

fn parsed<T: std::str::FromStr>(name: &str, value: Option<String>) -> Result<Option<T>, String> {
    value.map(|text| text.parse().map_err(|_| format!("{name} is not a number in range"))).transpose()
}

fn seconds(name: &str, value: Option<String>) -> Result<Option<Duration>, String> {
    parsed::<f64>(name, value)?
        .map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|_| format!("{name} is not a number of seconds")))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn defaults_hold_where_nothing_or_an_empty_value_is_given() {
        let settings = check(&[("PORT", ""), ("UNHEALTHY", "0")]).unwrap();
        assert_eq!((settings.port, settings.greeting.as_str(), settings.unhealthy), (8000, "hello", false));
    }

    #[test]
    fn switches_are_read_and_a_wrong_one_is_named() {
        let settings = check(&[("FAIL_AT_START", "3"), ("CRASH_AFTER", "0.5"), ("UNHEALTHY", "1")]).unwrap();
        assert_eq!(settings.fail_at_start, Some(3));
        assert_eq!(settings.crash_after, Some(Duration::from_millis(500)));
        assert!(settings.unhealthy);
        assert_eq!(check(&[("PORT", "eighty")]).unwrap_err(), "PORT is not a number in range");
        assert_eq!(check(&[("CRASH_AFTER", "-1")]).unwrap_err(), "CRASH_AFTER is not a number of seconds");
    }
}
