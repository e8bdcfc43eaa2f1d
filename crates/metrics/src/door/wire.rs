//! Values as canonical documents hold them, read into the types that decisions take.

use aws_model::Millis;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::name::{Dimension, Metric};

/// A number; what JSON has no number for stands as text there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Double(pub(super) f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Double;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Double, E> {
                Ok(Double(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Double, E> {
                Ok(Double(value as f64))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Double, E> {
                Ok(Double(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Double, E> {
                match value {
                    "NaN" => Ok(Double(f64::NAN)),
                    "Infinity" => Ok(Double(f64::INFINITY)),
                    "-Infinity" => Ok(Double(f64::NEG_INFINITY)),
                    _ => Err(E::custom("no number")),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Double {
    /// Whether CloudWatch takes it: "Values must be in the range of -2^360 to 2^360", and no special ones.
    pub(super) fn is_measurable(self) -> bool {
        self.0.is_finite() && self.0.abs() <= 360_f64.exp2()
    }
}

/// An instant: seconds in the document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Instant(Double);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Double::deserialize(deserializer).map(Self)
    }
}

impl Instant {
    /// Returns it in milliseconds.
    pub(super) fn millis(self) -> Millis {
        (self.0.0 * 1000.0).round() as Millis
    }

    /// Returns it in whole seconds, rounded down.
    pub(super) fn seconds(self) -> i64 {
        self.millis().div_euclid(1000)
    }
}

/// A metric as the API writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MetricIn {
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) metric_name: String,
    #[serde(default)]
    pub(crate) dimensions: Vec<Dimension>,
}

impl MetricIn {
    pub(crate) fn metric(&self) -> Metric {
        Metric::new(self.namespace.clone(), self.metric_name.clone(), self.dimensions.clone())
    }
}
