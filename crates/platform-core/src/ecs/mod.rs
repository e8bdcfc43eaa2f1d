//! The ECS API's operations, each a pure function of the world and an input.
//!
//! Inputs are documents whose JSON types [`aws_model::check`] has held against the official model; everything
//! that an operation does not know of it keeps and answers again. Nothing here starts or stops anything:
//! a changed world makes a task's or a service's own decision due ([`crate::task`], [`crate::service`]).

mod capacity;
mod cluster;
pub(crate) mod connect;
mod exec;
mod find;
mod input;
mod network;
mod overrides;
mod page;
mod placement;
mod protection;
mod registries;
mod revision;
mod service;
mod service_create;
mod service_deployments;
mod service_render;
mod service_revisions;
mod service_rules;
mod service_stop;
mod service_update;
mod tags;
mod task;
mod task_new;
mod task_render;
mod unsupported;

#[cfg(test)]
mod tests;

pub use exec::{Destination, EXECUTE_COMMAND, execute_command, of_target};
pub use overrides::{effective_container, effective_size, effective_storage};
pub use protection::{get as task_protection, update as update_task_protection};
pub use service_render::render_service;
pub(crate) use task::run as run_task;
pub use task_new::{TaskRequest, new_deployment, new_service_task, new_task};
pub use task_render::render_task;
pub use unsupported::unsupported;

use crate::{Cx, Kind, Operation};

/// The operations offered whose answer is the world's alone, by name. [`EXECUTE_COMMAND`] is offered too; every other
/// operation of ECS is refused.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateCluster", kind: Kind::Write(cluster::create) },
    Operation { name: "CreateService", kind: Kind::Write(service_create::create) },
    Operation { name: "DeleteAccountSetting", kind: Kind::Write(capacity::delete_setting) },
    Operation { name: "DeleteAttributes", kind: Kind::Write(capacity::change_attributes) },
    Operation { name: "DeleteCluster", kind: Kind::Write(cluster::delete) },
    Operation { name: "DeleteService", kind: Kind::Write(service::delete) },
    Operation { name: "DeleteTaskDefinitions", kind: Kind::Write(revision::delete) },
    Operation { name: "DeregisterTaskDefinition", kind: Kind::Write(revision::deregister) },
    Operation { name: "DescribeCapacityProviders", kind: Kind::Read(capacity::providers) },
    Operation { name: "DescribeClusters", kind: Kind::Read(cluster::describe) },
    Operation { name: "DescribeContainerInstances", kind: Kind::Read(capacity::describe_instances) },
    Operation { name: "DescribeServiceDeployments", kind: Kind::Read(service_deployments::describe) },
    Operation { name: "DescribeServiceRevisions", kind: Kind::Read(service_revisions::describe) },
    Operation { name: "DescribeServices", kind: Kind::Read(service::describe) },
    Operation { name: "DescribeTaskDefinition", kind: Kind::Read(revision::describe) },
    Operation { name: "DescribeTasks", kind: Kind::Read(task::describe) },
    Operation { name: "GetTaskProtection", kind: Kind::Read(protection::get) },
    Operation { name: "ListAccountSettings", kind: Kind::Read(capacity::settings) },
    Operation { name: "ListAttributes", kind: Kind::Read(capacity::attributes) },
    Operation { name: "ListClusters", kind: Kind::Read(cluster::list) },
    Operation { name: "ListContainerInstances", kind: Kind::Read(capacity::list_instances) },
    Operation { name: "ListServiceDeployments", kind: Kind::Read(service_deployments::list) },
    Operation { name: "ListServices", kind: Kind::Read(service::list) },
    Operation { name: "ListServicesByNamespace", kind: Kind::Read(service::by_namespace) },
    Operation { name: "ListTagsForResource", kind: Kind::Read(tags::list) },
    Operation { name: "ListTaskDefinitionFamilies", kind: Kind::Read(revision::families) },
    Operation { name: "ListTaskDefinitions", kind: Kind::Read(revision::list) },
    Operation { name: "ListTasks", kind: Kind::Read(task::list) },
    Operation { name: "PutAccountSetting", kind: Kind::Write(capacity::put_setting) },
    Operation { name: "PutAccountSettingDefault", kind: Kind::Write(capacity::put_setting) },
    Operation { name: "PutAttributes", kind: Kind::Write(capacity::change_attributes) },
    Operation { name: "PutClusterCapacityProviders", kind: Kind::Write(cluster::update) },
    Operation { name: "RegisterTaskDefinition", kind: Kind::Write(revision::register) },
    Operation { name: "RunTask", kind: Kind::Write(task::run) },
    Operation { name: "StartTask", kind: Kind::Write(task::start) },
    Operation { name: "StopServiceDeployment", kind: Kind::Write(service_stop::stop) },
    Operation { name: "StopTask", kind: Kind::Write(task::stop) },
    Operation { name: "TagResource", kind: Kind::Write(tags::tag) },
    Operation { name: "UntagResource", kind: Kind::Write(tags::untag) },
    Operation { name: "UpdateCluster", kind: Kind::Write(cluster::update) },
    Operation { name: "UpdateClusterSettings", kind: Kind::Write(cluster::update_settings) },
    Operation { name: "UpdateService", kind: Kind::Write(service_update::update) },
    Operation { name: "UpdateTaskProtection", kind: Kind::Write(protection::update) },
];

/// Who calls: accounts have one user here.
fn root(cx: &Cx<'_>) -> String {
    cx.global_arn("iam", "root")
}
