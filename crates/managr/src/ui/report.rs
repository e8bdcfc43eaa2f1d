//! Longer texts: the table of containers, what to try next, why a deployment was lost.

use std::fmt::Write;
use std::time::Duration;

use aws_model::Millis;
use deploy::vars::secret::SecretError;
use deploy::vars::stale::Stale;
use deploy::watch::{Cause, End, Loss, LossCause};
use deploy::{ServiceStatus, StageError, Status};
use deploy_core::plan::discovery::DiscoverError;

use super::Paint;
use super::history::when;
use super::progress::{painted_as, short};
use super::ps::age;
use super::table::{Cell, Table};
use super::top;
use super::visible::{log, word};
use crate::exit::Exit;
use crate::failure::Failure;

/// Returns the table of a stage's containers.
///
/// `now` is in milliseconds since the epoch.
pub(crate) fn status(status: &Status, now: Millis, paint: Paint) -> String {
    let mut out = String::new();
    for service in &status.services {
        if !service.exists {
            let _ = writeln!(out, "{}  {}", paint.bold(&word(&service.name)), paint.yellow("not running"));
            continue;
        }
        let counts = format!("{} of {} tasks running", service.running, service.desired);
        let counts = if service.is_steady() { paint.green(&counts) } else { paint.yellow(&counts) };
        let _ = writeln!(out, "{}  {}  {counts}", paint.bold(&word(&service.name)), word(&service.revision));
        if let Some(url) = &service.url {
            let _ = writeln!(out, "{}", word(&targets(url, service)));
        }
        if let Some(found) = &service.discover {
            let words = match found.registered {
                Some(1) => "1 task is found by it".to_owned(),
                Some(count) => format!("{count} tasks are found by it"),
                None => "not the service's name yet".to_owned(),
            };
            let _ = writeln!(out, "{}  {words}", word(&found.name));
        }
        if let Some(scaling) = &service.scaling {
            let _ = writeln!(out, "{}", word(&scaling.words(service.desired)));
        }
        if let Some(used) = service.usage.as_ref().and_then(top::line) {
            let _ = writeln!(out, "{used}");
        }
        if let Some(why) = &service.unreached {
            let _ = writeln!(out, "{}", paint.yellow(&word(why)));
        }
        let mut table = Table::new(["TASK", "CONTAINER", "STATE", "IMAGE"], |text| paint.dim(text));
        for task in &service.tasks {
            for container in &task.containers {
                let state = container.state.clone();
                table.row([
                    short(&task.id).into(),
                    container.name.as_str().into(),
                    Cell::painted(&state.word(), |text| painted_as(&state, text, paint)),
                    image(&container.image).into(),
                ]);
            }
        }
        if !service.tasks.is_empty() {
            out.push_str(&table.render());
        }
        if service.stopping > 0 {
            let _ = writeln!(out, "{}", paint.dim(&format!("{} stopping", count_tasks(service.stopping))));
        }
        for stale in &service.stale {
            let _ = writeln!(out, "{}", paint.yellow(&word(&outdated(stale, &status.stage, now))));
        }
        // What failed before all was well is history.
        if !service.is_steady() {
            service.failures.iter().for_each(|failure| cause(&mut out, failure, paint));
        }
    }
    for database in &status.databases {
        let instance = paint.bold(&word(&database.instance));
        let Some(is) = &database.status else {
            let _ = writeln!(out, "{instance}  {}", paint.yellow("no such database instance"));
            continue;
        };
        let is = if is == "available" { paint.green(&word(is)) } else { paint.yellow(&word(is)) };
        let storage = database.storage.map(|size| format!("{size} GiB"));
        let version = database.version.as_ref().map(|version| format!("PostgreSQL {version}"));
        let more = [&version, &database.class, &storage, &database.endpoint].map(|part| part.as_deref().map(word));
        let more: Vec<_> = more.into_iter().flatten().collect();
        let _ = writeln!(out, "{instance}  {is}  {}", more.join(", "));
    }
    for failed in &status.failed_schedules {
        let line = super::schedules::failed(&failed.schedule, &status.stage, &failed.run, now);
        let _ = writeln!(out, "{}", paint.yellow(&word(&line)));
    }
    for note in &status.notes {
        let _ = writeln!(out, "{}", paint.dim(&word(note)));
    }
    out
}

