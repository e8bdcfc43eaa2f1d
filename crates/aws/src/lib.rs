//! Calls an AWS service: sign, send, retry, read the answer. Documents in, documents out.
//!
//! A thin client by design: the answer is kept whole, so that a field which AWS adds
//! tomorrow passes through describe → change → register unharmed. It never prints, and
//! no error or log line of it holds a credential or a request's body.

mod client;
mod clock;
mod credentials;
pub mod endpoint;
mod error;
pub mod local;
mod pages;
mod query;
pub mod rest;
pub mod retry;
mod service;
mod upgrade;
mod wire;
mod xml;

pub use client::{Client, Options};
pub use credentials::Credentials;
pub use error::CallError;
pub use pages::go_on;
pub use service::{
    AUTOSCALING, CLOUD_MAP, CLOUDWATCH, EC2, ECR, ECS, ELB, EVENTS, IAM, LOGS, Protocol, RDS, ROUTE53, SCHEDULER, SECRETS,
    SSM, STS, Service,
};
pub use upgrade::Upgraded;
pub use xml::items;
