//! What does a rule do with a request? What it asks for first, and where the request ends.

use serde_json::{Value, json};

/// The text of a listener that managr makes for services that have a host or a path: it protects nothing.
pub const OWN_ANSWER: &str = "no such application";

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// What is asked for before: `authenticate-oidc`, `authenticate-cognito`, `jwt-validation` and what may come.
    pub guards: Vec<String>,
    /// Where the request ends.
    pub end: End,
}

/// Where a request ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// At a target of one of these groups, by weight.
    Forward(Vec<(String, u32)>),
    /// At another address.
    Redirect {
        /// Whether that is HTTPS.
        is_tls: bool,
    },
    /// With an answer of the load balancer's own.
    Answer {
        /// Its status code.
        status: String,
        /// Whether it is the one that managr gives its own listeners.
        is_ours: bool,
    },
    /// In a way that is not known here.
    Unknown(String),
}

impl Default for End {
    fn default() -> Self {
        Self::Unknown("nothing".to_owned())
    }
}

fn is_end(action: &Value) -> bool {
    matches!(action["Type"].as_str(), Some("forward" | "redirect" | "fixed-response"))
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).or_else(|| value.as_str()?.parse().ok())
}

/// Returns the groups of a forward action with their weights.
fn groups(action: &Value) -> Vec<(String, u32)> {
    let listed = action.pointer("/ForwardConfig/TargetGroups").and_then(Value::as_array);
    let listed: Vec<_> = listed
        .into_iter()
        .flatten()
        .filter_map(|group| Some((group["TargetGroupArn"].as_str()?.to_owned(), number(&group["Weight"]).unwrap_or(1))))
        .collect();
    match (&listed[..], action["TargetGroupArn"].as_str()) {
        ([], Some(arn)) => vec![(arn.to_owned(), 1)],
        _ => listed,
    }
}

impl Actions {
    /// Reads the actions of a rule or of a listener, as they are sent or as they are described.
    pub fn read(actions: &[Value]) -> Self {
        let guards = actions.iter().filter(|action| !is_end(action));
        let guards = guards.map(|action| action["Type"].as_str().unwrap_or_default().to_owned()).collect();
        let end = actions.iter().rfind(|action| is_end(action)).map(End::read).unwrap_or_default();
        Self { guards, end }
    }

    /// Returns the groups that requests really go to.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let groups = match &self.end {
            End::Forward(groups) => &groups[..],
            _ => &[],
        };
        groups.iter().filter(|(_, weight)| *weight > 0).map(|(arn, _)| arn.as_str())
    }

    /// Returns whether requests go to a group, all or some.
    pub fn reach(&self, group: &str) -> bool {
        self.groups().any(|arn| arn == group)
    }
}

impl End {
    fn read(action: &Value) -> Self {
        let redirect = &action["RedirectConfig"];
        let answer = &action["FixedResponseConfig"];
        match action["Type"].as_str().unwrap_or_default() {
            "forward" => Self::Forward(groups(action)),
            "redirect" => Self::Redirect { is_tls: redirect["Protocol"] == "HTTPS" },
            "fixed-response" => Self::Answer {
                status: answer["StatusCode"].as_str().unwrap_or("its own").to_owned(),
                is_ours: answer["MessageBody"] == OWN_ANSWER,
            },
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Returns actions that forward to a group instead, with everything else kept: a user who has to sign in
/// first must do so still.
///
/// A client secret is in no description; it is kept by saying so (API reference, AuthenticateOidcActionConfig: "If you
/// are modifying a rule, you can omit this parameter if you set UseExistingClientSecret to true").
pub fn forwarding(actions: &[Value], group: &str) -> Value {
    let mut kept: Vec<Value> = actions.iter().filter(|action| !is_end(action)).cloned().collect();
    for action in &mut kept {
        if let Some(oidc) = action.get_mut("AuthenticateOidcConfig").and_then(Value::as_object_mut) {
            oidc.remove("ClientSecret");
            oidc.insert("UseExistingClientSecret".to_owned(), json!(true));
        }
    }
    let mut forward = json!({ "Type": "forward", "TargetGroupArn": group });
    // Several actions have an order, and the one that routes is the last (API reference, Action).
    if !kept.is_empty() {
        for (at, action) in kept.iter_mut().enumerate() {
            action["Order"] = json!(at + 1);
        }
        forward["Order"] = json!(kept.len() + 1);
    }
    kept.push(forward);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(actions: Value) -> Actions {
        Actions::read(actions.as_array().unwrap())
    }

    #[test]
    fn weights_are_read_in_either_form_and_zero_reaches_nothing() {
        let plain = read(json!([{"Type": "forward", "TargetGroupArn": "a"}]));
        assert_eq!(plain.groups().collect::<Vec<_>>(), ["a"]);
        let groups = json!([{"TargetGroupArn": "a", "Weight": "0"}, {"TargetGroupArn": "b", "Weight": 5}]);
        let weighed = read(json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]));
        assert!(!weighed.reach("a") && weighed.reach("b"));
    }

    #[test]
    fn what_is_asked_for_first_is_kept_and_no_secret_is_sent() {
        let before = json!([
            {"Type": "authenticate-oidc", "Order": "1", "AuthenticateOidcConfig": {"ClientId": "abc", "Issuer": "i"}},
            {"Type": "fixed-response", "Order": "2", "FixedResponseConfig": {"StatusCode": "403"}}]);
        let after = forwarding(before.as_array().unwrap(), "g");
        assert_eq!(
            after,
            json!([{"Type": "authenticate-oidc", "Order": 1,
                    "AuthenticateOidcConfig": {"ClientId": "abc", "Issuer": "i", "UseExistingClientSecret": true}},
                   {"Type": "forward", "TargetGroupArn": "g", "Order": 2}])
        );
        assert_eq!(read(after).guards, ["authenticate-oidc"]);
    }
}
