//! What is put: one metric's values of one instant, valid once it exists.

use aws_model::Millis;

use crate::name::Dimension;
use crate::point::Point;

/// What a metric without a unit is said to have.
pub const NO_UNIT: &str = "None";

/// Values of a metric at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The metric's name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: Vec<Dimension>,
    /// When it was measured; now if the caller does not say.
    pub at: Option<Millis>,
    /// What was measured.
    pub point: Point,
    /// One of the API's units.
    pub unit: String,
    /// Whether single seconds are kept (`StorageResolution` of 1).
    pub is_fine: bool,
}

impl Datum {
    /// Returns one value of now.
    pub fn new(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            dimensions: Vec::new(),
            at: None,
            point: Point::of(value),
            unit: unit.to_owned(),
            is_fine: false,
        }
    }

    /// Adds a dimension.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.dimensions.push(Dimension { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// Says when it was measured.
    #[must_use]
    pub fn at(mut self, at: Millis) -> Self {
        self.at = Some(at);
        self
    }

    /// Says that single seconds are kept.
    #[must_use]
    pub fn fine(mut self) -> Self {
        self.is_fine = true;
        self
    }
}
