//! What the world is asked about, and what it answers. Never holds the value of a secret.

use std::collections::BTreeSet;

use aws_model::Document;
use deploy_core::plan::discovery::DiscoverError;

/// Something that is asked about once, however many checks depend on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Who we are.
    Account,
    /// A cluster by name.
    Cluster(String),
    /// An image by reference.
    Image(String),
    /// A secret of Secrets Manager.
    Secret {
        arn: String,
        /// Where it is.
        region: String,
    },
    /// A parameter of Systems Manager.
    Parameter {
        name: String,
        /// Where it is; none is our own region.
        region: Option<String>,
    },
    /// A role by ARN.
    Role(String),
    LogGroup {
        name: String,
        /// Where it is.
        region: String,
    },
    /// A target group by ARN or name.
    TargetGroup(String),
    /// A listener by ARN.
    Listener(String),
    /// A name that tasks are found by.
    Name(String),
    /// An alarm of CloudWatch that ends deployments.
    Alarm(String),
}

/// What the world answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fact {
    /// Who we are.
    Account(String),
    /// A cluster's status.
    Cluster(String),
    /// An image is there.
    Image {
        /// Its architectures, or why they are not known.
        architectures: Result<BTreeSet<String>, String>,
        /// Its ENTRYPOINT, where its configuration was read; none where that is one of several.
        entrypoint: Option<Vec<String>>,
    },
    /// A secret is there.
    Secret {
        /// Whether it is scheduled for deletion.
        is_doomed: bool,
        /// Keys of the JSON object that it holds, or why they are not known.
        keys: Result<BTreeSet<String>, String>,
    },
    /// A role is there.
    Role {
        arn: String,
        /// Its trust policy, as IAM gives it.
        trust: String,
    },
    /// A target group is there.
    TargetGroup(Document),
    /// An alarm's state; none if there is none of that name.
    Alarm(Option<String>),
    /// A name is there, or could be made, and a deploy could not use it.
    Misnamed(DiscoverError),
    /// It is there, and nothing more is asked.
    Present,
    /// It is not there.
    Absent {
        /// In which words.
        reason: String,
    },
    /// Nothing works like this: no credentials, no endpoint.
    Unusable {
        /// Why.
        reason: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// It could not be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// Returns the name in a secret's ARN, with the suffix that AWS adds if the ARN has it.
pub(super) fn secret_name(arn: &str) -> &str {
    arn.split_once(":secret:").map_or(arn, |(_, name)| name)
}

/// Returns an image reference that people can read: twelve digits tell digests apart as well as sixty-four.
pub(super) fn short_image(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.get(..12).unwrap_or(digest)),
        None => image.to_owned(),
    }
}

impl Fact {
    pub(super) fn absent(reason: impl Into<String>) -> Self {
        Self::Absent { reason: reason.into() }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }
}
