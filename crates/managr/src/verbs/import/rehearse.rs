//! A platform of its own for each stage, in this process, that runs nothing and is gone afterwards: what would a deploy
//! of the manifest change on what the files make?

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use aws::{Client, Options};
use deploy::rehearse::{Rehearsal, rehearse};
use deploy_core::Manifest;
use deploy_core::plan::Plan;
use import::{Found, FoundStage};
use platform::{EngineKind, ServeOptions};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::ui::{Paint, plan};

/// As much as the first thread of a process has.
const STACK: usize = 8 << 20;

/// Rehearses a deploy of every stage, each on a thread of its own, and does something else meanwhile; `text` is the
/// manifest's.
///
/// # Errors
/// When the manifest's own reader refuses the text. A rehearsal that does not come about is no error.
pub(super) fn all<'s, T>(
    text: &str,
    found: &'s Found,
    meanwhile: impl FnOnce() -> T,
) -> Result<(Vec<Rehearsal>, T), Failure> {
    let manifest = &deploy_core::parse("managr.toml", text)?;
    let is_whole = |stage: &&FoundStage| stage.services.iter().all(|service| service.service.is_some());
    Ok(thread::scope(|scope| {
        let begin = |stage: &'s FoundStage| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread
                .spawn_scoped(scope, move || alone(manifest, stage))
                .map_err(|error| Box::new(Rehearsal::failed(&stage.name, &error)))
        };
        let begun: Vec<_> = found.stages.iter().filter(is_whole).map(begin).collect();
        let done = meanwhile();
        let end = |begun: Result<ScopedJoinHandle<'_, Rehearsal>, Box<Rehearsal>>| match begun {
            Ok(one) => one.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(failed) => *failed,
        };
        (begun.into_iter().map(end).collect(), done)
    }))
}

/// Rehearses one stage on this thread.
fn alone(manifest: &Manifest, stage: &FoundStage) -> Rehearsal {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(one(manifest, stage)),
        Err(error) => Rehearsal::failed(&stage.name, &error),
    }
}

async fn one(manifest: &Manifest, stage: &FoundStage) -> Rehearsal {
    let facts = import::facts(manifest, stage);
    let mut options = ServeOptions::new(EngineKind::Simulated, None);
    options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    options.account = facts.account.clone();
    options.keeps_documents = true;
    let (ready, address) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let platform = platform::serve(
        options,
        |address| {
            let _ = ready.send(address);
        },
        async move {
            let _ = ended.await;
        },
    );
    let rehearsal = async move {
        // There is no answer if the platform did not start; it says why.
        let address = address.await.ok()?;
        let region = facts.region.clone().unwrap_or_default();
        let rehearsal = match Client::new(Options::local(format!("http://{address}"), region)) {
            Ok(client) => rehearse(&client, manifest, stage).await,
            Err(error) => Rehearsal::failed(&stage.name, &error),
        };
        drop(end);
        Some(rehearsal)
    };
    match tokio::join!(platform, rehearsal) {
        (_, Some(rehearsal)) => rehearsal,
        (Err(error), None) => Rehearsal::failed(&stage.name, &error),
        (Ok(()), None) => Rehearsal::failed(&stage.name, &std::io::Error::other("the platform ended before it began")),
    }
}

/// Whether nothing is known that a deploy would change.
pub(super) fn changes_nothing(rehearsal: &Rehearsal) -> bool {
    !rehearsal.unmade.is_empty() || rehearsal.plan.as_ref().is_none_or(Plan::is_empty)
}

/// Says what a deploy would change. `is_whole` is whether all that was found is equal: what is not known is on neither
/// side.
pub(super) fn told(paint: Paint, rehearsal: &Rehearsal, is_whole: bool) -> String {
    let Rehearsal { stage, plan, unmade, .. } = rehearsal;
    let words = "a deploy of this manifest onto what these files make";
    let (Some(plan), []) = (plan, unmade.as_slice()) else {
        // A plan against a part of it would tell of things that are missing only there.
        let mut out =
            format!("  {}  {words} in {stage}, since not all of it can be made here:\n", paint.yellow("not rehearsed"));
        for one in unmade {
            out += &format!("      {} {}: {}\n", paint.dim(&one.place.to_string()), paint.yellow(&one.what), one.why);
        }
        return out;
    };
    let assumed = rehearsal.assumed.iter();
    let assumed = assumed.map(|one| format!("      {} {}: {}\n", paint.yellow("assumed"), one.what, one.why));
    let assumed: String = assumed.collect();
    if plan.is_empty() {
        let (verdict, but) = match is_whole {
            true => (paint.green("no change"), ""),
            false => (paint.yellow("no change"), " but what is said above"),
        };
        return format!("  {verdict}  {words} changes nothing in {stage}{but}\n{assumed}");
    }
    let mut out = format!("  {}  {words} would change in {stage}:\n", paint.red("CHANGES"));
    for line in plan::plan(plan, paint).lines() {
        out += &format!("      {line}\n");
    }
    out + &assumed
}

#[cfg(test)]
mod tests {
    use deploy_core::manifest::{Scalar, Variable};
    use import::{Folder, fold, terraform, write};

    use super::*;

    const CRONS: &str = include_str!("../../../../import/tests/fixtures/terraform/crons/main.tf");
    const BEYOND: &str = include_str!("../../../../import/tests/fixtures/terraform/beyond/main.tf");
    const CONNECTED: &str = include_str!("../../../../import/tests/fixtures/terraform/platform/main.tf");
    const PROTECTED: &str = include_str!("../../../../import/tests/fixtures/terraform/protection/main.tf");
    const STAGES: &str = include_str!("../../../../import/tests/fixtures/terraform/stages/main.tf");

