//! What does a command do: build, tag, push, deploy, or something of its own?
//!
//! Read in the references of `docker build`, `buildah bud`, kaniko's README (flags of the executor), `aws ecs`, and of
//! the scripts `ecs-deploy` (silinternational) and `ecs` (fabfuel).

mod build;

use self::build::{build, kaniko};
use super::model::{Action, Deploy};
use super::shell::Command;

/// Returns what a command does.
pub(super) fn action(command: &Command) -> Action {
    let words: Vec<&str> =
        command.words.iter().map(String::as_str).filter(|word| *word != "sudo" && *word != "time").collect();
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let here = command.directory.as_deref();
    let Some(first) = words.first().map(|word| name(word)) else { return Action::Ours("it sets a variable") };
    match (first.as_str(), &words[1..]) {
        ("docker" | "podman" | "nerdctl" | "buildah" | "img", rest) => of_docker(rest, here),
        ("executor", rest) if rest.iter().any(|word| word.starts_with("--")) => kaniko(rest, here),
        ("docker-compose", rest) => compose(rest),
        ("aws", rest) => aws(rest),
        ("ecs-deploy", rest) => ecs_deploy(rest),
        ("ecs", ["deploy", cluster, service, ..]) => Action::Deploy(Deploy {
            cluster: Some((*cluster).to_owned()),
            service: Some((*service).to_owned()),
            ..Deploy::default()
        }),
        ("terraform" | "tofu" | "terragrunt" | "cdk" | "cdktf" | "pulumi" | "sam" | "serverless", _) => {
            Action::Instead(
                "it makes infrastructure, which managr does not: keep it as a step of yours, and see that it and a deploy do not undo each other",
            )
        }
        ("copilot" | "ecs-cli", _) => {
            Action::Instead("managr deploys in place of it: `managr import service` reads what runs")
        }
        (
            "set" | "export" | "echo" | "printf" | "cd" | "true" | ":" | "pwd" | "ls" | "date" | "env" | "printenv"
            | "unset" | "which" | "sleep" | "exit" | "test" | "[" | "[[" | "mkdir" | "shopt",
            _,
        ) => Action::Ours("it does nothing that outlives the step"),
        ("jq" | "envsubst", _) => Action::Ours("managr renders the task definition itself"),
        ("sed" | "cat" | "cp" | "mv" | "tee", rest) if rest.iter().any(|word| is_task_definition(word)) => {
            Action::Ours("managr renders the task definition itself")
        }
        ("cat", _) => Action::Ours("it does nothing that outlives the step"),
        ("pip" | "pip3", ["install", rest @ ..])
            if only(rest, &["awscli", "aws-cli", "ecs-deploy", "docker-compose"]) =>
        {
            Action::Ours("managr needs no other tool")
        }
        ("apt-get" | "apt" | "apk" | "yum" | "dnf", rest) if only(&rest[rest.len().min(1)..], &TOOLS) => {
            Action::Ours("managr needs no other tool")
        }
        ("apt-get" | "apt", ["update", ..]) | ("amazon-linux-extras", _) => Action::Ours("managr needs no other tool"),
        ("git", ["rev-parse" | "describe" | "fetch" | "log", ..]) => Action::Ours("managr asks git itself"),
        ("crane" | "skopeo" | "trivy" | "grype" | "cosign" | "snyk", _) => {
            Action::Instead("managr has no such step: keep it as one of yours, after `managr push`")
        }
        _ => Action::Own,
    }
}

const TOOLS: [&str; 12] = [
    "awscli",
    "aws-cli",
    "jq",
    "docker",
    "docker-cli",
    "python3",
    "py3-pip",
    "python3-pip",
    "curl",
    "unzip",
    "gettext",
    "bash",
];

/// Whether all words that are no options are of a list.
fn only(words: &[&str], known: &[&str]) -> bool {
    let bare = |word: &str| word.split(['=', '<', '>', '~']).next().unwrap_or_default().to_owned();
    words
        .iter()
        .filter(|word| !word.starts_with('-'))
        .all(|word| known.contains(&bare(word).as_str()) || *word == "install" || *word == "add" || *word == "pip")
}

fn is_task_definition(word: &str) -> bool {
    let word = word.to_lowercase().replace(['-', '_', '.'], "");
    word.contains("taskdef") || word.contains("containerdefinition")
}