/// Returns what is said of tasks that have not seen a secret's value, and what they need.
fn outdated(stale: &Stale, stage: &str, now: Millis) -> String {
    let (tasks, ago) = (count_tasks(stale.tasks.len()), age(now - stale.changed_at));
    format!("{tasks} started before the secret {} changed ({ago} ago): managr deploy {stage} --force", stale.secret)
}

/// Returns a number of tasks in words.
pub(crate) fn count_tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

fn targets(url: &str, service: &ServiceStatus) -> String {
    let healthy = service.targets.iter().filter(|target| target.health == "healthy").count();
    format!("{url}  {healthy} of {} targets healthy", service.targets.len())
}

/// Shortens an image reference: no host of this machine, twelve digits of a digest.
pub(crate) fn image(reference: &str) -> String {
    let rest = ["127.0.0.1:", "localhost:"].iter().find_map(|host| reference.strip_prefix(host)?.split_once('/'));
    let name = rest.map_or(reference, |(_, name)| name);
    match name.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.get(..12).unwrap_or(digest)),
        None => name.to_owned(),
    }
}

/// Returns what to say at the end of `up`.
pub(crate) fn next_steps(status: &Status, took: Duration, paint: Paint) -> String {
    let mut out = String::new();
    let urls: Vec<&str> = status.services.iter().filter_map(|service| service.url.as_deref()).collect();
    let _ = write!(out, "{} is up ({:.1} s)", status.app, took.as_secs_f64());
    if !urls.is_empty() {
        let _ = write!(out, ": {}", paint.bold(&word(&urls.join("  "))));
    }
    let container = status.services.iter().flat_map(|s| &s.tasks).flat_map(|t| &t.containers).next();
    let name = container.map_or("", |container| container.name.as_str());
    let _ = write!(out, "\nTry next:\n  managr status\n  managr logs -f {}\n  managr down", word(name));
    out
}

/// Turns the failure of a deployment into words: which container, its exit code, why, its
/// last lines, and one command to run next.
pub(crate) fn explain(error: StageError, paint: Paint) -> Failure {
    match error {
        StageError::Lost { losses } => lost(&losses, paint),
        StageError::ReleaseCommand { loss } => release_command(loss, paint),
        StageError::Call(error) => error.into(),
        StageError::Build(error) => build(error),
        StageError::Desired(error) => error.into(),
        StageError::Secret(error) => secret(error),
        StageError::SecretsMissing { ref keys, ref file, .. } => {
            let lines: Vec<String> = keys.iter().map(|key| format!("{key}=...")).collect();
            let hint = match file {
                Some(file) => format!("add to {file}:\n    {}", lines.join("\n    ")),
                None => format!(
                    "name a dotenv file, `secrets-file = \".env.local\"` under [stages.local], and write in it:\n    {}",
                    lines.join("\n    ")
                ),
            };
            let failure = Failure::from_error(error).hint(hint);
            failure
                .hint("or let a random value be made up: `NAME = { generate = true }` under [secrets]")
                .exit(Exit::Usage)
        }
        StageError::Databases(_) => Failure::from_error(error).exit(Exit::Refused),
        StageError::DatabaseState { ref instance, .. } => {
            let hint = format!(
                "its events tell why: aws rds describe-events --source-type db-instance --source-identifier {instance}"
            );
            Failure::from_error(error).hint(hint)
        }
        StageError::DatabaseSecret { .. } => Failure::from_error(error)
            .hint("put a JSON object with `password` in it, or let managr keep its own: leave `secret` out"),
        StageError::Impaired { .. } => Failure::from_error(error)
            .hint("stop what listens there, or choose another port: `listener = PORT` under [services.NAME.ingress]"),
        StageError::Risks { ref risks } => {
            let details = risks.iter().map(|risk| super::plan::risk(risk, paint)).collect();
            let mut names: Vec<String> =
                risks.iter().map(|risk| format!("--allow-risk {}", risk.kind.name())).collect();
            names.dedup();
            let hint = format!("if it is meant: {}", names.join(" "));
            let mut failure = Failure::from_error(error).hint(hint).exit(Exit::Refused);
            failure.details = details;
            failure
        }
        StageError::Unreached { ref risk } => {
            let hint = risk.remedy.clone();
            Failure::from_error(error).hint(hint)
        }
        StageError::SecretsFile { .. } | StageError::SecretsLine { .. } => Failure::from_error(error).exit(Exit::Usage),
        StageError::Locked { .. } => locked(error, paint),
        StageError::LeaseLost { .. } => Failure::from_error(error).exit(Exit::Declined),
        StageError::OtherAccount { .. } => {
            Failure::from_error(error).hint("choose other credentials: AWS_PROFILE").exit(Exit::Refused)
        }
        StageError::ImageMissing { .. } => Failure::from_error(error)
            .hint("push it, or let it be built: without --tag and --no-build")
            .exit(Exit::Refused),
        StageError::Discover(DiscoverError::Taken { .. }) => Failure::from_error(error)
            .hint(
                "put the stage into the name: `discover = \"NAME.{stage}.shop.local\"`, or say another under the stage",
            )
            .exit(Exit::Refused),
        StageError::Discover(DiscoverError::Records { .. }) => Failure::from_error(error)
            .hint("choose another name, or write the registry yourself: `serviceRegistries` in `aws-service`")
            .exit(Exit::Refused),
        StageError::Discover(DiscoverError::NoSubnets { .. }) => {
            Failure::from_error(error).hint("name them: `subnets = [...]` under the stage").exit(Exit::Usage)
        }
        StageError::OthersController { ref remedy, .. } => {
            let remedy = remedy.clone();
            Failure::from_error(error).hint(remedy).exit(Exit::Refused)
        }
        StageError::Scaled { .. } => Failure::from_error(error)
            .hint("change the autoscaler's bounds: `aws application-autoscaling register-scalable-target`")
            .exit(Exit::Refused),
        StageError::OutOfBounds { .. } => Failure::from_error(error)
            .hint(
                "change `min` or `max` in `scaling` of the service and deploy, or of what scales it: `aws \
                 application-autoscaling register-scalable-target`",
            )
            .exit(Exit::Refused),
        other => Failure::from_error(other),
    }
}

