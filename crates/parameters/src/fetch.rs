//! What a container's secret means when its `valueFrom` names a parameter: an ARN, or the bare name
//! of a parameter in the task's own region (ECS developer guide, "Pass Systems Manager parameters
//! through Amazon ECS environment variables").

use secrets::SecretText;

use crate::Parameters;
use crate::error::ParameterError;
use crate::find::Value;
use crate::name::Id;
use crate::reference;

/// Why a container does not get its parameter; worded as in a task's `stoppedReason` on Fargate, to
/// follow `ResourceInitializationError: unable to pull secrets or registry auth: `.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no such parameter, version or label.
    #[error(
        "execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
         time(s): invalid ssm parameters: {0}"
    )]
    Invalid(String),
    /// Parameter Store refused.
    #[error(
        "execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
         time(s): {}", .0.code()
    )]
    Refused(#[source] ParameterError),
}

/// Whether a `valueFrom` names a parameter: every bare name does, a secret is named by its ARN.
pub fn names_parameter(value_from: &str) -> bool {
    match value_from.strip_prefix("arn:") {
        Some(arn) => arn.split(':').nth(1) == Some("ssm"),
        None => true,
    }
}

impl Parameters {
    /// Returns what a container's `valueFrom` stands for; a bare name is looked up in `region`.
    ///
    /// # Errors
    /// In ECS's words; never with any part of a value.
    pub fn value_from(&self, region: &str, value_from: &str) -> Result<SecretText, FetchError> {
        let invalid = || FetchError::Invalid(value_from.to_owned());
        if reference::is_one(value_from) {
            let referred = self.refer(region, value_from, true).map_err(|_| invalid())?;
            return referred.text().cloned().ok_or_else(invalid);
        }
        let own = Id::parse(value_from).ok_or_else(invalid)?.region.unwrap_or(region);
        match self.get(own, value_from, true) {
            Ok(got) => match got.value {
                Value::Clear(text) => Ok(text),
                Value::Sealed(_) => Err(invalid()),
            },
            Err(error) if error.names_nothing() => Err(invalid()),
            Err(source) => Err(FetchError::Refused(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_parameters_and_an_arn_says_whose_it_is() {
        for (value_from, expected) in [
            ("plain", true),
            ("/app/staging/KEY", true),
            ("arn:aws:ssm:us-east-1:123456789012:parameter/app/KEY", true),
            ("arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf", false),
        ] {
            assert_eq!(names_parameter(value_from), expected, "{value_from}");
        }
    }
}
