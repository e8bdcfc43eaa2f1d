//! What does `managr.toml` say? The types are the grammar; the doc comments are its reference.
//!
//! [`parse`] is the only door: past it every reference points at something, every size is a
//! Fargate size and every duration is a number of seconds. The JSON Schema made from these
//! types drives the reading itself (`read::walk`), so the schema, the reference and
//! the parser cannot disagree.

mod accepted;
mod app;
mod container;
pub mod database;
mod discover;
mod errors;
pub mod fault;
mod named;
mod once;
pub mod pattern;
mod pipeline;
mod previews;
mod read;
mod scaling;
mod schedule;
mod scope;
mod service;
pub mod size;
mod stage;
mod values;

pub use accepted::Accepted;
pub use app::{Image, Manifest, Restriction, Secret, Variable};
pub use container::{
    Capabilities, CommandLine, Condition, Container, ContainerHealth, ContainerSecret, Inherit, InheritParts, Log,
    Mount, MountOptions, Names, Restart, RestartOptions, Tmpfs, TmpfsOptions, Ulimit, UlimitRange,
};
pub use database::{Database, DatabaseVariables, Engine, StageDatabase};
pub use discover::check_discover;
pub use errors::{ManifestError, ManifestErrors};
pub use fault::Fault;
pub use named::Named;
pub use once::Defaults;
pub use pipeline::Pipeline;
pub use previews::Previews;
pub use read::{Written, parse, place_of, schema_of_manifest};
pub(crate) use scaling::scaling;
pub use scaling::{
    Cooldown, Quantity, Scaling, ScalingDiffers, ScalingMath, ScalingMetric, ScalingTarget, ScalingTargetOptions,
    ScalingTime, StageScaling, check_time,
};
pub use schedule::{Overlap, Schedule, Via, check_schedule, is_timezone};
pub(crate) use scope::{ingress, is_in};
pub use service::{
    CircuitBreaker, CircuitBreakerOptions, Deployment, Ingress, IngressHealth, Release, Service, Volume,
};
pub use stage::{
    IngressDiffers, LOCAL, Stage, StageContainer, StageDiscover, StageImage, StageIngress, StageSchedule, StageService,
};
pub use values::{Expression, OneOrMany, Port, Protocol, Raw, Scalar, Seconds};
