//! Task definitions.

use std::ops::Bound;
use std::sync::Arc;

use aws_model::task_definition::TaskDefinition;
use aws_model::{AwsError, Document, register, seconds, validate};
use serde_json::{Value, json};

use super::find::{check_revision_number, family_arn, revision};
use super::input::{failure, includes, named, required, text};
use super::page::Page;
use super::tags;
use crate::world::{Change, Revision, RevisionStatus, World};
use crate::{Cx, Input, Outcome};

/// RegisterTaskDefinition.
pub(super) fn register(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    validate::check(&input)?;
    let tags = tags::read(&input)?;
    let document = register::as_registered(input);
    // Read again: the defaults filled in are part of what the platform acts on.
    let spec = TaskDefinition::read(&document).map_err(|e| AwsError::server(format!("a checked document: {e}")))?;
    let family = family_arn(cx, &spec.family);
    let number = world.families.get(&family).and_then(|numbers| numbers.last()).map_or(1, |last| last + 1);
    let revision = Revision {
        arn: format!("{family}:{number}"),
        family: spec.family.clone(),
        revision: number,
        status: RevisionStatus::Active,
        document,
        tags,
        registered_at: cx.now,
        registered_by: super::root(cx),
        deregistered_at: None,
        spec: Arc::new(spec),
    };
    let mut reply = json!({"taskDefinition": render(&revision)});
    if !revision.tags.is_empty() {
        reply["tags"] = Value::Array(revision.tags.clone());
    }
    Ok(Outcome { reply, changes: vec![Change::Revision(revision)] })
}

/// DescribeTaskDefinition.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let revision = find(world, cx, input, "Unable to describe task definition.")?;
    let mut reply = json!({"taskDefinition": render(revision)});
    if includes(input, "TAGS") {
        reply["tags"] = Value::Array(revision.tags.clone());
    }
    Ok(reply)
}

/// DeregisterTaskDefinition: INACTIVE; what runs goes on.
pub(super) fn deregister(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    numbered(required(&input, "taskDefinition")?)?;
    let found = find(world, cx, &input, "The specified task definition does not exist.")?;
    let mut revision = (**found).clone();
    if revision.status == RevisionStatus::DeleteInProgress {
        return Err(AwsError::client("The specified task definition is being deleted."));
    }
    if revision.status == RevisionStatus::Active {
        revision.status = RevisionStatus::Inactive;
        revision.deregistered_at = Some(cx.now);
    }
    let changes = if revision == **found { Vec::new() } else { vec![Change::Revision(revision.clone())] };
    Ok(Outcome { reply: json!({"taskDefinition": render(&revision)}), changes })
}

/// DeleteTaskDefinitions: of INACTIVE ones; each that fails is named.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let (mut deleted, mut failures, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for name in named(&input, "taskDefinitions", 10)? {
        // Whatever is wrong with one of them is its own failure (API reference: "failures"); the others go.
        if numbered(name).is_err() {
            failures.push(failure(
                name,
                "The specified task definition identifier is invalid. Specify a valid name or ARN and try again.",
            ));
            continue;
        }
        match revision(world, cx, name) {
            None => failures.push(failure(
                name,
                "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
            )),
            Some(found) if found.status == RevisionStatus::Active => {
                failures.push(json!({"arn": found.arn, "reason": "The specified task definition is still in ACTIVE \
                    status. Please deregister the target and try again."}));
            }
            Some(found) => {
                let mut revision = (**found).clone();
                revision.status = RevisionStatus::DeleteInProgress;
                deleted.push(render(&revision));
                if revision != **found {
                    changes.push(Change::Revision(revision));
                }
            }
        }
    }
    Ok(Outcome { reply: json!({"taskDefinitions": deleted, "failures": failures}), changes })
}

