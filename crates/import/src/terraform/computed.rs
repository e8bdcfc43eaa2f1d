//! Which attributes that AWS computes are known without asking it?
//!
//! ARNs of what has a name of its own, and URLs made of account, region and name. Their forms are those of AWS's
//! service authorization reference; everything else (ids, addresses, random suffixes) is unknown.

use super::eval::Frame;
use super::files::Item;
use super::scope::Scope;
use super::value::{Text, Value};

/// Returns a computed attribute of a resource or data source, or nothing if it is an argument or unknown.
pub(super) fn attribute(scope: &Scope<'_>, item: &Item, frame: &Frame<'_>, name: &str) -> Option<Value> {
    let argument = |name: &str| scope.argument(item, frame, name).filter(|value| *value != Value::Null);
    let data = item.block.has_ident("data");
    let region = || scope.region();
    let account = || scope.account().into();
    // Joins texts; an unknown part stays a part.
    let joined = |parts: &[Value]| {
        let mut text = Text::default();
        for part in parts {
            text.append(part.as_text()?);
        }
        Some(Value::Text(text))
    };
    let arn = |service: &str, resource: &str, name: Value| {
        joined(&[
            format!("arn:aws:{service}:").as_str().into(),
            region(),
            ":".into(),
            account(),
            format!(":{resource}").as_str().into(),
            name,
        ])
    };
    match (item.label(0), name) {
        ("template_file", "rendered") => Some(scope.template_file(item, frame)),
        ("aws_caller_identity", "account_id" | "id") if data => Some(account()),
        ("aws_region", "name" | "id" | "region") if data => argument("name").or_else(|| Some(region())),
        ("aws_partition", "partition" | "id") if data => Some("aws".into()),
        ("aws_partition", "dns_suffix") if data => Some("amazonaws.com".into()),

        ("aws_ecs_cluster", "arn" | "id") => arn("ecs", "cluster/", argument("name").or(argument("cluster_name"))?),
        ("aws_ecs_cluster", "name") if data => argument("cluster_name"),
        ("aws_ecs_task_definition", "family") if data => argument("task_definition"),
        ("aws_ecs_task_definition", "arn" | "arn_without_revision") => {
            arn("ecs", "task-definition/", argument("family").or(argument("task_definition"))?)
        }
        ("aws_ecs_task_definition", "id") => argument("family").or(argument("task_definition")),
        ("aws_ecs_service", "id" | "arn") => {
            let cluster = super::names::last(&argument("cluster")?.shown()?);
            arn("ecs", &format!("service/{cluster}/"), argument("name").or(argument("service_name"))?)
        }

        ("aws_ecr_repository", "repository_url") => joined(&[
            argument("registry_id").unwrap_or_else(account),
            ".dkr.ecr.".into(),
            region(),
            ".amazonaws.com/".into(),
            argument("name")?,
        ]),
        ("aws_ecr_repository", "arn") => arn("ecr", "repository/", argument("name")?),
        ("aws_ecr_repository", "registry_id") => argument("registry_id").or_else(|| Some(account())),
        ("aws_ecr_repository", "id") => argument("name"),

        ("aws_iam_role", "arn") => {
            let path = argument("path").unwrap_or_else(|| "/".into());
            joined(&["arn:aws:iam::".into(), account(), ":role".into(), path, argument("name")?])
        }
        ("aws_iam_role", "id") => argument("name"),
        ("aws_iam_policy", "arn") if !data => {
            let path = argument("path").unwrap_or_else(|| "/".into());
            joined(&["arn:aws:iam::".into(), account(), ":policy".into(), path, argument("name")?])
        }

        ("aws_cloudwatch_log_group", "arn") => arn("logs", "log-group:", argument("name")?),
        ("aws_cloudwatch_log_group", "id") => argument("name"),
        ("aws_cloudwatch_event_rule", "arn") => arn("events", "rule/", argument("name")?),
        ("aws_cloudwatch_event_rule", "id") => argument("name"),

        // Without the six random characters; Secrets Manager finds it all the same.
        ("aws_secretsmanager_secret", "arn" | "id") => match argument("arn") {
            Some(given) if data => Some(given),
            _ => arn("secretsmanager", "secret:", argument("name")?),
        },
        ("aws_secretsmanager_secret_version", "arn" | "secret_arn") => argument("secret_id"),
        ("aws_ssm_parameter", "arn") => {
            let name = argument("name")?.as_text()?.map(|name| name.trim_start_matches('/').to_owned());
            arn("ssm", "parameter/", Value::Text(name))
        }

        ("aws_s3_bucket", "id") => argument("bucket"),
        ("aws_s3_bucket", "arn") => joined(&["arn:aws:s3:::".into(), argument("bucket")?]),
        ("aws_s3_bucket", "bucket_domain_name") => joined(&[argument("bucket")?, ".s3.amazonaws.com".into()]),
        ("aws_s3_bucket", "bucket_regional_domain_name") => {
            joined(&[argument("bucket")?, ".s3.".into(), region(), ".amazonaws.com".into()])
        }
        ("aws_sqs_queue", "id" | "url") => joined(&[
            "https://sqs.".into(),
            region(),
            ".amazonaws.com/".into(),
            account(),
            "/".into(),
            argument("name")?,
        ]),
        ("aws_sqs_queue", "arn") => arn("sqs", "", argument("name")?),
        ("aws_sns_topic", "id" | "arn") => arn("sns", "", argument("name")?),
        _ => None,
    }
}
