//! What is a preview? A stage that is not in the manifest: a copy of another one under names of its own.
//!
//! Everything else that is decided sees it as if it had been written: [`seen`] is the only place that knows how.

use std::borrow::Cow;

use super::database;
use super::names::elb_name;
use crate::manifest::pattern::{escaped, filled};
use crate::manifest::{
    IngressDiffers, LOCAL, Manifest, Named, OneOrMany, Previews, Restriction, Scalar, Stage, StageDatabase,
    StageDiscover, StageImage, StageIngress, StageScaling, StageSchedule, StageService, Variable,
};

/// A stage that is made for a pull request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preview<'a> {
    /// Name of the stage.
    pub name: &'a str,
    /// Number of the pull request.
    pub pr: &'a str,
    /// What the manifest says of previews.
    pub previews: &'a Previews,
}

impl Preview<'_> {
    /// Returns its host name; `{service}` is left in it. None when it has a load balancer of its own.
    pub fn host(&self) -> Option<String> {
        self.previews.host.as_deref().map(|host| host.replace("{name}", self.name).replace("{pr}", self.pr))
    }
}

/// Returns what is known of a stage if it is a preview. One that is written down is none.
pub fn preview<'a>(manifest: &'a Manifest, stage: &'a str) -> Option<Preview<'a>> {
    let previews = manifest.previews.as_ref()?;
    let is_written = stage == LOCAL || manifest.stages.contains(stage) || !manifest.stages.contains(&previews.from);
    let pr = previews.pr_of(stage).filter(|_| !is_written)?;
    Some(Preview { name: stage, pr, previews })
}

/// Returns whether there is a stage of this name, written or not.
pub fn is_stage(manifest: &Manifest, stage: &str) -> bool {
    stage == LOCAL || manifest.stages.contains(stage) || preview(manifest, stage).is_some()
}

/// Returns the manifest as a stage sees it: a preview is among its stages.
pub fn seen<'a>(manifest: &'a Manifest, stage: &str) -> Cow<'a, Manifest> {
    let Some(preview) = preview(manifest, stage) else { return Cow::Borrowed(manifest) };
    // What is in the stage that is copied is in the copy, whatever lists of stages say.
    let mut seen = manifest.as_in(stage);
    // The copy says all of these that it shares; what it does not say is its own.
    let Manifest { cluster, load_balancer, log_group, secret, execution_role, task_role, schedule_role, .. } =
        &mut seen;
    for name in [cluster, load_balancer, log_group, secret, execution_role, task_role, schedule_role] {
        *name = None;
    }
    seen.stages.insert(stage.to_owned(), copy(manifest, &preview));
    if !preview.previews.schedules.unwrap_or(false) {
        seen.schedules = Named::default();
    }
    // A host that a service names is that of the stage: to take its requests is not what a preview is for.
    for service in seen.services.values_mut() {
        service.ingress.iter_mut().for_each(|ingress| ingress.host = None);
        // Nor may it be called like what it is a copy of: a name is its own if the stage's name is in it.
        for name in [&mut service.name, &mut service.family, &mut service.target_group, &mut service.discover] {
            name.take_if(|name| !is_own(name));
        }
    }
    for schedule in seen.schedules.values_mut() {
        for name in [&mut schedule.name, &mut schedule.family] {
            name.take_if(|name| !is_own(name));
        }
    }
    Cow::Owned(seen)
}

/// Returns whether a name is another one in each stage.
fn is_own(name: &str) -> bool {
    filled(name, "a") != filled(name, "b")
}

