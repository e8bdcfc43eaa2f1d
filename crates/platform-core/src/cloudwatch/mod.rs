//! CloudWatch, of a platform that has measured nothing: there are no metrics and no alarms, and that is the answer.
//!
//! What would make one (PutMetricData, PutMetricAlarm) is refused by name until it means something.

use aws_model::AwsError;
use serde_json::{Value, json};

use crate::operation::Kind::Read;
use crate::operation::Operation;
use crate::{Cx, Input, World};

/// CloudWatch's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "DescribeAlarms", kind: Read(describe_alarms) },
    Operation { name: "ListMetrics", kind: Read(list_metrics) },
];

/// Without `AlarmTypes` metric alarms alone are answered (API reference, DescribeAlarms).
fn describe_alarms(_: &World, _: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    Ok(json!({"MetricAlarms": [], "CompositeAlarms": []}))
}

fn list_metrics(_: &World, _: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    Ok(json!({"Metrics": []}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ids;

    #[test]
    fn there_are_no_metrics_and_no_alarms() {
        let (world, ids) = (World::default(), &mut Ids::new(1));
        let cx = Cx { now: 0, region: "eu-west-1", account: "1", access_key: "", architecture: None, ids };
        assert_eq!(list_metrics(&world, &cx, &Input::new()), Ok(json!({"Metrics": []})));
        let none = describe_alarms(&world, &cx, &Input::new()).unwrap();
        assert_eq!(none, json!({"MetricAlarms": [], "CompositeAlarms": []}));
    }
}
