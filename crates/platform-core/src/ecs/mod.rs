//! The ECS API's operations, each a pure function of the world and an input.

mod placement;
mod task_new;

pub use task_new::{TaskRequest, new_deployment, new_service_task, new_task};
