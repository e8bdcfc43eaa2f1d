//! Which words of `[pipeline]` say what brings which stage, and what do they not say?

use deploy_core::pipeline::{self, Auth, Provider};

use super::Scene;
use super::decide::{self, Decided};
use super::model::Job;
use super::yaml::At;

/// The words of `[pipeline]`: what brings which stage, and how it signs in.
pub(super) fn words(scene: &mut Scene, jobs: &[Job], decided: &Decided, provider: Provider) {
    if !scene.by_tokens {
        scene.words.auth = Some(Auth::Keys);
    }
    let at = |target: &decide::Target| jobs[target.jobs[0]].at;
    if let Some(target) = decided.staging.map(|index| &decided.targets[index]) {
        match target.when.branches.as_slice() {
            [] => {
                let why = "nothing that is pushed to a branch brings it: say `branch` in [pipeline]";
                scene.tell(format!("stages.{}", target.stage), at(target), why);
            }
            [first, rest @ ..] => {
                branch(scene, first, at(target), "branch");
                if !rest.is_empty() {
                    let why = format!("`{}` brings it too; [pipeline] has one branch for a stage", rest.join("`, `"));
                    scene.tell(format!("stages.{}", target.stage), at(target), why);
                }
            }
        }
        if target.is_manual {
            let why = "somebody starts it by hand; managr's file deploys staging by itself: write the gate between the marks of its settings";
            scene.tell(format!("stages.{}", target.stage), at(target), why);
        }
        if !["staging", "stage"].contains(&target.stage.as_str()) {
            scene.words.staging = Some(target.stage.clone());
        }
    }
    if let Some(target) = decided.production.map(|index| &decided.targets[index]) {
        if target.when.is_of_tags() || (target.when.branches.is_empty() && !target.when.is_apart) {
            match target.when.tags.first() {
                Some(tags) if pipeline::is_pattern(tags) => scene.words.tags = (tags != "v*").then(|| tags.clone()),
                Some(_) => {
                    let why = "the pattern of its tags is none that all vendors know: say `tags` in [pipeline]; it is `v*` now";
                    scene.tell(format!("stages.{}", target.stage), at(target), why);
                }
                None => {}
            }
        } else if let Some(first) = target.when.branches.first() {
            branch(scene, first, at(target), "production-branch");
        } else {
            let why = "somebody starts it by hand, at any commit; managr's file takes tags, or `production-branch`";
            scene.tell(format!("stages.{}", target.stage), at(target), why);
        }
        if !target.is_manual && provider != Provider::Github {
            scene.words.approval = Some(false);
        }
        if !["prod", "production"].contains(&target.stage.as_str()) {
            scene.words.production = Some(target.stage.clone());
        }
    }
}

fn branch(scene: &mut Scene, name: &str, at: At, word: &str) {
    if !pipeline::is_pattern(name) || name.contains(['*', '?']) {
        let why = format!("the branch cannot be told: say `{word}` in [pipeline]");
        scene.tell("branch", at, why);
        return;
    }
    match word {
        "branch" => scene.words.branch = (name != "main").then(|| name.to_owned()),
        _ => scene.words.production_branch = Some(name.to_owned()),
    }
}

/// Stages beyond the two that the file has places for.
pub(super) fn others(scene: &mut Scene, jobs: &[Job], decided: &Decided) {
    for (index, target) in decided.targets.iter().enumerate() {
        if Some(index) != decided.staging && Some(index) != decided.production {
            let why = format!(
                "managr's file has one stage before production: a step of yours with `managr push {0}` and `managr deploy {0} --no-build --yes` brings this one",
                target.stage
            );
            scene.tell(format!("stages.{}", target.stage), jobs[target.jobs[0]].at, why);
        }
    }
}