/// Returns the first failure for a cause, as it is reported at once.
pub(crate) fn failure(service: &str, told: &LossCause, paint: Paint) -> String {
    let mut out = format!("{} {}:\n", paint.red("!"), word(service));
    cause(&mut out, &told.cause, paint);
    health(&mut out, told);
    let skipped = told.log.len().saturating_sub(AT_ONCE);
    for line in &told.log[skipped..] {
        let _ = writeln!(out, "    | {}", log(line, paint));
    }
    out.trim_end().to_owned()
}

/// Lines of a log that are shown when a task stops; the end shows more.
const AT_ONCE: usize = 5;

fn build(error: deploy::build::BuildError) -> Failure {
    let tail = match &error {
        deploy::build::BuildError::Failed { tail, .. } if !tail.is_empty() => Some({
            let tail: Vec<_> = tail.iter().map(|line| log(line, Paint::Plain)).collect();
            format!("the end of its output:\n    {}", tail.join("\n    "))
        }),
        _ => None,
    };
    let mut failure = Failure::from(error);
    failure.details.extend(tail);
    failure
}

/// Returns who holds the stage, since when, what for, and what to do about it.
fn locked(error: StageError, paint: Paint) -> Failure {
    let mut details = String::new();
    if let StageError::Locked { lease, until, .. } = &error {
        let by = &lease.by;
        let mut row = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(details, "  {} {}", paint.dim(&format!("{name:<9}")), word(value));
            }
        };
        row("by", &by.user);
        row("host", &by.host);
        row("pipeline", by.pipeline.as_deref().unwrap_or_default());
        row("for", &lease.purpose);
        row("since", &when(lease.taken_at));
        row("ends", &format!("{}, unless its owner keeps it", when(*until)));
    }
    let mut failure = Failure::from_error(error).exit(Exit::Declined);
    failure.details.push(details);
    failure.hint("--wait waits for it; a lock whose owner died expires by itself")
}

fn lost(losses: &[Loss], paint: Paint) -> Failure {
    let rolled_back = losses.iter().all(|loss| loss.end == End::RolledBack);
    let timed_out = losses.iter().any(|loss| loss.end == End::TimedOut);
    let exit = match (rolled_back, timed_out) {
        (true, _) => Exit::RolledBack,
        (false, true) => Exit::TimedOut,
        (false, false) => Exit::Failed,
    };
    let mut failure = Failure::from_error(StageError::Lost { losses: losses.to_vec() }).exit(exit);
    failure.details.extend(losses.iter().map(|loss| story(loss, paint)));
    failure.hint(next(losses))
}

/// Returns the command that tells most: the log of the container that spoke last, if one did.
fn next(losses: &[Loss]) -> String {
    let spoke = losses.iter().flat_map(|loss| &loss.causes).find_map(|told| told.spoke.as_ref());
    spoke.map_or_else(|| "managr status".to_owned(), |container| format!("managr logs {container}"))
}