/// Returns the settings of a preview.
fn copy(manifest: &Manifest, preview: &Preview<'_>) -> Stage {
    let Previews { from, tag, count, .. } = preview.previews;
    let app = &manifest.app;
    let mut from_stage = manifest.stages.get(from).cloned().unwrap_or_default().with_names_of(manifest);
    from_stage.fill_shared(&|text| escaped(&filled(text, from)));
    let host = preview.host();
    let role = |own: Option<String>, purpose: &str| Some(own.unwrap_or_else(|| format!("{app}-{from}-{purpose}")));
    // Without a host of its own it would take every request of what it shares.
    let (load_balancer, listener_arn) = match host {
        Some(_) => {
            let shared = from_stage.load_balancer.clone().unwrap_or_else(|| elb_name(&format!("{app}-{from}")));
            (Some(shared), from_stage.listener_arn.clone())
        }
        None => (None, None),
    };
    Stage {
        tag: Some(tag.as_deref().unwrap_or("{stage}-{commit}").replace("{pr}", preview.pr)),
        execution_role: role(from_stage.execution_role.clone(), "execution"),
        task_role: role(from_stage.task_role.clone(), "task"),
        schedule_role: role(from_stage.schedule_role.clone(), "schedule"),
        log_group: Some(from_stage.log_group.clone().unwrap_or_else(|| format!("/{app}/{from}"))),
        secret: Some(from_stage.secret.clone().unwrap_or_else(|| format!("{app}/{from}"))),
        variables: variables(&from_stage.variables, preview, host.as_deref()),
        services: services(manifest, &from_stage, *count),
        schedules: schedules(&from_stage),
        images: images(manifest, &from_stage),
        databases: databases(manifest, &from_stage, from),
        load_balancer,
        listener_arn,
        host: host.map(OneOrMany::One),
        ..from_stage
    }
}

/// Built as in the stage; what follows that stage's images is not for a preview to move.
fn images(manifest: &Manifest, from: &Stage) -> Named<StageImage> {
    let own = |image: &str| {
        let differs = from.images.get(image).cloned().unwrap_or_default();
        (image.to_owned(), StageImage { extra_tags: Some(Vec::new()), ..differs })
    };
    manifest.images.names().map(own).collect()
}

/// The database of the stage, which is there already and is nothing that a preview may change.
fn databases(manifest: &Manifest, of_stage: &Stage, from: &str) -> Named<StageDatabase> {
    let secret = of_stage.secret.clone().unwrap_or_else(|| format!("{}/{from}", manifest.app));
    let one = |name: &str| {
        let differs = of_stage.databases.get(name).cloned().unwrap_or_default();
        let instance = differs.instance.clone().unwrap_or_else(|| database::made(&manifest.app, name, from));
        let secret = differs.secret.clone().unwrap_or_else(|| format!("{secret}/databases/{name}"));
        (name.to_owned(), StageDatabase { instance: Some(instance), secret: Some(secret), ..differs })
    };
    manifest.databases.names().map(one).collect()
}

fn variables(of_stage: &Named<Variable>, preview: &Preview<'_>, host: Option<&str>) -> Named<Variable> {
    let own = preview.previews.variables.iter().map(|(name, value)| {
        let value = match value {
            Scalar::Text(text) => Scalar::Text(
                text.replace("{name}", preview.name)
                    .replace("{pr}", preview.pr)
                    .replace("{host}", host.unwrap_or_default()),
            ),
            other => other.clone(),
        };
        // Whom the stage gives it to, gets it here, too.
        let restricted = of_stage.get(name).and_then(Variable::containers).map(<[String]>::to_vec);
        let variable = match restricted {
            Some(containers) => Variable::Restricted(Restriction { value, containers: Some(containers) }),
            None => Variable::Value(value),
        };
        (name.to_owned(), variable)
    });
    of_stage.iter().map(|(name, value)| (name.to_owned(), value.clone())).chain(own).collect()
}

/// What differs for services: as in the stage copied, but nothing of it may be that stage's own.
fn services(manifest: &Manifest, from: &Stage, count: Option<u32>) -> Named<StageService> {
    let one = |name: &str| {
        let differs = from.services.get(name).cloned().unwrap_or_default();
        let count = Some(count.unwrap_or(1));
        let ingress = differs.ingress.clone().map(|differs| match differs {
            StageIngress::Differs(differs) => StageIngress::Differs(IngressDiffers { host: None, ..differs }),
            there => there,
        });
        // Nor found by the stage's name: requests of the stage would reach the preview.
        let discover = differs.discover.clone().map(|discover| match discover {
            StageDiscover::Name(name) if !is_own(&name) => StageDiscover::There(false),
            other => other,
        });
        // As many as previews have, whatever happens to them.
        let scaling = Some(StageScaling::There(false));
        let differs =
            StageService { name: None, family: None, target_group: None, count, scaling, ingress, discover, ..differs };
        (name.to_owned(), differs)
    };
    manifest.services.names().map(one).collect()
}

/// What differs for schedules: as in the stage copied, under names of their own.
fn schedules(from: &Stage) -> Named<StageSchedule> {
    let one = |(name, differs): (&str, &StageSchedule)| {
        (name.to_owned(), StageSchedule { name: None, family: None, ..differs.clone() })
    };
    from.schedules.iter().map(one).collect()
}
