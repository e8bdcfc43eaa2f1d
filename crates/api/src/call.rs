//! One AWS call, as the front hands it to a service, and what comes back.

use platform_core::Input;
use serde_json::Value;

/// A service that the platform serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Elastic Container Registry.
    Ecr,
    /// Elastic Load Balancing, version 2.
    ElbV2,
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager.
    Ssm,
    /// CloudWatch Logs.
    Logs,
    /// Security Token Service.
    Sts,
}

impl Service {
    /// Every service, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Ecs, Self::Ecr, Self::ElbV2, Self::SecretsManager, Self::Ssm, Self::Logs, Self::Sts];

    /// Returns the name of the service in a credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ecr => "ecr",
            Self::ElbV2 => "elasticloadbalancing",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Logs => "logs",
            Self::Sts => "sts",
        }
    }

    /// Returns the name that the AWS CLI gives the service.
    pub fn cli_name(self) -> &'static str {
        match self {
            Self::ElbV2 => "elbv2",
            other => other.signing_name(),
        }
    }

    /// Returns the namespace of a Query service's answers (botocore: `metadata.xmlNamespace`).
    pub(crate) fn xml_namespace(self) -> &'static str {
        match self {
            Self::ElbV2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Ecs | Self::Ecr | Self::SecretsManager | Self::Ssm | Self::Logs => "",
        }
    }
}

/// A call whose envelope was understood; its input is not yet judged.
pub struct Call {
    /// Who is to answer.
    pub service: Service,
    /// The operation's name on the wire, e.g. `DescribeServices`.
    pub operation: String,
    /// Region of the credential scope.
    pub region: String,
    /// Access key of the credential scope; says nothing about who the caller is.
    pub access_key: String,
    /// Host and port by which the caller reached us.
    pub authority: String,
    /// The JSON body without its nulls, or the unfolded Query parameters.
    pub input: Input,
    /// Identifier of this call, answered in `x-amzn-RequestId`.
    pub request_id: String,
}

/// Without the input: it may carry a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// A call's answer. No `Debug`: it may carry a secret.
pub enum Reply {
    /// The document of a JSON 1.1 service.
    Json(Value),
    /// The whole document of a Query service; see `xml::response`.
    Xml(String),
}
