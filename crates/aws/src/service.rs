//! Which services we call, and how each is addressed and spoken to.
//!
//! Read from botocore's `service-2.json` (endpointPrefix, signingName, targetPrefix,
//! apiVersion, serviceId).

/// One AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Name in the credential scope, and the word for errors.
    pub signing_name: &'static str,
    /// First labels of the host: `<prefix>.<region>.amazonaws.com`.
    pub endpoint_prefix: &'static str,
    /// The `X` of `AWS_ENDPOINT_URL_X`: the service id in capitals, blanks as underscores.
    pub variable: &'static str,
    /// How requests and answers are written.
    pub protocol: Protocol,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.1; the operation goes in `X-Amz-Target` behind this prefix.
    Json {
        /// e.g. `AmazonEC2ContainerServiceV20141113`.
        target_prefix: &'static str,
    },
    /// Form in, XML out.
    Query {
        /// API version, e.g. `2015-12-01`.
        version: &'static str,
    },
    /// Form in, XML out, and items of lists are called like the list, as RDS has it: `<Tags><Tag>`.
    NamedQuery {
        /// API version.
        version: &'static str,
    },
    /// EC2's own Query: lists are flat, and answers have no result around them.
    Ec2 {
        /// API version.
        version: &'static str,
    },
    /// A path and a method for each operation, JSON in and out. Only those of [`crate::rest`] are known.
    RestJson,
    /// A path for each operation, XML out. Only those of [`crate::rest`] are known.
    RestXml {
        /// API version: the first part of every path.
        version: &'static str,
    },
}

/// Elastic Container Service.
pub const ECS: Service = Service {
    signing_name: "ecs",
    endpoint_prefix: "ecs",
    variable: "ECS",
    protocol: Protocol::Json { target_prefix: "AmazonEC2ContainerServiceV20141113" },
};
/// Elastic Container Registry.
pub const ECR: Service = Service {
    signing_name: "ecr",
    endpoint_prefix: "api.ecr",
    variable: "ECR",
    protocol: Protocol::Json { target_prefix: "AmazonEC2ContainerRegistry_V20150921" },
};
/// Secrets Manager.
pub const SECRETS: Service = Service {
    signing_name: "secretsmanager",
    endpoint_prefix: "secretsmanager",
    variable: "SECRETS_MANAGER",
    protocol: Protocol::Json { target_prefix: "secretsmanager" },
};
/// Systems Manager: Parameter Store.
pub const SSM: Service = Service {
    signing_name: "ssm",
    endpoint_prefix: "ssm",
    variable: "SSM",
    protocol: Protocol::Json { target_prefix: "AmazonSSM" },
};
/// CloudWatch Logs.
pub const LOGS: Service = Service {
    signing_name: "logs",
    endpoint_prefix: "logs",
    variable: "CLOUDWATCH_LOGS",
    protocol: Protocol::Json { target_prefix: "Logs_20140328" },
};
/// Security Token Service.
pub const STS: Service = Service {
    signing_name: "sts",
    endpoint_prefix: "sts",
    variable: "STS",
    protocol: Protocol::Query { version: "2011-06-15" },
};
/// Elastic Load Balancing, version 2 (application load balancers).
pub const ELB: Service = Service {
    signing_name: "elasticloadbalancing",
    endpoint_prefix: "elasticloadbalancing",
    variable: "ELASTIC_LOAD_BALANCING_V2",
    protocol: Protocol::Query { version: "2015-12-01" },
};
/// Relational Database Service.
pub const RDS: Service = Service {
    signing_name: "rds",
    endpoint_prefix: "rds",
    variable: "RDS",
    protocol: Protocol::NamedQuery { version: "2014-10-31" },
};
/// EventBridge: schedules.
pub const EVENTS: Service = Service {
    signing_name: "events",
    endpoint_prefix: "events",
    variable: "EVENTBRIDGE",
    protocol: Protocol::Json { target_prefix: "AWSEvents" },
};
/// CloudWatch: what is used. In Query, which every endpoint speaks that has it.
pub const CLOUDWATCH: Service = Service {
    signing_name: "monitoring",
    endpoint_prefix: "monitoring",
    variable: "CLOUDWATCH",
    protocol: Protocol::Query { version: "2010-08-01" },
};
/// EventBridge Scheduler: schedules in time zones.
pub const SCHEDULER: Service = Service {
    signing_name: "scheduler",
    endpoint_prefix: "scheduler",
    variable: "SCHEDULER",
    protocol: Protocol::RestJson,
};
/// Application Auto Scaling: whose count a service's is.
pub const AUTOSCALING: Service = Service {
    signing_name: "application-autoscaling",
    endpoint_prefix: "application-autoscaling",
    variable: "APPLICATION_AUTO_SCALING",
    protocol: Protocol::Json { target_prefix: "AnyScaleFrontendService" },
};
/// Identity and Access Management. Global: see [`Service::is_global`].
pub const IAM: Service = Service {
    signing_name: "iam",
    endpoint_prefix: "iam",
    variable: "IAM",
    protocol: Protocol::Query { version: "2010-05-08" },
};

/// Elastic Compute Cloud: networks.
pub const EC2: Service = Service {
    signing_name: "ec2",
    endpoint_prefix: "ec2",
    variable: "EC2",
    protocol: Protocol::Ec2 { version: "2016-11-15" },
};
/// Cloud Map: names by which services are found.
pub const CLOUD_MAP: Service = Service {
    signing_name: "servicediscovery",
    endpoint_prefix: "servicediscovery",
    variable: "SERVICEDISCOVERY",
    protocol: Protocol::Json { target_prefix: "Route53AutoNaming_v20170314" },
};
/// Route 53: zones of names. Global: see [`Service::is_global`].
pub const ROUTE53: Service = Service {
    signing_name: "route53",
    endpoint_prefix: "route53",
    variable: "ROUTE_53",
    protocol: Protocol::RestXml { version: "2013-04-01" },
};

impl Service {
    /// Returns whether a partition has one endpoint for all its regions.
    pub fn is_global(&self) -> bool {
        [IAM, ROUTE53].contains(self)
    }
}
