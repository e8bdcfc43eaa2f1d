//! ELBv2's operations: load balancers, target groups, listeners, rules, targets.
//!
//! Each is a pure function of the world and an input that was held against the model. What the platform knows of and
//! cannot do is refused by name.
//!
//! - [`routes()`]: what the balancer should serve.
//! - [`absorb_health`]: what a probe's finding makes different.

mod attributes;
mod certificates;
mod describe;
mod facts;
mod guards;
mod input;
mod listeners;
mod load_balancers;
mod page;
pub mod policies;
mod routes;
mod rules;
mod tags;
mod target_groups;
mod targets;
mod usage;

#[cfg(test)]
mod tests;

pub use certificates::{certificate_listeners, certificate_users};
pub(crate) use describe::ZONE;
pub use routes::{CertificateRoutes, GroupRoutes, ListenerRoutes, Routes, TlsRoutes, routes};
pub use targets::absorb_health;
pub(crate) use usage::load_balancers_of;

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// ELBv2's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AddListenerCertificates", kind: Write(certificates::add) },
    Operation { name: "AddTags", kind: Write(tags::add) },
    Operation { name: "CreateListener", kind: Write(listeners::create) },
    Operation { name: "CreateLoadBalancer", kind: Write(load_balancers::create) },
    Operation { name: "CreateRule", kind: Write(rules::create) },
    Operation { name: "CreateTargetGroup", kind: Write(target_groups::create) },
    Operation { name: "DeleteListener", kind: Write(listeners::delete) },
    Operation { name: "DeleteLoadBalancer", kind: Write(load_balancers::delete) },
    Operation { name: "DeleteRule", kind: Write(rules::delete) },
    Operation { name: "DeleteTargetGroup", kind: Write(target_groups::delete) },
    Operation { name: "DeregisterTargets", kind: Write(targets::deregister) },
    Operation { name: "DescribeAccountLimits", kind: Read(facts::account_limits) },
    Operation { name: "DescribeCapacityReservation", kind: Read(facts::capacity_reservation) },
    Operation { name: "DescribeListenerAttributes", kind: Read(attributes::describe_listener) },
    Operation { name: "DescribeListenerCertificates", kind: Read(certificates::describe) },
    Operation { name: "DescribeListeners", kind: Read(listeners::describe) },
    Operation { name: "DescribeLoadBalancerAttributes", kind: Read(attributes::describe_load_balancer) },
    Operation { name: "DescribeLoadBalancers", kind: Read(load_balancers::describe) },
    Operation { name: "DescribeRules", kind: Read(rules::describe) },
    Operation { name: "DescribeSSLPolicies", kind: Read(facts::ssl_policies) },
    Operation { name: "DescribeTags", kind: Read(tags::describe) },
    Operation { name: "DescribeTargetGroupAttributes", kind: Read(attributes::describe_target_group) },
    Operation { name: "DescribeTargetGroups", kind: Read(target_groups::describe) },
    Operation { name: "DescribeTargetHealth", kind: Read(targets::describe_health) },
    Operation { name: "ModifyListener", kind: Write(listeners::modify) },
    Operation { name: "ModifyListenerAttributes", kind: Write(attributes::modify_listener) },
    Operation { name: "ModifyLoadBalancerAttributes", kind: Write(attributes::modify_load_balancer) },
    Operation { name: "ModifyRule", kind: Write(rules::modify) },
    Operation { name: "ModifyTargetGroup", kind: Write(target_groups::modify) },
    Operation { name: "ModifyTargetGroupAttributes", kind: Write(attributes::modify_target_group) },
    Operation { name: "RegisterTargets", kind: Write(targets::register) },
    Operation { name: "RemoveListenerCertificates", kind: Write(certificates::remove) },
    Operation { name: "RemoveTags", kind: Write(tags::remove) },
    Operation { name: "SetIpAddressType", kind: Write(load_balancers::set_ip_address_type) },
    Operation { name: "SetRulePriorities", kind: Write(rules::set_priorities) },
    Operation { name: "SetSecurityGroups", kind: Write(load_balancers::set_security_groups) },
    Operation { name: "SetSubnets", kind: Write(load_balancers::set_subnets) },
];