    fn rehearsed(text: &str, found: &Found) -> Vec<Rehearsal> {
        all(text, found, || ()).unwrap().0
    }

    /// What no task could run from on a machine, and what only an ARN names: rehearsed all the same, and said.
    #[test]
    fn what_a_machine_cannot_run_is_rehearsed_and_what_is_made_up_is_told() {
        let folder = Folder::from([("main.tf".to_owned(), BEYOND.to_owned())]);
        let found = terraform::read(&folder, &terraform::Options::default()).unwrap();
        let text = write::text(&fold::fold(&found).manifest, &[]);
        let [rehearsal] = &rehearsed(&text, &found)[..] else { panic!("one stage") };
        let steps = rehearsal.plan.as_ref().map(|plan| plan.steps.as_slice());
        assert!(steps == Some(&[]) && rehearsal.unmade.is_empty(), "{text}\n{rehearsal:#?}");
        let what = |list: &[import::Left]| list.iter().map(|one| one.what.clone()).collect::<Vec<_>>();
        let unset = what(&rehearsal.unset);
        for left_out in [
            "ProtocolVersion of aws_lb_target_group.web",
            "ProtocolVersion of aws_lb_target_group.api",
            "Matcher of aws_lb_target_group.api",
        ] {
            assert!(unset.iter().any(|one| one == left_out), "{left_out}: {unset:?}");
        }
        let listener =
            "arn:aws:elasticloadbalancing:eu-west-1:210987654321:listener/app/edge/1111111111111111/2222222222222222";
        assert_eq!(what(&rehearsal.assumed), [listener]);
        assert!(told(Paint::Plain, rehearsal, true).contains("assumed"), "{}", told(Paint::Plain, rehearsal, true));
    }

    /// Service Connect, which the primary deployment alone shows; several actions, whose order the provider counts; clients
    /// that stay with a group.
    #[test]
    fn what_the_files_say_is_what_is_there_after_they_made_it() {
        for text in [CONNECTED, PROTECTED] {
            let folder = Folder::from([("main.tf".to_owned(), text.to_owned())]);
            let found = terraform::read(&folder, &terraform::Options::default()).unwrap();
            let text = write::text(&fold::fold(&found).manifest, &[]);
            for rehearsal in rehearsed(&text, &found) {
                let steps = rehearsal.plan.as_ref().map(|plan| plan.steps.as_slice());
                assert!(steps == Some(&[]) && rehearsal.unmade.is_empty(), "{text}\n{rehearsal:#?}");
            }
        }
    }

    /// Two stages as Terraform would make them: nothing changes; with one more variable, that alone.
    #[test]
    fn a_plan_holds_exactly_what_was_changed_since_the_import() {
        let folder = Folder::from([("main.tf".to_owned(), STAGES.to_owned())]);
        let found = terraform::read(&folder, &terraform::Options::default()).unwrap();
        let manifest = fold::fold(&found).manifest;
        let text = write::text(&manifest, &[]);
        let rehearsals = rehearsed(&text, &found);
        assert_eq!(rehearsals.len(), 2);
        for rehearsal in &rehearsals {
            assert!(rehearsal.plan.as_ref().unwrap().is_empty() && rehearsal.unmade.is_empty(), "{rehearsal:#?}");
        }
        let mut changed = manifest;
        changed.variables.insert("GREETING", Variable::Value(Scalar::Text("hello".to_owned())));
        for rehearsal in rehearsed(&write::text(&changed, &[]), &found) {
            let plan = rehearsal.plan.unwrap();
            let kinds: Vec<&str> = plan.steps.iter().map(|step| step.kind.as_str()).collect();
            assert_eq!(kinds, ["task definition", "service"], "{plan:#?}");
            let changes = &plan.steps[0].difference.changes;
            let [change] = changes.as_slice() else { panic!("{changes:#?}") };
            assert!(change.path.iter().any(|name| name == "GREETING"), "{change:#?}");
            assert_eq!((&change.before, &change.after), (&None, &Some("hello".into())), "{change:#?}");
        }
    }

    /// Rules are held against what a deploy would do, although they are not made on the simulated platform.
    #[test]
    fn a_plan_has_the_rules_that_were_found() {
        let folder = Folder::from([("main.tf".to_owned(), CRONS.to_owned())]);
        let found = terraform::read(&folder, &terraform::Options::default()).unwrap();
        let mut manifest = fold::fold(&found).manifest;
        let steps = |manifest: &Manifest, found: &Found| {
            let rehearsals = rehearsed(&write::text(manifest, &[]), found);
            let [Rehearsal { plan: Some(plan), unmade, .. }] = &rehearsals[..] else { panic!("{rehearsals:#?}") };
            assert!(unmade.is_empty() && plan.notes.is_empty(), "{rehearsals:#?}");
            plan.steps.iter().map(|step| format!("{} {}", step.kind, step.name)).collect::<Vec<_>>()
        };
        assert_eq!(steps(&manifest, &found), [] as [String; 0]);
        // Two of one family: each rule keeps the revision that it starts, whichever is the newest.
        let mut renamed = found.clone();
        for schedule in &mut renamed.stages[0].schedules {
            schedule.task_definition.insert("family".to_owned(), "vole".into());
        }
        assert_eq!(steps(&fold::fold(&renamed).manifest, &renamed), [] as [String; 0]);
        manifest.schedules.entry("nightly").command = Some(vec!["rake".to_owned(), "dawn".to_owned()]);
        assert_eq!(steps(&manifest, &found), ["schedule vole-nightly"]);
    }
}
