//! ECR's own words: `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length ...'`.

use super::coral;
use crate::check::{Rule, Violation};

pub(super) fn message(violation: &Violation<'_>) -> String {
    let constraint = match &violation.rule {
        // aws-dotnet-deploy #549.
        Rule::Short(least) => format!("must have length greater than or equal to {least}"),
        Rule::Long(most) => format!("must have length less than or equal to {most}"),
        // create-ecr-repository-action #231: quoted within the quotes.
        Rule::Pattern => format!("must satisfy regular expression '{}'", coral::pattern_of(violation.shape)),
        // amazon-ecr-login #225: 'Member must satisfy constraint: [Member must satisfy ...]'.
        rule => coral::constraint(rule, violation.shape),
    };
    format!("Invalid parameter at '{}' failed to satisfy constraint: '{constraint}'", violation.path.of_service())
}