fn of_docker(words: &[&str], here: Option<&str>) -> Action {
    match words {
        ["build" | "bud", rest @ ..] | ["image" | "builder" | "buildx", "build", rest @ ..] => build(rest, here),
        ["buildx", "bake", ..] => {
            Action::Instead("what is built is in a bake file, which is not read: write [images] by hand")
        }
        ["buildx" | "context" | "info" | "version" | "images" | "ps" | "logout" | "system" | "pull", ..] | [] => {
            Action::Ours("managr's builder has what it needs")
        }
        ["login", ..] => Action::Ours("managr logs in to the registry itself"),
        ["tag", from, to, ..] | ["image", "tag", from, to, ..] => {
            Action::Tag { from: (*from).to_owned(), to: (*to).to_owned() }
        }
        ["push", rest @ ..] | ["image", "push", rest @ ..] => {
            let reference = rest.iter().rfind(|word| !word.starts_with('-'));
            let is_every_tag = rest.iter().any(|word| *word == "--all-tags" || *word == "-a");
            match reference {
                Some(reference) => Action::Push { reference: (*reference).to_owned(), is_every_tag },
                None => Action::Own,
            }
        }
        ["save" | "load", ..] | ["image", "save" | "load", ..] => {
            Action::Ours("an image goes to the registry, and from there to every stage")
        }
        ["run", rest @ ..] if rest.iter().any(|word| word.contains("ecs-deploy")) => ecs_deploy(rest),
        ["compose", rest @ ..] => compose(rest),
        ["manifest" | "imagetools", ..] => Action::Instead("managr builds for one platform"),
        _ => Action::Own,
    }
}

fn compose(words: &[&str]) -> Action {
    match words.iter().find(|word| !word.starts_with('-')) {
        Some(&"build" | &"push") => Action::Instead(
            "what is built is in the compose file: `managr import compose` reads it; write its images into [images]",
        ),
        _ => Action::Own,
    }
}

fn aws(words: &[&str]) -> Action {
    let words: Vec<&str> = skip_globals(words);
    let of = |name: &str| option(&words, name);
    match words.as_slice() {
        ["ecs", "update-service", ..] => Action::Deploy(Deploy {
            cluster: of("--cluster"),
            service: of("--service"),
            family: of("--task-definition").filter(|family| !family.contains("output of a command")),
            is_forced: words.contains(&"--force-new-deployment") && of("--task-definition").is_none(),
        }),
        ["ecs", "register-task-definition", ..] => {
            Action::Deploy(Deploy { family: of("--family"), ..Deploy::default() })
        }
        ["deploy", "create-deployment" | "push" | "wait", ..] | ["ecs", "deploy", ..] => Action::Instead(
            "managr replaces tasks by rolling them, not by CodeDeploy: the service must be of that kind",
        ),
        ["ecs", "run-task", ..] => Action::Instead(
            "what runs once for each deploy is `[services.NAME.release]` of the manifest; by hand it is `managr run`",
        ),
        [
            "ecs",
            "wait"
            | "describe-services"
            | "describe-task-definition"
            | "list-tasks"
            | "describe-tasks"
            | "list-task-definitions"
            | "deregister-task-definition",
            ..,
        ] => Action::Ours("managr deploy waits, and knows what runs"),
        ["ecr", "get-login-password" | "get-login" | "get-authorization-token", ..] => {
            Action::Ours("managr logs in to the registry itself")
        }
        ["ecr", "create-repository" | "describe-repositories", ..] => {
            Action::Ours("managr makes repositories that are missing")
        }
        ["ecr", "describe-images" | "list-images" | "batch-get-image" | "put-image" | "wait", ..] => Action::Instead(
            "managr push PROD --from STAGING gives an image another tag by its digest; extra-tags follow what runs",
        ),
        ["configure" | "--version" | "sts" | "help", ..] | [] => {
            Action::Ours("managr reads the same credentials and settings")
        }
        ["cloudformation" | "apprunner", ..] => {
            Action::Instead("it makes infrastructure, which managr does not: keep it as a step of yours")
        }
        _ => Action::Own,
    }
}

/// Options that may stand before the service.
fn skip_globals<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut rest = words;
    loop {
        match rest {
            ["--region" | "--profile" | "--output" | "--endpoint-url" | "--query", _, more @ ..] => rest = more,
            [flag, more @ ..] if flag.starts_with("--") && *flag != "--version" => rest = more,
            _ => return rest.to_vec(),
        }
    }
}

fn option(words: &[&str], name: &str) -> Option<String> {
    words.iter().enumerate().find_map(|(at, word)| {
        let joined = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        joined.or_else(|| (*word == name).then(|| words.get(at + 1).copied()).flatten()).map(str::to_owned)
    })
}

fn ecs_deploy(words: &[&str]) -> Action {
    let of = |names: [&str; 2]| names.iter().find_map(|name| option(words, name));
    Action::Deploy(Deploy {
        cluster: of(["-c", "--cluster"]),
        service: of(["-n", "--service-name"]),
        family: of(["-d", "--task-definition"]),
        is_forced: false,
    })
}

