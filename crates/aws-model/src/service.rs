//! The services that the platform speaks: one row for each, as the official models describe them.
//!
//! Written by `tools/from_botocore.py` from botocore 1.44.8.

use crate::protocol::Protocol;

/// What the tables were made from: what AWS added later is not in them.
pub const MODELS: &str = "botocore 1.44.8";

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Identity and Access Management.
    Iam,
    /// Elastic Compute Cloud.
    Ec2,
    /// Certificate Manager.
    Acm,
    /// Key Management Service.
    Kms,
    /// Route 53.
    Route53,
    /// Cloud Map.
    ServiceDiscovery,
    /// CloudWatch.
    CloudWatch,
    /// Application Auto Scaling.
    ApplicationAutoScaling,
    /// EventBridge.
    Events,
    /// EventBridge Scheduler.
    Scheduler,
    /// Relational Database Service.
    Rds,
}

/// What is known of a service besides its model.
pub(crate) struct Row {
    pub(crate) service: Service,
    pub(crate) cli: &'static str,
    pub(crate) words: &'static str,
    pub(crate) signing: &'static str,
    pub(crate) target: &'static str,
    pub(crate) version: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) protocols: &'static [Protocol],
    pub(crate) speaks_query_codes: bool,
    pub(crate) model: &'static [u8],
}

pub(crate) const ROWS: [Row; 18] = [
    Row {
        service: Service::Ecs,
        cli: "ecs",
        words: "Elastic Container Service",
        signing: "ecs",
        target: "AmazonEC2ContainerServiceV20141113",
        version: "2014-11-13",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/ecs.z")),
    },
    Row {
        service: Service::Ecr,
        cli: "ecr",
        words: "Elastic Container Registry",
        signing: "ecr",
        target: "AmazonEC2ContainerRegistry_V20150921",
        version: "2015-09-21",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/ecr.z")),
    },
    Row {
        service: Service::ElbV2,
        cli: "elbv2",
        words: "Elastic Load Balancing, version 2",
        signing: "elasticloadbalancing",
        target: "",
        version: "2015-12-01",
        namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        protocols: &[Protocol::Query],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/elbv2.z")),
    },
    Row {
        service: Service::SecretsManager,
        cli: "secretsmanager",
        words: "Secrets Manager",
        signing: "secretsmanager",
        target: "secretsmanager",
        version: "2017-10-17",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/secretsmanager.z")),
    },
    Row {
        service: Service::Ssm,
        cli: "ssm",
        words: "Systems Manager",
        signing: "ssm",
        target: "AmazonSSM",
        version: "2014-11-06",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/ssm.z")),
    },
    Row {
        service: Service::Logs,
        cli: "logs",
        words: "CloudWatch Logs",
        signing: "logs",
        target: "Logs_20140328",
        version: "2014-03-28",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/logs.z")),
    },
    Row {
        service: Service::Sts,
        cli: "sts",
        words: "Security Token Service",
        signing: "sts",
        target: "",
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        protocols: &[Protocol::Query],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/sts.z")),
    },
    Row {
        service: Service::Iam,
        cli: "iam",
        words: "Identity and Access Management",
        signing: "iam",
        target: "",
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
        protocols: &[Protocol::Query],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/iam.z")),
    },
    Row {
        service: Service::Ec2,
        cli: "ec2",
        words: "Elastic Compute Cloud",
        signing: "ec2",
        target: "",
        version: "2016-11-15",
        namespace: "http://ec2.amazonaws.com/doc/2016-11-15",
        protocols: &[Protocol::Ec2],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/ec2.z")),
    },
    Row {
        service: Service::Acm,
        cli: "acm",
        words: "Certificate Manager",
        signing: "acm",
        target: "CertificateManager",
        version: "2015-12-08",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/acm.z")),
    },
    Row {
        service: Service::Kms,
        cli: "kms",
        words: "Key Management Service",
        signing: "kms",
        target: "TrentService",
        version: "2014-11-01",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/kms.z")),
    },
    Row {
        service: Service::Route53,
        cli: "route53",
        words: "Route 53",
        signing: "route53",
        target: "",
        version: "2013-04-01",
        namespace: "",
        protocols: &[Protocol::RestXml],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/route53.z")),
    },
    Row {
        service: Service::ServiceDiscovery,
        cli: "servicediscovery",
        words: "Cloud Map",
        signing: "servicediscovery",
        target: "Route53AutoNaming_v20170314",
        version: "2017-03-14",
        namespace: "",
        protocols: &[Protocol::RpcV2Cbor, Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/servicediscovery.z")),
    },
    Row {
        service: Service::CloudWatch,
        cli: "cloudwatch",
        words: "CloudWatch",
        signing: "monitoring",
        target: "GraniteServiceVersion20100801",
        version: "2010-08-01",
        namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
        protocols: &[Protocol::RpcV2Cbor, Protocol::Json10, Protocol::Query],
        speaks_query_codes: true,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/cloudwatch.z")),
    },
    Row {
        service: Service::ApplicationAutoScaling,
        cli: "application-autoscaling",
        words: "Application Auto Scaling",
        signing: "application-autoscaling",
        target: "AnyScaleFrontendService",
        version: "2016-02-06",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/application-autoscaling.z")),
    },
    Row {
        service: Service::Events,
        cli: "events",
        words: "EventBridge",
        signing: "events",
        target: "AWSEvents",
        version: "2015-10-07",
        namespace: "",
        protocols: &[Protocol::Json11],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/events.z")),
    },
    Row {
        service: Service::Scheduler,
        cli: "scheduler",
        words: "EventBridge Scheduler",
        signing: "scheduler",
        target: "",
        version: "2021-06-30",
        namespace: "",
        protocols: &[Protocol::RestJson],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/scheduler.z")),
    },
    Row {
        service: Service::Rds,
        cli: "rds",
        words: "Relational Database Service",
        signing: "rds",
        target: "",
        version: "2014-10-31",
        namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
        protocols: &[Protocol::Query],
        speaks_query_codes: false,
        model: include_bytes!(concat!(env!("OUT_DIR"), "/rds.z")),
    },
];
