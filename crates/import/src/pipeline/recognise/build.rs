//! Which image does a command build, and how? `docker build`, `buildah bud`, and kaniko's executor.

use super::super::model::{Action, Build};
use super::super::shell;

/// Options of `docker build` and `buildah bud` that have a value of their own and say nothing about the image.
const VALUES: [&str; 12] = [
    "--cache-from",
    "--cache-to",
    "--progress",
    "--builder",
    "--iidfile",
    "--metadata-file",
    "--provenance",
    "--sbom",
    "--memory",
    "-m",
    "--format",
    "--isolation",
];

/// Options that the manifest has no word for, and that change the image or need something.
const LOST: [&str; 12] = [
    "--secret",
    "--ssh",
    "--label",
    "--network",
    "--build-context",
    "--add-host",
    "--squash",
    "--annotation",
    "--attest",
    "--cgroup-parent",
    "--ulimit",
    "--shm-size",
];

pub(super) fn build(words: &[&str], here: Option<&str>) -> Action {
    let mut build = Build::default();
    let mut at = 0;
    let mut context = None;
    while let Some(word) = words.get(at) {
        at += 1;
        let (flag, joined) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
            _ => (*word, None),
        };
        let mut value = || {
            joined.map(str::to_owned).or_else(|| {
                let next = words.get(at).map(|word| (*word).to_owned());
                at += 1;
                next
            })
        };
        match flag {
            "-t" | "--tag" => build.tags.extend(value()),
            "-f" | "--file" => build.dockerfile = value(),
            "--build-arg" => {
                let value = value().unwrap_or_default();
                build.args.push(match value.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (value, None),
                });
            }
            "--target" => build.target = value(),
            "--platform" => build.platform = value(),
            "--push" => build.pushes = true,
            "--output" | "-o" => {
                build.pushes |= value().is_some_and(|value| value.contains("registry") || value.contains("push=true"))
            }
            flag if LOST.contains(&flag) => {
                value();
                build.lost.push(flag.to_owned());
            }
            flag if VALUES.contains(&flag) => {
                value();
            }
            "--pull" | "--no-cache" | "--load" | "--rm" | "--force-rm" | "-q" | "--quiet" | "--layers"
            | "--compress" | "--tls-verify" | "-" => {}
            flag if flag.starts_with('-') => build.lost.push(flag.to_owned()),
            _ => context = Some((*word).to_owned()),
        }
    }
    // The Dockerfile is from where the command runs, not from the context.
    let from_here = |path: String| match here {
        Some(here) => shell::join(here, &path).unwrap_or(path),
        None => format!("${{directory}}/{path}"),
    };
    build.context = context.map(from_here);
    build.dockerfile = build.dockerfile.map(from_here);
    Action::Build(build)
}

pub(super) fn kaniko(words: &[&str], here: Option<&str>) -> Action {
    let mut build = Build { pushes: true, ..Build::default() };
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (flag, joined) = word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value.to_owned())));
        let mut value = || {
            joined.clone().or_else(|| {
                let next = words.get(at).map(|word| (*word).to_owned());
                at += 1;
                next
            })
        };
        match flag {
            "--destination" | "-d" => build.tags.extend(value()),
            "--dockerfile" | "-f" => build.dockerfile = value(),
            "--context" | "-c" => build.context = value(),
            "--context-sub-path" => {
                build.context = Some(format!(
                    "{}/{}",
                    build.context.unwrap_or_else(|| ".".to_owned()),
                    value().unwrap_or_default()
                ));
            }
            "--target" => build.target = value(),
            "--custom-platform" => build.platform = value(),
            "--build-arg" => {
                let value = value().unwrap_or_default();
                build.args.push(match value.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (value, None),
                });
            }
            "--no-push" => build.pushes = false,
            "--label" | "--registry-mirror" | "--registry-certificate" => {
                value();
                build.lost.push(flag.to_owned());
            }
            _ => {}
        }
    }
    let clean = |path: String| {
        let path = ["dir://", "${CI_PROJECT_DIR}", "${PWD}", "${GITHUB_WORKSPACE}", "${BITBUCKET_CLONE_DIR}"]
            .iter()
            .fold(path, |path, prefix| {
                path.strip_prefix(prefix).map(|rest| rest.trim_start_matches('/').to_owned()).unwrap_or(path)
            });
        let path = if path.is_empty() { ".".to_owned() } else { path };
        here.and_then(|here| shell::join(here, &path)).unwrap_or(path)
    };
    build.context = build.context.map(clean);
    build.dockerfile = build.dockerfile.map(|path| {
        // A path that is not from the project is from the context.
        let path = clean(path);
        match &build.context {
            Some(context) if context != "." && !path.starts_with(context.as_str()) => format!("{context}/{path}"),
            _ => path,
        }
    });
    Action::Build(build)
}
