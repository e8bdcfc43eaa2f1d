//! The small values of the manifest: durations, ports, plain values, expressions, raw AWS tables.

use std::borrow::Cow;
use std::fmt;

use aws_model::Document;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A length of time in whole seconds, written `"10s"`, `"1m30s"`, `"2h"` or as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u32);

impl Seconds {
    /// Reads `"90"`, `"90s"`, `"1m30s"`, `"2h"` or `"1d"`.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err("it is empty".to_owned());
        }
        if let Ok(seconds) = rest.parse() {
            return Ok(Self(seconds));
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| format!("no whole number before `{tail}`"))?;
            let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit);
            let scale = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86_400,
                "" => return Err(format!("no unit after `{number}`")),
                other => return Err(format!("`{other}` is not a unit")),
            };
            total = number.checked_mul(scale).and_then(|n| n.checked_add(total)).ok_or("it is too long")?;
            rest = tail;
        }
        u32::try_from(total).map(Self).map_err(|_| "it is too long".to_owned())
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Self::read(&text).map_err(D::Error::custom),
            Value::Number(number) => number
                .as_u64()
                .and_then(|n| u32::try_from(n).ok())
                .map(Self)
                .ok_or_else(|| D::Error::custom("not a number of seconds")),
            _ => Err(D::Error::custom("expected a duration")),
        }
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "managr-duration", "minimum": 0, "maximum": u32::MAX })
    }
}

/// Transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
}

/// A port that a container listens on: `8000` or `"8125/udp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl Port {
    /// Reads `"8000"`, `"8000/tcp"` or `"8125/udp"`.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            other => return Err(format!("`{other}` is neither tcp nor udp")),
        };
        match number.parse::<u16>() {
            Ok(number) if number > 0 => Ok(Self { number, protocol }),
            _ => Err(format!("`{number}` is not a port (1 to 65535)")),
        }
    }
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.protocol {
            Protocol::Tcp => serializer.serialize_u16(self.number),
            Protocol::Udp => serializer.collect_str(&format_args!("{}/udp", self.number)),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Self::read(&text).map_err(D::Error::custom),
            Value::Number(number) => Self::read(&number.to_string()).map_err(D::Error::custom),
            _ => Err(D::Error::custom("expected a port")),
        }
    }
}

impl JsonSchema for Port {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "format": "managr-port", "minimum": 1, "maximum": 65535 })
    }
}

/// The value of a plain variable. A container sees text: `8000` is `"8000"`, `true` is `"true"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`, as TOML writes them.
    Boolean(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(value) => value.fmt(f),
        }
    }
}

/// One text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// Returns the texts.
    pub fn items(&self) -> &[String] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

/// When a schedule runs: `rate(5 minutes)`, AWS's six-field `cron(...)`, or `at(...)`. Checked, kept as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expression(pub String);

impl JsonSchema for Expression {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "schedule expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "managr-schedule" })
    }
}

/// A table of AWS fields that the manifest has no word for; passed through untouched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Raw(pub Document);

impl JsonSchema for Raw {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AWS fields".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}

#[cfg(test)]
mod tests {
    use super::{Port, Protocol, Seconds};

    #[test]
    fn reads_durations() {
        for (text, seconds) in
            [("10s", 10), ("1m", 60), ("1m30s", 90), ("2h", 7200), ("1d", 86_400), ("45", 45), ("0", 0), (" 5s ", 5)]
        {
            assert_eq!(Seconds::read(text), Ok(Seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn says_why_a_duration_is_refused() {
        for (text, why) in [
            ("", "it is empty"),
            ("s", "no whole number before `s`"),
            ("10x", "`x` is not a unit"),
            ("1m30", "no unit after `30`"),
            ("-5s", "no whole number before `-5s`"),
            ("1.5s", "`.` is not a unit"),
            ("99999999999999999999d", "no whole number before `d`"),
            ("999999999d", "it is too long"),
        ] {
            assert_eq!(Seconds::read(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn reads_ports_as_docker_users_write_them() {
        assert_eq!(Port::read("8125/udp"), Ok(Port { number: 8125, protocol: Protocol::Udp }));
        assert_eq!(Port::read("80"), Ok(Port { number: 80, protocol: Protocol::Tcp }));
        assert!(Port::read("0").is_err());
        assert!(Port::read("70000").is_err());
        assert!(Port::read("80/sctp").is_err());
    }
}