fn release_command(loss: Box<Loss>, paint: Paint) -> Failure {
    let exit = if loss.end == End::TimedOut { Exit::TimedOut } else { Exit::Failed };
    let mut details = String::new();
    causes(&mut details, &loss, paint);
    let spoke = loss.causes.iter().find_map(|told| told.spoke.clone());
    let mut failure = Failure::from_error(StageError::ReleaseCommand { loss }).exit(exit);
    failure.details.push(details);
    if exit == Exit::TimedOut {
        // What a stopped command did is unknown: a migration may be half done, or never have begun.
        failure = failure
            .hint("it may need longer: `timeout = \"30m\"` beside the release's command")
            .hint("or an ENTRYPOINT started the server instead of it: `entrypoint = []` there runs the command itself");
    }
    match spoke {
        Some(container) => failure.hint(format!("managr logs {container}")),
        None => failure,
    }
}

/// Returns everything that is known of one loss.
pub(crate) fn story(loss: &Loss, paint: Paint) -> String {
    let mut out = String::new();
    let now = word(&loss.now);
    let why = match loss.end {
        End::CrashLoop => "its tasks stop again and again for the same cause".to_owned(),
        End::Failed => format!("its deployment was given up; it is still set to run {now}"),
        End::RolledBack => format!("its deployment was undone; it runs {now} again"),
        End::Superseded => format!("another deployment, of {now}, replaced ours"),
        End::Gone => "it was deleted meanwhile".to_owned(),
        End::TimedOut => "it did not become steady in time; its deployment goes on".to_owned(),
    };
    let _ = writeln!(out, "{}: {why}", paint.bold(&word(&loss.service)));
    if !loss.reason.is_empty() {
        let _ = writeln!(out, "  {}", word(&loss.reason));
    }
    causes(&mut out, loss, paint);
    for target in &loss.targets {
        let reason = if target.reason.is_empty() { String::new() } else { format!(": {}", target.reason) };
        let words = format!("target {} is {}{reason}", target.target, target.health);
        let _ = writeln!(out, "  {}", word(&words));
    }
    for waiting in &loss.waiting {
        let _ = writeln!(out, "  not up yet: {}", word(waiting));
    }
    out
}

fn causes(out: &mut String, loss: &Loss, paint: Paint) {
    for told in &loss.causes {
        cause(out, &told.cause, paint);
        health(out, told);
        if let Some(container) = &told.spoke {
            let _ = writeln!(out, "    the last lines of {}:", word(container));
            for line in &told.log {
                let _ = writeln!(out, "    | {}", log(line, paint));
            }
        }
    }
}

fn health(out: &mut String, told: &LossCause) {
    if let Some(health) = &told.health {
        let _ = writeln!(out, "    the load balancer says: {}", word(health));
    }
}

fn cause(out: &mut String, cause: &Cause, paint: Paint) {
    let newest: Vec<&str> = cause.tasks.iter().rev().take(3).map(|task| short(task)).collect();
    let more = if cause.tasks.len() > newest.len() { ", ..." } else { "" };
    let count = count_tasks(cause.tasks.len());
    let (what, newest) = (cause.what(), newest.join(", "));
    let _ = writeln!(out, "  {} {} ({count}: {}{more})", paint.red("x"), word(&what), word(&newest));
    if !cause.why().is_empty() {
        let _ = writeln!(out, "    {}", word(&cause.why()));
    }
}

