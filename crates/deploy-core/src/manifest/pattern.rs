//! What does `{stage}` stand for in a text of the manifest?
//!
//! One rule for every text that takes it: `{stage}` is the stage's name, and one more pair of braces around it makes
//! it text again (`{{stage}}` is `{stage}`). Nothing else between braces means anything, so that JSON in a variable
//! stays what it is; names, which have no braces of their own, refuse it.

use super::{Manifest, OneOrMany, Scalar, Stage, StageDiscover, StageIngress, StageScaling, Variable};

/// What stands for the stage's name.
pub const STAGE: &str = "{stage}";

/// Returns a text with the stage's name in it.
pub fn filled(text: &str, stage: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(STAGE) {
        let after = &rest[at + STAGE.len()..];
        let is_text = rest[..at].ends_with('{') && after.starts_with('}');
        if is_text {
            out.push_str(&rest[..at - 1]);
            out.push_str(STAGE);
            rest = &after[1..];
        } else {
            out.push_str(&rest[..at]);
            out.push_str(stage);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Returns what must be written so that [`filled`] gives this text, whatever the stage.
pub fn escaped(text: &str) -> String {
    text.replace(STAGE, "{{stage}}")
}

/// Checks that a name has no braces but those of `{stage}`, and returns one that it could become.
///
/// # Errors
/// A fragment that says what is wrong.
pub(crate) fn sample(text: &str) -> Result<String, String> {
    let sample = text.replace(STAGE, "x");
    match sample.split_once('{') {
        None if !sample.contains('}') => Ok(sample),
        Some((_, rest)) if rest.contains('}') => {
            let placeholder = rest.split('}').next().unwrap_or_default();
            Err(format!("`{{{placeholder}}}` is not {STAGE}, which is all that a name can have in braces"))
        }
        _ => Err("a brace is half of nothing: `{stage}` is all that a name can have in braces".to_owned()),
    }
}

type Fill<'a> = &'a dyn Fn(&str) -> String;

fn option(text: &mut Option<String>, fill: Fill<'_>) {
    if let Some(text) = text {
        *text = fill(text);
    }
}

fn scalar(value: &mut Scalar, fill: Fill<'_>) {
    if let Scalar::Text(text) = value {
        *text = fill(text);
    }
}

fn variable(variable: &mut Variable, fill: Fill<'_>) {
    match variable {
        Variable::Value(value) => scalar(value, fill),
        Variable::Restricted(restriction) => scalar(&mut restriction.value, fill),
    }
}

fn many(texts: &mut Option<OneOrMany>, fill: Fill<'_>) {
    match texts {
        Some(OneOrMany::One(text)) => *text = fill(text),
        Some(OneOrMany::Many(list)) => list.iter_mut().for_each(|text| *text = fill(text)),
        None => {}
    }
}

fn words(words: &mut Option<Vec<String>>, fill: Fill<'_>) {
    words.iter_mut().flatten().for_each(|word| *word = fill(word));
}

fn log(log: &mut Option<super::Log>, fill: Fill<'_>) {
    if let Some(log) = log {
        option(&mut log.group, fill);
        option(&mut log.prefix, fill);
    }
}

impl Manifest {
    /// Changes every text that a preview shares with the stage that it is a copy of.
    pub(crate) fn fill_shared(&mut self, fill: Fill<'_>) {
        for text in [
            &mut self.cluster,
            &mut self.load_balancer,
            &mut self.log_group,
            &mut self.secret,
            &mut self.execution_role,
            &mut self.task_role,
            &mut self.schedule_role,
        ] {
            option(text, fill);
        }
        self.variables.values_mut().for_each(|value| variable(value, fill));
        self.secrets.values_mut().for_each(|secret| option(&mut secret.from, fill));
        for service in self.services.values_mut() {
            log(&mut service.log, fill);
            service.scaling.iter_mut().for_each(|scaling| scaling.fill(fill));
            service
                .release
                .iter_mut()
                .for_each(|release| release.command.iter_mut().for_each(|word| *word = fill(word)));
            service.containers.values_mut().for_each(|spec| container(spec, fill));
        }
        for schedule in self.schedules.values_mut() {
            log(&mut schedule.log, fill);
            words(&mut schedule.command, fill);
            words(&mut schedule.entrypoint, fill);
            schedule.variables.values_mut().for_each(|value| scalar(value, fill));
            schedule.secrets.values_mut().for_each(|secret| option(&mut secret.from, fill));
            schedule.containers.values_mut().for_each(|spec| container(spec, fill));
        }
    }

    /// Changes every text that names what a stage has for itself.
    pub(crate) fn fill_own(&mut self, fill: Fill<'_>) {
        for service in self.services.values_mut() {
            option(&mut service.name, fill);
            option(&mut service.family, fill);
            option(&mut service.target_group, fill);
            option(&mut service.discover, fill);
            service.ingress.iter_mut().for_each(|ingress| many(&mut ingress.host, fill));
        }
        for schedule in self.schedules.values_mut() {
            option(&mut schedule.name, fill);
            option(&mut schedule.family, fill);
            option(&mut schedule.group, fill);
        }
    }

    /// Returns the manifest with every text as it stands: none of them has a pattern in it. Names are let be: they have
    /// no braces.
    #[must_use]
    pub fn literal(mut self) -> Self {
        self.fill_shared(&escaped);
        self.stages.values_mut().for_each(|stage| stage.fill_shared(&escaped));
        self
    }
}

fn container(spec: &mut super::Container, fill: Fill<'_>) {
    words(&mut spec.command, fill);
    words(&mut spec.entrypoint, fill);
    spec.variables.values_mut().for_each(|value| scalar(value, fill));
    spec.secrets.values_mut().for_each(|secret| option(&mut secret.from, fill));
    log(&mut spec.log, fill);
}

fn differs(spec: &mut super::StageContainer, fill: Fill<'_>) {
    log(&mut spec.log, fill);
    words(&mut spec.command, fill);
    words(&mut spec.entrypoint, fill);
}

impl Stage {
    /// Changes every text that a preview shares with the stage that it is a copy of.
    pub(crate) fn fill_shared(&mut self, fill: Fill<'_>) {
        for text in [
            &mut self.cluster,
            &mut self.load_balancer,
            &mut self.log_group,
            &mut self.secret,
            &mut self.execution_role,
            &mut self.task_role,
            &mut self.schedule_role,
        ] {
            option(text, fill);
        }
        self.fill_variables(fill);
        self.secrets.values_mut().for_each(|secret| option(&mut secret.from, fill));
        for service in self.services.values_mut() {
            log(&mut service.log, fill);
            if let Some(StageScaling::Differs(scaling)) = &mut service.scaling {
                scaling.fill(fill);
            }
            service.containers.values_mut().for_each(|spec| differs(spec, fill));
        }
        for schedule in self.schedules.values_mut() {
            log(&mut schedule.log, fill);
            words(&mut schedule.command, fill);
            words(&mut schedule.entrypoint, fill);
            schedule.containers.values_mut().for_each(|spec| differs(spec, fill));
        }
    }

    fn fill_variables(&mut self, fill: Fill<'_>) {
        self.variables.values_mut().for_each(|value| variable(value, fill));
        let services = self.services.values_mut().flat_map(|service| service.containers.values_mut());
        services.flat_map(|spec| spec.variables.values_mut()).for_each(|value| scalar(value, fill));
        for schedule in self.schedules.values_mut() {
            schedule.variables.values_mut().for_each(|value| scalar(value, fill));
            let values = schedule.containers.values_mut().flat_map(|spec| spec.variables.values_mut());
            values.for_each(|value| scalar(value, fill));
        }
    }

    /// Changes every text that names what a stage has for itself.
    pub(crate) fn fill_own(&mut self, fill: Fill<'_>) {
        many(&mut self.host, fill);
        for service in self.services.values_mut() {
            option(&mut service.name, fill);
            option(&mut service.family, fill);
            option(&mut service.target_group, fill);
            if let Some(StageDiscover::Name(name)) = &mut service.discover {
                *name = fill(name);
            }
            if let Some(StageIngress::Differs(ingress)) = &mut service.ingress {
                many(&mut ingress.host, fill);
            }
        }
        for schedule in self.schedules.values_mut() {
            option(&mut schedule.name, fill);
            option(&mut schedule.family, fill);
            option(&mut schedule.group, fill);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escaped, filled, sample};

    #[test]
    fn the_stage_stands_where_it_is_asked_for() {
        for (text, is) in [
            ("{stage}", "prod"),
            ("shop-{stage}-web", "shop-prod-web"),
            ("{stage}{stage}", "prodprod"),
            ("{{stage}}", "{stage}"),
            ("{{{stage}}}", "{{stage}}"),
            ("{{stage}", "{prod"),
            ("{ \"a\": {} }", "{ \"a\": {} }"),
            ("{stages}", "{stages}"),
        ] {
            assert_eq!(filled(text, "prod"), is, "{text}");
        }
    }

    #[test]
    fn a_name_refuses_what_means_nothing() {
        assert_eq!(sample("a-{stage}-b").as_deref(), Ok("a-x-b"));
        assert!(sample("a-{stag}-b").unwrap_err().starts_with("`{stag}` is not {stage}"));
        assert!(sample("a-{stage").is_err());
        assert!(sample("a}").is_err());
    }

    proptest! {
        /// Whatever a value is, there is a way to write it.
        #[test]
        fn every_text_can_be_written(text in "([{}]|stage|\\{stage\\}|[a-z]){0,12}", stage in "[a-z]{1,6}") {
            prop_assert_eq!(filled(&escaped(&text), &stage), text);
        }
    }
}
