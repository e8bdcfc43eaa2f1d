//! Which types of resources stay with Terraform as a whole, and what are they to the manifest?
//!
//! Only types that are known to be no part of how an application is deployed. Of any other type nothing is claimed, and
//! so it is listed.

use super::super::scope::Instance;

/// Beginnings of types, and why they stay.
const KEPT: [(&str, &str); 62] = [
    ("aws_iam_role", "stays in Terraform: the manifest names its ARN"),
    ("aws_iam_", "who may do what"),
    ("aws_security_group", "stays in Terraform: the manifest wants its id, under the stage"),
    ("aws_vpc_security_group_", "who may reach what"),
    ("aws_subnet", "stays in Terraform: the manifest wants its id, under the stage"),
    ("aws_vpc", "the network"),
    ("aws_default_", "the network"),
    ("aws_internet_gateway", "the network"),
    ("aws_egress_only_internet_gateway", "the network"),
    ("aws_nat_gateway", "the network"),
    ("aws_eip", "the network"),
    ("aws_route_table", "the network"),
    ("aws_route53_", "names of hosts"),
    ("aws_route", "the network"),
    ("aws_network_", "the network"),
    ("aws_flow_log", "the network"),
    ("aws_acm_", "certificates"),
    ("aws_db_", "a database"),
    ("aws_rds_", "a database"),
    ("aws_dynamodb_", "a database"),
    ("aws_docdb_", "a database"),
    ("aws_elasticache_", "a store"),
    ("aws_memorydb_", "a store"),
    ("aws_mq_", "a queue"),
    ("aws_msk_", "a queue"),
    ("aws_sqs_", "a queue"),
    ("aws_sns_", "messages"),
    ("aws_ses_", "mail"),
    ("aws_sesv2_", "mail"),
    ("aws_opensearch_", "a store"),
    ("aws_elasticsearch_", "a store"),
    ("aws_efs_", "files"),
    ("aws_s3_", "files"),
    ("aws_ebs_", "files"),
    ("aws_cloudfront_", "what stands before the application"),
    ("aws_api_gateway", "what stands before the application"),
    ("aws_apigatewayv2_", "what stands before the application"),
    ("aws_kms_", "keys"),
    ("aws_ssm_parameter", "parameters: containers name them by their ARN"),
    ("aws_cloudwatch_metric_alarm", "alarms"),
    ("aws_cloudwatch_composite_alarm", "alarms"),
    ("aws_cloudwatch_dashboard", "dashboards"),
    ("aws_cloudwatch_log_metric_filter", "what is counted in logs"),
    ("aws_cloudwatch_log_subscription_filter", "where logs go on"),
    ("aws_cloudwatch_log_stream", "streams of logs"),
    ("aws_lambda_", "functions"),
    ("aws_sfn_", "state machines"),
    ("aws_cognito_", "users"),
    ("aws_backup_", "backups"),
    ("aws_launch_template", "machines"),
    ("aws_autoscaling_", "machines"),
    ("aws_instance", "machines"),
    ("aws_key_pair", "machines"),
    ("aws_codebuild_", "builds"),
    ("aws_codepipeline", "builds"),
    ("aws_codecommit_", "builds"),
    ("aws_service_discovery_", "names of services"),
    ("random_", "values that Terraform makes up"),
    ("time_", "times that Terraform keeps"),
    ("tls_", "keys that Terraform makes"),
    ("local_", "files that Terraform writes"),
    ("terraform_data", "values that Terraform keeps"),
];

/// Returns why a resource stays with Terraform as a whole, if its type is one of those.
pub(super) fn why(instance: &Instance<'_>) -> Option<&'static str> {
    let kind = instance.kind();
    KEPT.iter().find(|(beginning, _)| kind.starts_with(beginning)).map(|(_, why)| *why)
}
