//! What a purge removes that is not this application's: read from the platform, or from its files when it does not run.

use std::path::Path;
use std::time::Duration;

use deploy_core::Desired;
use deploy_core::manifest::LOCAL;
use platform::Contents;

use crate::context::{Context, Project};
use crate::daemon;
use crate::ui::visible::word;

/// How long a platform may take to say what it has.
const LIMIT: Duration = Duration::from_secs(10);
/// How many names of a kind are said.
const NAMES: usize = 6;
/// What is made beside a task definition's own family: release commands and one-off tasks.
const KIN: [&str; 3] = ["", "-release", "-run"];

/// What is known of a platform.
pub(super) enum Known {
    /// Everything.
    Contents(Box<Contents>),
    /// Nothing, and why.
    Unread(String),
}

/// Asks the platform of a data directory what it has; reads its files when it does not run.
pub(super) async fn contents(cx: &Context, data_dir: &Path) -> Known {
    let read = if daemon::running(data_dir).is_some() {
        let answer = aws::local::request(http::Method::GET, cx.endpoint(), "/_managr/contents", LIMIT).await;
        answer.map_err(|error| error.to_string()).and_then(|contents| {
            serde_json::from_value(contents).map_err(|_| "the platform does not say what it has".to_owned())
        })
    } else {
        platform::contents(data_dir).map_err(|error| match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    };
    match read {
        Ok(contents) => Known::Contents(Box::new(contents)),
        Err(why) => Known::Unread(why),
    }
}

/// Returns what the application has in every stage that it has, or may have on this platform.
pub(super) fn ours(project: &Project, known: &Known) -> Vec<Desired> {
    let Known::Contents(contents) = known else { return Vec::new() };
    let written = project.manifest.stages.names().map(str::to_owned);
    let previews = contents.services.iter().filter_map(|(_, name)| preview(name));
    let mut stages: Vec<String> = written.chain([LOCAL.to_owned()]).chain(previews).collect();
    stages.sort();
    stages.dedup();
    stages.iter().filter_map(|stage| project.names(stage).ok()).collect()
}

/// Returns the preview that a service's name ends with: `demo-app-pr-12`.
fn preview(service: &str) -> Option<String> {
    let at = service.rfind("-pr-")?;
    let number = &service[at + 4..];
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("pr-{number}"))
}

/// Returns what is said of what is not in `ours`; nothing when there is nothing else.
pub(super) fn words(known: &Known, ours: &[Desired]) -> Option<String> {
    let contents = match known {
        Known::Contents(contents) => contents,
        Known::Unread(why) => return Some(format!("what is on the platform is not known ({why}); all of it would go")),
    };
    let lines = others(contents, ours);
    let whose = if ours.is_empty() { "this removes" } else { "this also removes what is not this application's" };
    (!lines.is_empty()).then(|| format!("{whose}:\n{}", lines.join("\n")))
}

/// Returns what is not in `ours`, a line for each kind.
fn others(contents: &Contents, ours: &[Desired]) -> Vec<String> {
    let has = |is: &dyn Fn(&Desired) -> bool| ours.iter().any(is);
    let service = |cluster: &str, name: &str| {
        has(&|d| d.cluster == cluster && d.services.iter().any(|service| service.name == name))
    };
    let task = |cluster: &str, family: &str| {
        let is = |d: &Desired| {
            let mut families = d.task_definitions.iter().map(|task| task.family.as_str());
            families.any(|own| family.strip_prefix(own).is_some_and(|rest| KIN.contains(&rest)))
        };
        has(&|d| d.cluster == cluster && is(d))
    };
    let balancer = |name: &str| {
        has(&|d| d.services.iter().filter_map(|s| s.ingress.as_ref()).any(|ingress| ingress.load_balancer == name))
    };
    let parameter = |name: &str| has(&|d| name.starts_with(&format!("/managr/{}/", d.app)));
    let pairs = |pairs: &[(String, String)], is_ours: &dyn Fn(&str, &str) -> bool| -> Vec<String> {
        let others = pairs.iter().filter(|(cluster, name)| !is_ours(cluster, name));
        others.map(|(cluster, name)| format!("{cluster}/{name}")).collect()
    };
    let names = |names: &[String], is_ours: &dyn Fn(&str) -> bool| -> Vec<String> {
        names.iter().filter(|name| !is_ours(name)).cloned().collect()
    };
    let kinds = [
        ("cluster", names(&contents.clusters, &|name| has(&|d| d.cluster == name))),
        ("service", pairs(&contents.services, &service)),
        ("task", pairs(&contents.tasks, &task)),
        ("load balancer", names(&contents.load_balancers, &balancer)),
        ("repository", names(&contents.repositories, &|name| has(&|d| d.repositories.iter().any(|own| own == name)))),
        ("secret", names(&contents.secrets, &|name| has(&|d| d.secret.as_ref().is_some_and(|own| own.name == name)))),
        ("parameter", names(&contents.parameters, &parameter)),
        ("log group", names(&contents.log_groups, &|name| has(&|d| d.log_groups.iter().any(|own| own == name)))),
    ];
    kinds.iter().filter(|(_, names)| !names.is_empty()).map(|(kind, names)| line(kind, names)).collect()
}

