//! Which accounts do a folder's ARNs and addresses of ECR name?
//!
//! A folder names accounts that are not its own: layers of Lambda, load balancers' log writers, images of AWS. Only signs of
//! what an application has for itself are taken, and only where all of them agree.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::scope::Scope;
use super::super::value::Value;
use crate::Folder;
use crate::facts::is_account;

/// Services of AWS whose ARNs are one's own: of Lambda's layers, snapshots and IAM's principals many are not.
const OWN: [&str; 18] = [
    "acm",
    "cognito-idp",
    "dynamodb",
    "ecr",
    "ecs",
    "elasticache",
    "elasticfilesystem",
    "elasticloadbalancing",
    "events",
    "kms",
    "logs",
    "rds",
    "secretsmanager",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "states",
];

static ARNS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:[A-Za-z0-9/_.:-]+").ok());
static REGISTRIES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b([0-9]{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(/[A-Za-z0-9._/-]*)?").ok());

pub(super) fn only(accounts: BTreeSet<String>) -> Option<String> {
    let mut accounts = accounts.into_iter();
    accounts.next().filter(|_| accounts.next().is_none())
}

/// Returns the account of an ARN of what one has for oneself.
pub(super) fn of_arn(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, service, _, account, resource, ..] = parts.as_slice() else { return None };
    let is_own = OWN.contains(service) || (*service == "iam" && resource.starts_with("role/"));
    is_own.then(|| (*account).to_owned()).filter(|account| is_account(account))
}

/// Returns the accounts that a text names: ARNs, and registries that hold images of one's own.
fn in_text(text: &str, found: &mut BTreeSet<String>) {
    let (Some(arns), Some(registries)) = (ARNS.as_ref(), REGISTRIES.as_ref()) else { return };
    found.extend(arns.find_iter(text).filter_map(|arn| of_arn(arn.as_str())));
    for registry in registries.captures_iter(text) {
        // `aws-for-fluent-bit`, `aws-appmesh-envoy`, `amazon/...`: images that AWS keeps in accounts of its own.
        let path = registry.get(2).map_or("", |path| path.as_str());
        let is_theirs = ["/aws-", "/amazon", "/eks/"].iter().any(|start| path.starts_with(start));
        if !is_theirs && is_account(&registry[1]) {
            found.insert(registry[1].to_owned());
        }
    }
}

/// Returns the accounts that the values of a root module's variables name: what a stage has for itself. Locals are not
/// evaluated for it: an unused one may cost much.
pub(super) fn in_values(scope: &Scope<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let variables = scope.module.variables.iter().filter_map(|item| scope.variable(item.label(0)).ok());
    variables.for_each(|value| walk(&value, &mut found));
    found
}

fn walk(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Text(_) => value.shown().iter().for_each(|text| in_text(text, found)),
        Value::List(values) => values.iter().for_each(|value| walk(value, found)),
        Value::Map(values) => values.values().for_each(|value| walk(value, found)),
        _ => {}
    }
}

/// Returns the accounts that the files of a root module and of what it calls name; files of variables are one stage's.
pub(super) fn in_files(folder: &Folder, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let skipped = [".tfvars", ".tfvars.json", ".md"];
    let is_read = |path: &str| {
        (root.is_empty() || path.starts_with("..") || path.starts_with(root))
            && !path.contains(".terraform/")
            && !skipped.iter().any(|ending| path.ends_with(ending))
    };
    folder.iter().filter(|(path, _)| is_read(path)).for_each(|(_, text)| in_text(text, &mut found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_others_are_no_sign() {
        let mut found = BTreeSet::new();
        for text in [
            "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsights:14",
            "arn:aws:iam::127311923021:root",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "906394416424.dkr.ecr.us-west-2.amazonaws.com/aws-for-fluent-bit:latest",
            "arn:aws:sns:eu-west-1:000000000000:stand-in",
            "arn:aws:acm:eu-west-1:${var.account}:certificate/x",
        ] {
            in_text(text, &mut found);
        }
        assert_eq!(found, BTreeSet::new());
        in_text(
            "a 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:1 b arn:aws-cn:acm:cn-north-1:444455556666:certificate/1",
            &mut found,
        );
        in_text("arn:aws:iam::777788889999:role/task", &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["111122223333", "444455556666", "777788889999"]);
    }
}
