//! Who a caller is, told by scenarios.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::{Cx, Ids, Kind, World};

const NOW: i64 = 1_700_000_000_000;

pub(crate) struct Account {
    pub(crate) world: World,
    pub(crate) now: i64,
    pub(crate) ids: Ids,
    pub(crate) region: &'static str,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { world: World::default(), now: NOW, ids: Ids::new(7), region: "us-east-1" }
    }

    /// Calls an operation with a key; answers what is answered, or `CODE: message`.
    pub(crate) fn call(&mut self, key: &str, name: &str, input: Value) -> Result<Value, String> {
        let row = super::OPERATIONS.iter().find(|row| row.name == name).unwrap();
        let Value::Object(input) = input else { panic!("no document") };
        let mut cx = Cx {
            now: self.now,
            region: self.region,
            account: "123456789012",
            access_key: key,
            architecture: None,
            ids: &mut self.ids,
        };
        let answered = match row.kind {
            Kind::Read(read) => read(&self.world, &cx, &input),
            Kind::Write(write) => write(&self.world, &mut cx, input).map(|outcome| {
                outcome.changes.into_iter().for_each(|change| drop(self.world.apply(change)));
                outcome.reply
            }),
        };
        answered.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    fn who(&mut self, key: &str) -> String {
        match self.call(key, "GetCallerIdentity", json!({})) {
            Ok(answer) => format!("{} {}", answer["Arn"].as_str().unwrap(), answer["UserId"].as_str().unwrap()),
            Err(error) => error,
        }
    }
}

fn key(answer: &Value) -> String {
    answer["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned()
}

fn role(session: &str) -> Value {
    json!({"RoleArn": "arn:aws:iam::123456789012:role/ci/deploy", "RoleSessionName": session})
}

#[test]
fn a_key_that_nobody_made_is_the_root_of_the_caller_s_partition() {
    let mut account = Account::new();
    assert_eq!(account.who("test"), "arn:aws:iam::123456789012:root 123456789012");
    account.region = "cn-north-1";
    assert_eq!(account.who("test"), "arn:aws-cn:iam::123456789012:root 123456789012");
}

#[test]
fn whoever_assumed_a_role_is_the_role_until_the_time_is_over() {
    let mut account = Account::new();
    let mut input = role("pipeline");
    input["WebIdentityToken"] = json!("eyJ.x.y");
    let by_token = account.call("", "AssumeRoleWithWebIdentity", input).unwrap();
    let assumed = account.call("test", "AssumeRole", role("one")).unwrap();
    let (first, second) = (key(&by_token), key(&assumed));
    assert!(first.starts_with("ASIA") && first.len() == 20 && first != second, "{first} {second}");
    let who = account.who(&second);
    assert!(
        who.starts_with("arn:aws:sts::123456789012:assumed-role/deploy/one AROA") && who.ends_with(":one"),
        "{who}"
    );
    assert_eq!(assumed["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deploy/one");
    let id = |who: &str| who.split_whitespace().last().unwrap().split(':').next().unwrap().to_owned();
    assert_eq!(id(&who), id(&account.who(&first)), "one role has one id");
    assert_eq!(assumed["Credentials"]["Expiration"], json!(NOW / 1000 + 3600));
    assert!(!format!("{:?}", account.world).contains("eyJ"), "the token is nobody's to read");

    account.now += 3_600_000;
    assert_eq!(account.who(&second), "ExpiredToken: The security token included in the request is expired");
    account.now += 25 * 3_600_000;
    account.call("test", "AssumeRole", role("late")).unwrap();
    assert!(account.who(&second).contains(":root"), "a forgotten key is one that nobody made");
}

#[test]
fn a_chain_of_roles_lasts_an_hour_and_only_roles_are_assumed() {
    let mut account = Account::new();
    let first = key(&account.call("test", "AssumeRole", role("one")).unwrap());
    let mut long = role("two");
    long["DurationSeconds"] = json!(3601);
    assert!(account.call("test", "AssumeRole", long.clone()).is_ok());
    assert!(account.call(&first, "AssumeRole", long).unwrap_err().contains("role chaining"));
    for arn in ["arn:aws:iam::123456789012:user/x", "arn:aws:sts::123456789012:role/x", "no-arn-but-long-enough"] {
        let input = json!({"RoleArn": arn, "RoleSessionName": "s"});
        assert_eq!(
            account.call("test", "AssumeRole", input).unwrap_err(),
            format!("ValidationError: {arn} is invalid")
        );
    }
}

#[test]
fn tokens_are_given_to_long_term_keys_and_the_roots_last_an_hour() {
    let mut account = Account::new();
    let own = account.call("test", "GetSessionToken", json!({})).unwrap();
    assert_eq!(own["Credentials"]["Expiration"], json!(NOW / 1000 + 3600));
    assert!(account.who(&key(&own)).starts_with("arn:aws:iam::123456789012:root "));
    let bob = account.call("test", "GetFederationToken", json!({"Name": "bob"})).unwrap();
    assert_eq!(account.who(&key(&bob)), "arn:aws:sts::123456789012:federated-user/bob 123456789012:bob");
    for operation in ["GetSessionToken", "GetFederationToken"] {
        let refused = account.call(&key(&bob), operation, json!({"Name": "bob"})).unwrap_err();
        assert_eq!(refused, format!("AccessDenied: Cannot call {operation} with session credentials"));
    }
}
