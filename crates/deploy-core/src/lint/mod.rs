//! What about these documents would make a deployment fail, or hurt later, though ECS takes them?
//!
//! What ECS refuses by itself is [`crate::Desired::refusals`]' business; nothing is said twice. Besides the rules on
//! documents, this module reads the texts whose truth must be asked for: image references, sources of secrets, trust
//! policies, target groups. A finding never holds the value of a variable.

mod container;
pub mod credentials;
pub mod image;
pub mod secret;
mod service;
pub mod spelt;
pub mod target;
pub mod trust;

use aws_model::Document;
use aws_model::task_definition::TaskDefinition;

pub use service::network;

/// Something that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The container that it is about; none is the task or the service as a whole.
    pub container: Option<String>,
    /// The setting, in ECS's words.
    pub setting: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub reason: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It may well be meant.
    Warning,
    /// The deployment would fail, or what it promises would not work.
    Failed,
}

impl Finding {
    fn new(setting: &'static str, severity: Severity, reason: impl Into<String>) -> Self {
        Self { container: None, setting, severity, reason: reason.into(), hint: None }
    }

    fn of(mut self, container: &str) -> Self {
        self.container = Some(container.to_owned());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What a task definition is for, as far as rules depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Purpose<'a> {
    /// Request of CreateService; none for a schedule.
    pub service: Option<&'a Document>,
    /// Whether the tasks run on the embedded platform, which has a network of its own.
    pub is_local: bool,
    /// Task definition that the service runs so far; none if it runs nothing, or was not read.
    pub running: Option<&'a Document>,
}

/// Returns what is wrong with a task definition and with the service that runs it.
///
/// A document that cannot be read has no findings: ECS's refusal says why.
pub fn lint(task: &Document, purpose: Purpose<'_>) -> Vec<Finding> {
    let Ok(task) = TaskDefinition::read(task) else { return Vec::new() };
    let has_exec = purpose.service.is_some_and(|service| {
        service.get("enableExecuteCommand").and_then(serde_json::Value::as_bool).unwrap_or(false)
    });
    let mut findings = Vec::new();
    container::check(&task, &mut findings);
    let running = purpose.running.and_then(|running| TaskDefinition::read(running).ok());
    credentials::check(&task, running.as_ref(), has_exec, &mut findings);
    if let Some(service) = purpose.service {
        service::check(&task, service, purpose.is_local, &mut findings);
    }
    findings
}

#[cfg(test)]
mod tests;