/// A reference, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) host: Option<String>,
    pub(super) repository: String,
    pub(super) tag: Option<String>,
}

/// Splits a reference; `${NAME}` in it is one letter.
pub(super) fn reference(text: &str) -> Reference {
    // A `:` or `/` within braces is part of a name.
    let mut depth = 0_usize;
    let (mut colon, mut slash) = (None, None);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                slash = slash.or(Some(at));
                colon = None;
            }
            ':' if depth == 0 => colon = Some(at),
            _ => {}
        }
    }
    let (name, tag) = match colon {
        Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
        None => (text, None),
    };
    let name = name.split('@').next().unwrap_or(name);
    let is_host = |host: &str| host.contains(['.', ':', '$']) || host == "localhost";
    match slash.map(|at| name.split_at(at.min(name.len()))) {
        Some((host, rest)) if is_host(host) => {
            Reference { host: Some(host.to_owned()), repository: rest.trim_start_matches('/').to_owned(), tag }
        }
        _ => Reference { host: None, repository: name.to_owned(), tag },
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::{Variables, commands};
    use super::*;

    fn of(script: &str) -> Vec<Action> {
        commands(script, &mut Variables::new()).iter().map(action).collect()
    }

    #[test]
    fn every_builder_says_the_same_in_its_own_words() {
        for script in [
            "docker build -t r/web:1 -f api/Dockerfile --build-arg A=1 --build-arg=B=2 --target prod api",
            "cd api && docker buildx build . --push --tag=r/web:1 --file Dockerfile --build-arg A=1 --build-arg B=2 --target=prod",
            "buildah bud --layers -t r/web:1 -f api/Dockerfile --build-arg A=1 --build-arg B=2 --target prod ./api",
            "/kaniko/executor --context $CI_PROJECT_DIR/api --dockerfile Dockerfile --destination r/web:1 --build-arg A=1 --build-arg B=2 --target prod --cache=true",
        ] {
            let found = of(script);
            let Some(Action::Build(build)) = found.last() else { panic!("{script}: {found:?}") };
            assert_eq!(build.tags, ["r/web:1"], "{script}");
            assert_eq!(
                (build.context.as_deref(), build.dockerfile.as_deref()),
                (Some("api"), Some("api/Dockerfile")),
                "{script}"
            );
            assert_eq!(build.args, [("A".to_owned(), Some("1".to_owned())), ("B".to_owned(), Some("2".to_owned()))]);
            assert_eq!(build.target.as_deref(), Some("prod"), "{script}");
            assert!(build.lost.is_empty(), "{script}");
        }
        let Action::Build(build) = &of("docker build --secret id=x --whatever -t a .")[0] else { panic!() };
        assert_eq!(build.lost, ["--secret", "--whatever"]);
    }

    #[test]
    fn deploys_are_known_by_what_they_do() {
        let deploy = |script: &str| match of(script).pop() {
            Some(Action::Deploy(deploy)) => deploy,
            other => panic!("{script}: {other:?}"),
        };
        let found = deploy("aws --region eu-west-1 ecs update-service --cluster c --service=s --force-new-deployment");
        assert_eq!((found.cluster.as_deref(), found.service.as_deref(), found.is_forced), (Some("c"), Some("s"), true));
        assert!(
            !deploy("aws ecs update-service --cluster c --service s --task-definition f --force-new-deployment")
                .is_forced
        );
        let found = deploy("docker run silintl/ecs-deploy -c c -n s -i img");
        assert_eq!((found.cluster.as_deref(), found.service.as_deref()), (Some("c"), Some("s")));
        assert!(matches!(of("terraform apply -auto-approve")[0], Action::Instead(_)));
        assert_eq!(of("npm run build")[0], Action::Own);
        assert_eq!(of("pip install awscli==1.2 requests")[0], Action::Own);
    }

    #[test]
    fn references_have_parts() {
        let check = |text: &str, host: Option<&str>, repository: &str, tag: Option<&str>| {
            let found = reference(text);
            assert_eq!(
                (found.host.as_deref(), found.repository.as_str(), found.tag.as_deref()),
                (host, repository, tag),
                "{text}"
            );
        };
        check(
            "1.dkr.ecr.eu-west-1.amazonaws.com/shop/web:v1",
            Some("1.dkr.ecr.eu-west-1.amazonaws.com"),
            "shop/web",
            Some("v1"),
        );
        check("${REGISTRY}/${REPO}:${TAG}", Some("${REGISTRY}"), "${REPO}", Some("${TAG}"));
        check("localhost:5000/web", Some("localhost:5000"), "web", None);
        check("web:1", None, "web", Some("1"));
        check("${IMAGE}", None, "${IMAGE}", None);
    }
}
