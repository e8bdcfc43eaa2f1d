//! Policies that AWS makes: they can be attached by ARN, whatever they are called.
//!
//! The documents of those that apps on ECS use are known, as AWS had them in 2026 (iann0036/iam-dataset, which reads
//! them from IAM every day). Of any other nothing is answered but what its ARN says: GetPolicyVersion refuses.

use std::collections::BTreeSet;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::attach::{counts, name_of, path_of};
use super::document;
use super::find::no_such;
use super::{Role, User};
use crate::{Cx, World};

/// A policy of AWS whose document is known.
struct Known {
    /// What follows `policy` in its ARN.
    name: &'static str,
    /// Its default version; earlier ones are not known.
    version: &'static str,
    document: &'static str,
}

const KNOWN: [Known; 13] = [
    Known {
        name: "/AWSXRayDaemonWriteAccess",
        version: "v2",
        document: r#"{"Version":"2012-10-17","Statement":[{"Sid":"AWSXRayDaemonWriteAccess","Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":["*"]}]}"#,
    },
    Known {
        name: "/AdministratorAccess",
        version: "v1",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonEC2ContainerRegistryPowerUser",
        version: "v3",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonEC2ContainerRegistryReadOnly",
        version: "v3",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonS3FullAccess",
        version: "v2",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonS3ReadOnlyAccess",
        version: "v3",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonSQSFullAccess",
        version: "v1",
        document: r#"{"Version":"2012-10-17","Statement":[{"Action":["sqs:*"],"Effect":"Allow","Resource":"*"}]}"#,
    },
    Known {
        name: "/AmazonSSMManagedInstanceCore",
        version: "v2",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ssm:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackageResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation"],"Resource":"*"},{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"},{"Effect":"Allow","Action":["ec2messages:AcknowledgeMessage","ec2messages:DeleteMessage","ec2messages:FailMessage","ec2messages:GetEndpoint","ec2messages:GetMessages","ec2messages:SendReply"],"Resource":"*"}]}"#,
    },
    Known {
        name: "/CloudWatchAgentServerPolicy",
        version: "v3",
        document: r#"{"Version":"2012-10-17","Statement":[{"Sid":"CWACloudWatchServerPermissions","Effect":"Allow","Action":["cloudwatch:PutMetricData","ec2:DescribeVolumes","ec2:DescribeTags","logs:PutLogEvents","logs:PutRetentionPolicy","logs:DescribeLogStreams","logs:DescribeLogGroups","logs:CreateLogStream","logs:CreateLogGroup","xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":"*"},{"Sid":"CWASSMServerPermissions","Effect":"Allow","Action":["ssm:GetParameter"],"Resource":"arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}]}"#,
    },
    Known {
        name: "/service-role/AmazonEC2ContainerServiceAutoscaleRole",
        version: "v2",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:DescribeServices","ecs:UpdateService"],"Resource":["*"]},{"Effect":"Allow","Action":["cloudwatch:DescribeAlarms","cloudwatch:PutMetricAlarm"],"Resource":["*"]}]}"#,
    },
    Known {
        name: "/service-role/AmazonEC2ContainerServiceEventsRole",
        version: "v3",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:RunTask"],"Resource":["*"]},{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["*"],"Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},{"Effect":"Allow","Action":["ecs:TagResource"],"Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["RunTask"]}}}]}"#,
    },
    Known {
        name: "/service-role/AmazonEC2ContainerServiceforEC2Role",
        version: "v10",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeTags","ecs:CreateCluster","ecs:DeregisterContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll","ecs:RegisterContainerInstance","ecs:StartTelemetrySession","ecs:UpdateContainerInstancesState","ecs:Submit*","ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"},{"Effect":"Allow","Action":["ecs:TagResource"],"Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["CreateCluster","RegisterContainerInstance"]}}},{"Effect":"Allow","Action":["ecs:ListTagsForResource"],"Resource":["arn:aws:ecs:*:*:task/*/*","arn:aws:ecs:*:*:container-instance/*/*"]}]}"#,
    },
    Known {
        name: "/service-role/AmazonECSTaskExecutionRolePolicy",
        version: "v1",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    },
];

/// Whether an ARN is of a policy of AWS: `arn:PARTITION:iam::aws:policy/...`.
pub(super) fn is_aws(arn: &str) -> bool {
    aws_model::arn::Arn::parse(arn).is_some_and(|arn| {
        let name = arn.resource.strip_prefix("policy/").unwrap_or_default();
        arn.service == "iam" && arn.account == "aws" && !name.is_empty() && !name.ends_with('/')
    })
}

fn known(arn: &str) -> Option<&'static Known> {
    let name = arn.split_once(":aws:policy")?.1;
    KNOWN.iter().find(|known| known.name == name)
}

/// Shows what is known of a policy of AWS: its version only if its document is.
pub(super) fn show(world: &World, arn: &str) -> Value {
    let (attached, bounds) = counts(world, arn);
    let mut out = json!({
        "PolicyName": name_of(arn),
        "Arn": arn,
        "Path": path_of(arn),
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounds,
        "IsAttachable": true,
    });
    if let Some(known) = known(arn) {
        out["DefaultVersionId"] = json!(known.version);
    }
    out
}

/// Shows the one version that is known.
pub(super) fn show_version(arn: &str, version: &str) -> Result<Value, AwsError> {
    match known(arn) {
        Some(known) if known.version == version => {
            let document = document::encoded(known.document);
            Ok(json!({"VersionId": version, "IsDefaultVersion": true, "Document": document}))
        }
        _ => {
            Err(no_such(format!("managr's platform does not know version {version} of the AWS managed policy {arn}.")))
        }
    }
}

/// Returns the versions that are known: one or none.
pub(super) fn versions(arn: &str) -> Vec<(String, Value)> {
    let version = known(arn).map(|known| json!({"VersionId": known.version, "IsDefaultVersion": true}));
    version.into_iter().map(|version| (String::new(), version)).collect()
}

/// Returns the policies of AWS that can be listed: those whose documents are known, and those that are attached.
pub(super) fn arns(world: &World, cx: &Cx<'_>) -> BTreeSet<String> {
    let partition = aws_model::region::partition(cx.region);
    let known = KNOWN.iter().map(|known| format!("arn:{partition}:iam::aws:policy{}", known.name));
    let roles = world.records.all::<Role>("").map(|role| role.entity);
    let users = world.records.all::<User>("").map(|user| user.entity);
    let used = roles.chain(users).flat_map(|entity| entity.attached.into_iter().chain(entity.boundary));
    known.chain(used.filter(|arn| is_aws(arn))).collect()
}
