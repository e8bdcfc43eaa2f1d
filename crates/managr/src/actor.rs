//! Who acts, as the environment tells: a person at a machine, or a pipeline.

use deploy_core::release::Actor;

/// Returns who acts.
pub(crate) fn actor() -> Actor {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    of(|name| std::env::var(name).ok(), git_user, host, std::process::id())
}

/// Returns who acts; variables of Bitbucket, GitHub, GitLab and Jenkins are known.
fn of(
    variable: impl Fn(&str) -> Option<String>,
    git: impl FnOnce() -> Option<String>,
    host: String,
    pid: u32,
) -> Actor {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let bitbucket = || {
        let (repository, build) = (set("BITBUCKET_REPO_FULL_NAME")?, set("BITBUCKET_BUILD_NUMBER")?);
        Some(format!("https://bitbucket.org/{repository}/pipelines/results/{build}"))
    };
    let github = || {
        let (server, repository, run) = (set("GITHUB_SERVER_URL")?, set("GITHUB_REPOSITORY")?, set("GITHUB_RUN_ID")?);
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    let pipeline = bitbucket().or_else(github).or_else(|| set("CI_JOB_URL")).or_else(|| set("BUILD_URL"));
    let of_pipeline = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_USER_ID"];
    let user = set("MANAGR_USER").or_else(|| of_pipeline.iter().find_map(|name| set(name)));
    let user = user.or_else(git).or_else(|| set("USER")).or_else(|| set("LOGNAME"));
    Actor { user: user.unwrap_or_else(|| "somebody".to_owned()), host, pid, pipeline }
}

fn git_user() -> Option<String> {
    let output = std::process::Command::new("git").args(["config", "user.email"]).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> (String, Option<String>) {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let actor = of(find, || None, "h".into(), 1);
        (actor.user, actor.pipeline)
    }

    #[test]
    fn pipelines_tell_who_started_them_and_where_they_are() {
        let bitbucket = [
            ("BITBUCKET_REPO_FULL_NAME", "team/app"),
            ("BITBUCKET_BUILD_NUMBER", "7"),
            ("BITBUCKET_STEP_TRIGGERER_UUID", "{u}"),
        ];
        let url = "https://bitbucket.org/team/app/pipelines/results/7".to_owned();
        assert_eq!(told(&bitbucket), ("{u}".to_owned(), Some(url)));
        let github = [
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_RUN_ID", "9"),
            ("GITHUB_ACTOR", "ann"),
        ];
        assert_eq!(told(&github), ("ann".to_owned(), Some("https://github.com/o/r/actions/runs/9".to_owned())));
        assert_eq!(told(&[("USER", "bob")]), ("bob".to_owned(), None));
        assert_eq!(told(&[]), ("somebody".to_owned(), None));
    }
}
