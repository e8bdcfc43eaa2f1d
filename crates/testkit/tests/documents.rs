//! Every operation of every model, with everything that its model allows and forbids.

use aws_model::check::{self, Rule};
use aws_model::model::{Operation, Shape};
use aws_model::{AwsError, Document, Service, validate};
use platform_core::Ids;
use testkit::documents::{Extent, forbidden, valid};

fn operations() -> impl Iterator<Item = Operation> {
    Service::all().flat_map(|service| service.model().operations())
}

/// Whether an operation may answer this code: it declares it, or every operation of the service may.
fn is_declared(operation: Operation, code: &str) -> bool {
    let is_it = |shape: &Shape| shape.name == code || shape.error().and_then(|error| error.code) == Some(code);
    operation.errors().any(is_it) || check::is_common(operation.service(), code)
}

/// Registering a task definition says most things itself.
fn refuse(operation: Operation, input: &Document) -> Result<(), AwsError> {
    check::refuse(operation, input)?;
    match (operation.service(), operation.name()) {
        (Service::Ecs, "RegisterTaskDefinition") => validate::check(input).map(drop),
        _ => Ok(()),
    }
}

#[test]
fn what_a_model_allows_is_never_refused() {
    let mut ids = Ids::new(14);
    let mut count = 0;
    for operation in operations() {
        for extent in [Extent::Least, Extent::All].into_iter().chain([Extent::Some; 8]) {
            let mut input = valid(operation, extent, &mut ids);
            let refused = check::admit(operation, &mut input).err();
            assert_eq!(refused, None, "{} {}: {input:?}", operation.service().cli_name(), operation.name());
            count += 1;
        }
    }
    assert!(count > 3_000, "{count}");
}

#[test]
fn what_a_model_forbids_is_refused_with_a_declared_code() {
    let mut ids = Ids::new(15);
    let (mut count, mut wrong) = (0, Vec::new());
    for operation in operations() {
        for case in forbidden(operation, &mut ids) {
            count += 1;
            let name =
                format!("{} {} {} {:?}", operation.service().cli_name(), operation.name(), case.place, case.rule);
            let found = check::input(operation, &case.input);
            // A wrong simple item, key or entry is reported once, by the first rule that it breaks.
            let is_within = |rule: &Rule| matches!(rule, Rule::Item(..) | Rule::Key(..) | Rule::Entry(..));
            let is_it = |violation: &check::Violation<'_>| {
                std::mem::discriminant(violation.rule.innermost()) == std::mem::discriminant(&case.rule)
                    || (is_within(&violation.rule) && violation.place() == case.place)
            };
            if !found.iter().any(is_it) {
                wrong.push(format!("{name}: not found among {found:?}"));
            }
            if check::is_allowed(operation, &case.place, &case.rule) {
                continue;
            }
            match refuse(operation, &case.input) {
                Ok(()) => wrong.push(format!("{name}: taken")),
                Err(error) if !is_declared(operation, &error.code) => wrong.push(format!("{name}: {error}")),
                Err(error) if error.message.is_empty() => wrong.push(format!("{name}: no words")),
                Err(_) => {}
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(count > 5_000, "{count}");
}

#[test]
fn every_kind_of_rule_is_tried() {
    let mut ids = Ids::new(16);
    let mut tried = Vec::new();
    for operation in operations() {
        tried.extend(forbidden(operation, &mut ids).into_iter().map(|case| std::mem::discriminant(&case.rule)));
    }
    let rules = [
        Rule::Type(String::new()),
        Rule::Missing,
        Rule::Short(0),
        Rule::Long(0),
        Rule::Low(0.0),
        Rule::High(0.0),
        Rule::Enum,
        Rule::Pattern,
        Rule::Union,
    ];
    for rule in rules {
        let count = tried.iter().filter(|one| **one == std::mem::discriminant(&rule)).count();
        assert!(count > 3, "{rule:?}: {count}");
    }
}