/// Explains why a stage's secret was not changed.
pub(crate) fn secret(error: SecretError) -> Failure {
    match error {
        SecretError::Call(error) => error.into(),
        SecretError::Deleted { ref name } => {
            let hint = format!("take the mark away: `aws secretsmanager restore-secret --secret-id {name}`");
            Failure::from_error(error).hint(hint)
        }
        SecretError::NotAnObject { ref name, .. } => {
            let hint = format!(
                "managr keeps an object with a key for each variable there; look at it: `aws secretsmanager get-secret-value --secret-id {name}`"
            );
            Failure::from_error(error).hint(hint)
        }
        other => Failure::from_error(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deploy::watch::TargetView;

    fn loss() -> Loss {
        let tasks = ["1a2b3c4d5e6f", "2b3c4d5e6f7a", "3c4d5e6f7a8b", "4d5e6f7a8b9c"].map(str::to_owned).to_vec();
        let cause = Cause {
            container: Some("web".into()),
            exit_code: Some(3),
            stop_code: "EssentialContainerExited".into(),
            reason: "Essential container in task exited".into(),
            tasks,
        };
        let target = |health: &str, reason: &str| TargetView {
            target: "10.77.0.3:80".into(),
            health: health.into(),
            reason: reason.into(),
        };
        Loss {
            service: "demo-app-local".into(),
            end: End::CrashLoop,
            reason: "ECS deployment ecs-svc/1 in progress.".into(),
            now: "demo-app-task-local:2".into(),
            causes: vec![LossCause {
                cause,
                health: None,
                log: vec!["starting".into(), "boom".into()],
                spoke: Some("web".into()),
            }],
            targets: vec![target("unhealthy", "Health checks failed with these codes: [502]")],
            waiting: vec!["proxy: created".into()],
        }
    }

    #[test]
    fn a_loss_names_container_code_reason_and_last_words() {
        let failure = explain(StageError::Lost { losses: vec![loss()] }, Paint::Plain);
        assert_eq!(failure.exit, Exit::Failed);
        insta::assert_snapshot!(failure.render(Paint::Plain), @"
        error: service `demo-app-local` did not come up
        demo-app-local: its tasks stop again and again for the same cause
          ECS deployment ecs-svc/1 in progress.
          x container web exited with code 3 (4 tasks: 4d5e6f7a, 3c4d5e6f, 2b3c4d5e, ...)
            EssentialContainerExited: Essential container in task exited
            the last lines of web:
            | starting
            | boom
          target 10.77.0.3:80 is unhealthy: Health checks failed with these codes: [502]
          not up yet: proxy: created
          hint: managr logs web
        ");
    }

    #[test]
    fn the_exit_code_says_how_it_was_lost() {
        let code =
            |end: End| explain(StageError::Lost { losses: vec![Loss { end, ..loss() }] }, Paint::Plain).exit.code();
        assert_eq!(code(End::CrashLoop), 1);
        assert_eq!(code(End::RolledBack), 3);
        assert_eq!(code(End::TimedOut), 4);
    }

    #[test]
    fn the_hint_leads_on_from_how_it_ended() {
        let hint = |end: End, stage: &str| {
            let losses = vec![Loss { end, causes: Vec::new(), ..loss() }];
            explain(StageError::Lost { losses }, Paint::Plain).in_stage(stage).hints.join(" ")
        };
        assert_eq!(hint(End::TimedOut, "local"), "managr wait local");
        assert_eq!(hint(End::RolledBack, "prod"), "managr history prod");
        assert_eq!(hint(End::Superseded, "prod"), "managr status prod");
        assert_eq!(hint(End::Superseded, "local"), "managr status");
    }

    #[test]
    fn a_release_command_is_no_service_that_did_not_come_up() {
        let loss = Box::new(Loss { service: "demo-release".into(), end: End::Failed, ..loss() });
        let failure = explain(StageError::ReleaseCommand { loss }, Paint::Plain);
        assert_eq!(failure.exit, Exit::Failed);
        insta::assert_snapshot!(failure.render(Paint::Plain), @"
        error: release command `demo-release` failed; no service was changed
          x container web exited with code 3 (4 tasks: 4d5e6f7a, 3c4d5e6f, 2b3c4d5e, ...)
            EssentialContainerExited: Essential container in task exited
            the last lines of web:
            | starting
            | boom
          hint: managr logs web
        ");
    }

    #[test]
    fn a_release_command_that_was_stopped_is_not_called_failed() {
        let loss = Box::new(Loss { service: "demo-release".into(), end: End::TimedOut, causes: vec![], ..loss() });
        let failure = explain(StageError::ReleaseCommand { loss }, Paint::Plain);
        assert_eq!(failure.exit, Exit::TimedOut);
        let words = failure.render(Paint::Plain);
        assert!(words.contains("was still running when its time was over, and was stopped"), "{words}");
        assert!(words.contains("entrypoint = []") && !words.contains("failed"), "{words}");
    }

    #[test]
    fn image_references_are_shortened_without_losing_what_they_name() {
        assert_eq!(image("127.0.0.1:4566/a/b@sha256:0123456789abcdef"), "a/b@0123456789ab");
        assert_eq!(image("nginx:1.27"), "nginx:1.27");
        assert_eq!(image("public.ecr.aws/x/y:1"), "public.ecr.aws/x/y:1");
    }
}