/// ListTaskDefinitions.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let page = Page::read(input, 100)?;
    let prefix = family_arn(cx, "");
    let after = page.after.and_then(split);
    // `familyPrefix` is a whole family's name (API reference).
    let wanted = text(input, "familyPrefix").map(|family| format!("{prefix}{family}"));
    let status = match text(input, "status").unwrap_or("ACTIVE") {
        "ACTIVE" => RevisionStatus::Active,
        "INACTIVE" => RevisionStatus::Inactive,
        "DELETE_IN_PROGRESS" => RevisionStatus::DeleteInProgress,
        other => return Err(AwsError::invalid_parameter(format!("Invalid status '{other}'."))),
    };
    let families = world.families.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
    let families = families.filter(|(arn, _)| wanted.as_ref().is_none_or(|w| w == *arn));
    let numbers = families.flat_map(|(arn, numbers)| numbers.iter().map(move |n| (arn.as_str(), *n)));
    let listed = |(family, number): &(&str, u32)| {
        world.revisions.get(&format!("{family}:{number}")).is_some_and(|r| r.status == status)
    };
    let arn = |(family, number): (&str, u32)| format!("{family}:{number}");
    Ok(match text(input, "sort") {
        Some("DESC") => {
            let mut all: Vec<_> = numbers.filter(|item| after.is_none_or(|a| *item < a)).collect();
            all.reverse();
            page.answer("taskDefinitionArns", all.into_iter().filter(listed).map(arn))
        }
        _ => {
            let rest = numbers.filter(|item| after.is_none_or(|a| *item > a));
            page.answer("taskDefinitionArns", rest.filter(listed).map(arn))
        }
    })
}

/// ListTaskDefinitionFamilies.
pub(super) fn families(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let page = Page::read(input, 100)?;
    let prefix = family_arn(cx, text(input, "familyPrefix").unwrap_or_default());
    let strip = family_arn(cx, "").len();
    let status = text(input, "status").unwrap_or("ALL");
    let from = match page.after {
        Some(family) => Bound::Excluded(family_arn(cx, family)),
        None => Bound::Included(prefix.clone()),
    };
    let families = world.families.range((from, Bound::Unbounded)).take_while(|(arn, _)| arn.starts_with(&prefix));
    let has_active = |arn: &str, numbers: &std::collections::BTreeSet<u32>| {
        let mut revisions = numbers.iter().rev().filter_map(|n| world.revisions.get(&format!("{arn}:{n}")));
        revisions.any(|r| r.status == RevisionStatus::Active)
    };
    let is_left = |arn: &str, numbers: &std::collections::BTreeSet<u32>| {
        let mut revisions = numbers.iter().filter_map(|n| world.revisions.get(&format!("{arn}:{n}")));
        revisions.any(|r| r.status != RevisionStatus::Deleted)
    };
    let families = families.filter(|(arn, numbers)| is_left(arn, numbers));
    let listed = families.filter(|(arn, numbers)| match status {
        "ACTIVE" => has_active(arn, numbers),
        "INACTIVE" => !has_active(arn, numbers),
        _ => true,
    });
    Ok(page.answer("families", listed.map(|(arn, _)| &arn[strip..])))
}

/// Returns a revision as ECS answers it.
pub(super) fn render(revision: &Revision) -> Value {
    let mut out = Document::new();
    out.insert("taskDefinitionArn".into(), revision.arn.clone().into());
    for (name, value) in &revision.document {
        out.insert(name.clone(), value.clone());
    }
    out.insert("revision".into(), revision.revision.into());
    out.insert("status".into(), revision.status.as_str().into());
    let attributes = register::requires_attributes(&revision.spec);
    out.insert("requiresAttributes".into(), attributes.into_iter().map(|name| json!({"name": name})).collect());
    out.insert("compatibilities".into(), register::compatibilities(&revision.spec).into());
    out.insert("registeredAt".into(), seconds(revision.registered_at));
    out.insert("registeredBy".into(), revision.registered_by.clone().into());
    if let Some(at) = revision.deregistered_at {
        out.insert("deregisteredAt".into(), seconds(at));
    }
    Value::Object(out)
}

fn find<'w>(world: &'w World, cx: &Cx<'_>, input: &Document, missing: &str) -> Result<&'w Arc<Revision>, AwsError> {
    let named = required(input, "taskDefinition")?;
    check_revision_number(named)?;
    revision(world, cx, named).ok_or_else(|| AwsError::client(missing))
}

/// Deregistering and deleting take no bare family.
fn numbered(name: &str) -> Result<(), AwsError> {
    check_revision_number(name)?;
    match aws_model::arn::TaskDefinitionRef::parse(name) {
        Some(named) if named.revision.is_some() => Ok(()),
        Some(_) => Err(AwsError::client("Revision is missing.")),
        None => Err(AwsError::client("Invalid task definition identifier.")),
    }
}

/// Splits `FAMILY_ARN:REVISION`.
fn split(token: &str) -> Option<(&str, u32)> {
    let (family, number) = token.rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}
