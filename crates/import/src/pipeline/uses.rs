//! What do ready-made steps do: actions of GitHub, pipes of Bitbucket?
//!
//! Read in their READMEs: docker/build-push-action, docker/metadata-action, aws-actions/configure-aws-credentials,
//! amazon-ecr-login, amazon-ecs-render-task-definition, amazon-ecs-deploy-task-definition; pipes
//! atlassian/aws-ecr-push-image and atlassian/aws-ecs-deploy.

use super::model::{Action, Build, Deploy};
use super::shell::{Variables, fill};
use super::yaml::Member;

/// What a ready-made step does.
pub(super) struct Used {
    pub(super) action: Action,
    /// References that it pushes beside what it builds.
    pub(super) pushes: Vec<String>,
    pub(super) by_tokens: bool,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
}

/// Returns what a step with `uses`, or with `pipe`, does; it may set what later steps ask for.
pub(super) fn action(name: &str, with: &[Member], step: Option<&str>, variables: &mut Variables) -> Used {
    let whole = name.split(['@', ':']).next().unwrap_or(name).to_lowercase();
    let known = variables.clone();
    let get = |key: &str| -> Option<String> {
        let node = &with.iter().find(|entry| entry.key.eq_ignore_ascii_case(key))?.node;
        Some(fill(node.text()?, &known))
    };
    let mut used = Used {
        action: Action::Ours("managr does it itself"),
        pushes: Vec::new(),
        by_tokens: false,
        account: get("role-to-assume").or_else(|| get("AWS_OIDC_ROLE_ARN")).and_then(|role| {
            let account = role.strip_prefix("arn:aws:iam::")?.get(..12)?.to_owned();
            account.bytes().all(|b| b.is_ascii_digit()).then_some(account)
        }),
        region: get("aws-region").or_else(|| get("AWS_DEFAULT_REGION")),
    };
    match whole.as_str() {
        "docker/build-push-action" | "docker/build-push" => {
            let mut build = Build {
                context: get("context").or_else(|| Some(".".to_owned())),
                dockerfile: get("file"),
                target: get("target"),
                platform: get("platforms"),
                pushes: get("push").is_some_and(|push| push != "false"),
                tags: lines(get("tags").as_deref().unwrap_or_default(), true),
                ..Build::default()
            };
            for line in lines(get("build-args").as_deref().unwrap_or_default(), false) {
                build.args.push(match line.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (line, None),
                });
            }
            if build.context.as_deref().is_some_and(|context| context.starts_with("${")) {
                build.context = Some(".".to_owned());
            }
            used.action = Action::Build(build);
        }
        "docker/metadata-action" => {
            let tags = metadata(&get("images").unwrap_or_default(), get("tags").as_deref());
            if let Some(step) = step {
                variables.insert(format!("steps.{step}.outputs.tags"), tags.join("\n"));
                variables.insert(format!("steps.{step}.outputs.version"), "${github.ref_name}".to_owned());
            }
        }
        "aws-actions/configure-aws-credentials" => {
            used.by_tokens = get("role-to-assume").is_some() && get("aws-access-key-id").is_none();
        }
        "aws-actions/amazon-ecs-deploy-task-definition" => {
            used.action = Action::Deploy(Deploy {
                cluster: get("cluster"),
                service: get("service"),
                family: None,
                is_forced: get("force-new-deployment").is_some_and(|force| force == "true")
                    && get("task-definition").is_none(),
            });
        }
        "atlassian/aws-ecs-deploy" => {
            used.by_tokens = get("AWS_OIDC_ROLE_ARN").is_some();
            used.action = Action::Deploy(Deploy {
                cluster: get("CLUSTER_NAME"),
                service: get("SERVICE_NAME"),
                family: None,
                is_forced: get("FORCE_NEW_DEPLOYMENT").is_some_and(|force| force == "true")
                    && get("TASK_DEFINITION").is_none(),
            });
        }
        "atlassian/aws-ecr-push-image" => {
            used.by_tokens = get("AWS_OIDC_ROLE_ARN").is_some();
            let image = get("IMAGE_NAME").unwrap_or_default();
            let tags = get("TAGS").unwrap_or_else(|| "latest".to_owned());
            // The host of the registry is the account's, which the pipe asks AWS for.
            used.pushes = tags.split_whitespace().map(|tag| format!("${{registry}}/{image}:{tag}")).collect();
            let own = used.pushes.iter().cloned();
            for (index, to) in own.enumerate() {
                if index == 0 {
                    used.action = Action::Tag { from: image.clone(), to };
                }
            }
        }
        "aws-actions/amazon-ecs-render-task-definition"
        | "aws-actions/amazon-ecr-login"
        | "actions/checkout"
        | "docker/setup-buildx-action"
        | "docker/setup-qemu-action"
        | "docker/login-action" => {}
        _ => used.action = Action::Own,
    }
    used
}

/// Splits lines, and commas where they part items too.
fn lines(text: &str, by_commas: bool) -> Vec<String> {
    let split = |c: char| c == '\n' || (by_commas && c == ',');
    text.split(split).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Returns the references that docker/metadata-action makes.
fn metadata(images: &str, tags: Option<&str>) -> Vec<String> {
    let mut made = Vec::new();
    let rules = lines(tags.unwrap_or("type=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr"), false);
    for image in lines(images, true) {
        for rule in &rules {
            let of = |key: &str| rule.split(',').find_map(|part| part.trim().strip_prefix(key)?.strip_prefix('='));
            let prefix = of("prefix");
            let tag = match (of("type"), of("event")) {
                (Some("sha"), _) => format!("{}${{github.sha}}", prefix.unwrap_or("sha-")),
                (Some("raw"), _) => of("value").unwrap_or_default().to_owned(),
                (Some("ref"), Some("pr")) => "pr-${github.event.number}".to_owned(),
                (Some("ref"), Some("tag")) | (Some("semver" | "match" | "pep440"), _) => "${git.describe}".to_owned(),
                (Some("ref"), _) => "${git.branch}".to_owned(),
                (Some(_), _) => "${docker.metadata}".to_owned(),
                (None, _) => rule.clone(),
            };
            made.push(format!("{image}:{tag}"));
        }
    }
    made
}
