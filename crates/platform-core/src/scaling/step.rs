//! How far does a step scaling policy go? (User guide, "Step scaling policies for Application Auto Scaling".)

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};

use super::find::invalid;

/// `StepScalingPolicyConfiguration`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Steps {
    /// `ChangeInCapacity`, `PercentChangeInCapacity` or `ExactCapacity`.
    adjustment_type: String,
    step_adjustments: Vec<Adjustment>,
    /// Least change by percent.
    min_adjustment_magnitude: Option<u32>,
    /// Seconds.
    cooldown: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Adjustment {
    /// Inclusive for positive distances, exclusive for negative ones; none is without end.
    metric_interval_lower_bound: Option<f64>,
    metric_interval_upper_bound: Option<f64>,
    scaling_adjustment: i32,
}

impl Adjustment {
    fn lower(&self) -> f64 {
        self.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY)
    }

    fn upper(&self) -> f64 {
        self.metric_interval_upper_bound.unwrap_or(f64::INFINITY)
    }

    /// "If the metric value is above the breach threshold, the lower bound is inclusive and the upper bound is
    /// exclusive. If it is below, the lower bound is exclusive and the upper bound is inclusive" (StepAdjustment).
    fn has(&self, distance: f64) -> bool {
        if distance >= 0.0 {
            self.lower() <= distance && distance < self.upper()
        } else {
            self.lower() < distance && distance <= self.upper()
        }
    }
}

impl Steps {
    /// Checks what the model cannot say.
    pub(super) fn check(&self) -> Result<(), AwsError> {
        if self.step_adjustments.is_empty() {
            return Err(invalid("At least one StepAdjustment must be specified"));
        }
        let mut steps: Vec<&Adjustment> = self.step_adjustments.iter().collect();
        steps.sort_by(|one, other| one.lower().total_cmp(&other.lower()));
        if steps.iter().any(|step| step.lower() >= step.upper()) {
            return Err(invalid("MetricIntervalLowerBound must be less than MetricIntervalUpperBound"));
        }
        for pair in steps.windows(2) {
            if pair[0].upper() > pair[1].lower() {
                return Err(invalid("StepAdjustment intervals can't overlap"));
            }
            if pair[0].upper() < pair[1].lower() {
                return Err(invalid("There can't be gaps between StepAdjustment intervals"));
            }
        }
        if self.min_adjustment_magnitude.is_some() && self.adjustment_type != "PercentChangeInCapacity" {
            return Err(invalid("MinAdjustmentMagnitude is supported for PercentChangeInCapacity only"));
        }
        Ok(())
    }

    /// Returns the capacity that a metric asks for, this far above (or below) its alarm's threshold; none where no step
    /// has it. Bounds are the target's affair.
    pub(super) fn wanted(&self, current: u32, distance: f64) -> Option<u32> {
        let step = self.step_adjustments.iter().find(|step| step.has(distance))?;
        let (current, by) = (i64::from(current), i64::from(step.scaling_adjustment));
        let wanted = match self.adjustment_type.as_str() {
            "ExactCapacity" => by,
            "PercentChangeInCapacity" => {
                let least = i64::from(self.min_adjustment_magnitude.unwrap_or(1));
                let change = (current * by) as f64 / 100.0;
                // Rounded towards zero, but to no less than one (PutScalingPolicy, "AdjustmentType").
                let whole = (change.trunc() as i64).abs().max(if change == 0.0 { 0 } else { least });
                current + whole * by.signum()
            }
            _ => current + by,
        };
        Some(u32::try_from(wanted.max(0)).unwrap_or(u32::MAX))
    }

    /// Returns the cool-down; AWS's default for ECS is 300 s (API reference, StepScalingPolicyConfiguration).
    pub(super) fn cooldown(&self) -> Millis {
        i64::from(self.cooldown.unwrap_or(300)) * 1_000
    }
}