fn line(kind: &str, names: &[String]) -> String {
    let plural = match (names.len(), kind.strip_suffix('y')) {
        (1, _) => kind.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{kind}s"),
    };
    let said: Vec<_> = names.iter().take(NAMES).map(|name| word(name)).collect();
    let more = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("  {} {plural}: {}{more}", names.len(), said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "app = \"demo\"\n[secrets]\nKEY = { generate = true }\n[services.app]\n\
        ingress = { container = \"web\", port = 80 }\n[services.app.containers.web]\nimage = \"nginx:1\"\nports = [80]\n\
        [stages.staging]\n";

    fn project() -> Project {
        let manifest = deploy_core::parse("managr.toml", MANIFEST).expect("a manifest");
        Project { path: "managr.toml".into(), text: MANIFEST.to_owned(), manifest }
    }

    fn all(project: &Project) -> Contents {
        let stages = ["local", "staging"].map(|stage| project.names(stage).expect("a stage"));
        let mut contents = Contents { parameters: vec!["/managr/demo/local/lease".into()], ..Contents::default() };
        for d in stages {
            contents.clusters.push(d.cluster.clone());
            contents.services.extend(d.services.iter().map(|s| (d.cluster.clone(), s.name.clone())));
            contents.tasks.extend(d.task_definitions.iter().map(|t| (d.cluster.clone(), format!("{}-run", t.family))));
            let balancers = d.services.iter().filter_map(|s| s.ingress.as_ref());
            contents.load_balancers.extend(balancers.map(|ingress| ingress.load_balancer.clone()));
            contents.secrets.extend(d.secret.map(|secret| secret.name));
            contents.log_groups.extend(d.log_groups);
        }
        contents
    }

    fn check(change: impl Fn(&mut Contents), want: &str) {
        let project = project();
        let mut contents = all(&project);
        change(&mut contents);
        let known = Known::Contents(Box::new(contents));
        let got = words(&known, &ours(&project, &known)).unwrap_or_default();
        assert_eq!(got.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("; "), want);
    }

    #[test]
    fn all_stages_of_an_application_are_its_own() {
        check(|_| {}, "");
    }

    #[test]
    fn what_others_have_is_named() {
        check(|all| all.services.push(("demo-cluster".into(), "shop-web".into())), "1 service: demo-cluster/shop-web");
        check(|all| all.clusters.push("other".into()), "1 cluster: other");
        check(|all| all.tasks.push(("other".into(), "batch".into())), "1 task: other/batch");
        check(|all| all.secrets.extend(["a".into(), "b".into()]), "2 secrets: a, b");
        check(|all| all.repositories.extend(["a".into(), "b".into()]), "2 repositories: a, b");
        // Another application whose name begins the same.
        check(
            |all| all.parameters.push("/managr/demo-two/local/lease".into()),
            "1 parameter: /managr/demo-two/local/lease",
        );
        let many = |all: &mut Contents| all.log_groups.extend((0..8).map(|n| format!("g{n}")));
        check(many, "8 log groups: g0, g1, g2, g3, g4, g5 and 2 more");
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        assert!(words(&Known::Unread("no".into()), &ours(&project(), &Known::Unread("no".into()))).is_some());
        assert_eq!(words(&Known::Contents(Box::default()), &[]), None);
    }
}
