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
fn describe_alarms(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    no_page(input, "InvalidNextToken")?;
    Ok(json!({"MetricAlarms": [], "CompositeAlarms": []}))
}

fn list_metrics(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    no_page(input, "InvalidParameterValue")?;
    Ok(json!({"Metrics": []}))
}

/// Nothing here has a second page, so no token was ever given out.
fn no_page(input: &Input, code: &'static str) -> Result<(), AwsError> {
    match input.get("NextToken") {
        Some(_) => Err(AwsError::new(code, "The value for parameter NextToken is not valid.")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ids;

    #[test]
    fn there_are_no_metrics_no_alarms_and_no_second_page() {
        let (world, ids) = (World::default(), &mut Ids::new(1));
        let cx = Cx { now: 0, region: "eu-west-1", account: "1", access_key: "", architecture: None, ids };
        let Value::Object(page) = json!({"NextToken": "x"}) else { unreachable!() };
        assert_eq!(list_metrics(&world, &cx, &Input::new()), Ok(json!({"Metrics": []})));
        assert_eq!(list_metrics(&world, &cx, &page).unwrap_err().code, "InvalidParameterValue");
        let none = describe_alarms(&world, &cx, &Input::new()).unwrap();
        assert_eq!(none, json!({"MetricAlarms": [], "CompositeAlarms": []}));
        assert_eq!(describe_alarms(&world, &cx, &page).unwrap_err().code, "InvalidNextToken");
    }
}
