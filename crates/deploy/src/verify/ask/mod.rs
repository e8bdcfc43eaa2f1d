//! Asks the world about every topic, each once and all at the same time. Reads only.

pub(crate) mod image;
pub(crate) mod registry;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::{CallError, Client, STS};
use aws_model::Document;
use deploy_core::desired::Desired;
use deploy_core::lint::image::ImageRef;
use deploy_core::lint::spelt;
use futures_util::{StreamExt, stream};

use super::topic::{Fact, Topic};
use crate::observe::text;

/// Questions under way at once.
const WIDTH: usize = 16;
/// How long one question may take, retries included.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every question needs at hand.
struct Asker<'a> {
    client: &'a Client,
    /// What should be.
    desired: &'a Desired,
    /// Our account; none if it could not be told.
    account: Option<String>,
    /// Hosts under which the endpoint's own registry is known, beside ECR's.
    own_hosts: BTreeSet<String>,
    /// Whether values of secrets may be read.
    read_secret_values: bool,
}

/// Returns what is known about every topic.
pub(super) async fn all(
    client: &Client,
    desired: &Desired,
    topics: BTreeSet<Topic>,
    read_secret_values: bool,
) -> BTreeMap<Topic, Fact> {
    // First alone: if these credentials do not work at all, that is said once.
    let account = account(client).await;
    let unusable = matches!(account, Fact::Unusable { .. });
    let asker = Asker {
        client,
        desired,
        account: if let Fact::Account(account) = &account { Some(account.clone()) } else { None },
        own_hosts: own_hosts(client, desired),
        read_secret_values,
    };
    let answers = topics.into_iter().map(|topic| {
        let (asker, account) = (&asker, &account);
        async move {
            let fact = match &topic {
                Topic::Account => account.clone(),
                topic if unusable && asker.is_of_endpoint(topic) => {
                    Fact::unknown("not asked: the account's check says why")
                }
                topic => {
                    let patient = tokio::time::timeout(PATIENCE, asker.ask(topic)).await;
                    patient.unwrap_or_else(|_| Fact::unknown(format!("no answer within {} s", PATIENCE.as_secs())))
                }
            };
            (topic, fact)
        }
    });
    stream::iter(answers.collect::<Vec<_>>()).buffer_unordered(WIDTH).collect().await
}

async fn account(client: &Client) -> Fact {
    match client.call(&STS, "GetCallerIdentity", Document::new()).await {
        Ok(answer) => Fact::Account(text(&answer, "Account").to_owned()),
        Err(error) if error.is_unserved() => unknown(&error),
        Err(error) => Fact::Unusable { reason: words(&error), hint: error.hint() },
    }
}

/// The endpoint's own address, and wherever the stage's images are pushed to.
fn own_hosts(client: &Client, desired: &Desired) -> BTreeSet<String> {
    let endpoint = client.endpoint(&aws::ECR);
    let authority = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    // A reference that was given in an image's place says nothing of where images are pushed to.
    let read = desired.images.iter().filter_map(|image| Some((image, ImageRef::parse(&image.reference)?)));
    let pushed = read.filter(|(image, found)| found.repository == image.repository).map(|(_, found)| found.host);
    pushed.chain([authority.to_owned()]).collect()
}

impl Asker<'_> {
    /// Whether the answer comes from the endpoint, and needs its credentials.
    fn is_of_endpoint(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Image(reference) => ImageRef::parse(reference).is_some_and(|image| self.is_own(&image)),
            _ => true,
        }
    }

    /// Whether an image's registry speaks ECR's API to us.
    fn is_own(&self, image: &ImageRef) -> bool {
        image.ecr().is_some() || self.own_hosts.contains(&image.host)
    }

    async fn ask(&self, topic: &Topic) -> Fact {
        let answer = match topic {
            Topic::Account => Ok(Fact::unknown("asked before everything else")),
            Topic::Cluster(name) => services::cluster(self.client, name).await,
            Topic::Image(reference) => {
                match ImageRef::parse(reference).filter(|_| spelt::reference(reference).is_none()) {
                    None => Ok(Fact::absent(misspelt(reference))),
                    Some(image) if self.is_own(&image) => image::ask(self, &image).await,
                    Some(image) => Ok(registry::ask(&image).await),
                }
            }
            Topic::Secret { arn, region } => self.secret(arn, region).await,
            Topic::Parameter { name, region } => {
                let region = region.as_deref().unwrap_or(self.client.region());
                services::parameter(&self.client.in_region(region), name).await
            }
            Topic::Role(arn) => self.role(arn).await,
            Topic::LogGroup { name, region } => services::log_group(&self.client.in_region(region), name).await,
            Topic::TargetGroup(group) => services::target_group(self.client, group).await,
            Topic::Listener(arn) => services::listener(self.client, arn).await,
            Topic::Alarm(name) => services::alarm(self.client, name).await,
            Topic::Name(name) => services::name(self.client, self.desired, name).await,
        };
        answer.unwrap_or_else(|error| unknown(&error))
    }

    async fn secret(&self, arn: &str, region: &str) -> Result<Fact, CallError> {
        services::secret(&self.client.in_region(region), arn, self.read_secret_values).await
    }

    async fn role(&self, arn: &str) -> Result<Fact, CallError> {
        let owner = aws_model::arn::Arn::parse(arn).map(|arn| arn.account.to_owned());
        match (owner, &self.account) {
            (None, _) => Ok(Fact::absent(format!("`{arn}` is not the ARN of a role"))),
            (Some(owner), Some(own)) if owner != *own => {
                Ok(Fact::unknown(format!("it is in account {owner}, which these credentials are not of")))
            }
            _ => services::role(self.client, arn).await,
        }
    }
}

/// Why a text names no image: what a shell or a template left open is named.
fn misspelt(reference: &str) -> String {
    let fault = spelt::reference(reference).map(|fault| fault.to_string());
    format!("`{reference}` is not an image reference: {}", fault.unwrap_or_else(|| "it cannot be read".to_owned()))
}

/// A question that could not be answered, with the reason in a few words.
fn unknown(error: &CallError) -> Fact {
    Fact::unknown(words(error))
}

/// Returns why a call failed, in a few words.
pub(crate) fn words(error: &CallError) -> String {
    match error {
        CallError::Service { service, .. } if error.is_unserved() => {
            format!("{service} is not served by this endpoint")
        }
        CallError::Service { service, operation, message, .. } if error.is_denied() => {
            format!("not allowed to call {service} {operation}: {message}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16) -> CallError {
        CallError::Service {
            service: "iam",
            operation: "GetRole".into(),
            code: code.into(),
            message: "no".into(),
            status,
            request_id: String::new(),
        }
    }

    #[test]
    fn a_reason_is_short_and_says_whose_fault_it_is() {
        let check = |code: &str, status, expected: &str| assert_eq!(words(&refused(code, status)), expected);
        check("NotImplementedException", 501, "iam is not served by this endpoint");
        check("HTTP 501", 501, "iam is not served by this endpoint");
        check("AccessDenied", 403, "not allowed to call iam GetRole: no");
        check("Throttling", 400, "iam GetRole: Throttling: no");
    }
}
