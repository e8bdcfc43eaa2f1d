//! Who a caller is, told by scenarios.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::account::{Account, NOW};

/// Calls with another key.
fn by(account: &mut Account, key: &str, name: &str, input: Value) -> Result<Value, String> {
    account.key = key.to_owned();
    account.call(name, input)
}

fn who(account: &mut Account, key: &str) -> String {
    match by(account, key, "GetCallerIdentity", json!({})) {
        Ok(answer) => format!("{} {}", answer["Arn"].as_str().unwrap(), answer["UserId"].as_str().unwrap()),
        Err(error) => error,
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
    assert_eq!(who(&mut account, "test"), "arn:aws:iam::123456789012:root 123456789012");
    account.region = "cn-north-1";
    assert_eq!(who(&mut account, "test"), "arn:aws-cn:iam::123456789012:root 123456789012");
}

#[test]
fn whoever_assumed_a_role_is_the_role_until_the_time_is_over() {
    let mut account = Account::new();
    let mut input = role("pipeline");
    input["WebIdentityToken"] = json!("eyJ.x.y");
    let by_token = by(&mut account, "", "AssumeRoleWithWebIdentity", input).unwrap();
    let assumed = by(&mut account, "test", "AssumeRole", role("one")).unwrap();
    let (first, second) = (key(&by_token), key(&assumed));
    assert!(first.starts_with("ASIA") && first.len() == 20 && first != second, "{first} {second}");
    let told = who(&mut account, &second);
    assert!(
        told.starts_with("arn:aws:sts::123456789012:assumed-role/deploy/one AROA") && told.ends_with(":one"),
        "{told}"
    );
    assert_eq!(assumed["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deploy/one");
    let id = |who: &str| who.split_whitespace().last().unwrap().split(':').next().unwrap().to_owned();
    assert_eq!(id(&told), id(&who(&mut account, &first)), "one role has one id");
    assert_eq!(assumed["Credentials"]["Expiration"], json!(NOW / 1000 + 3600));
    assert!(!format!("{:?}", account.world).contains("eyJ"), "the token is nobody's to read");

    account.now += 3_600_000;
    assert_eq!(who(&mut account, &second), "ExpiredToken: The security token included in the request is expired");
    account.now += 25 * 3_600_000;
    by(&mut account, "test", "AssumeRole", role("late")).unwrap();
    assert!(who(&mut account, &second).contains(":root"), "a forgotten key is one that nobody made");
}

#[test]
fn a_chain_of_roles_lasts_an_hour_and_only_roles_are_assumed() {
    let mut account = Account::new();
    let first = key(&by(&mut account, "test", "AssumeRole", role("one")).unwrap());
    let mut long = role("two");
    long["DurationSeconds"] = json!(3601);
    assert!(by(&mut account, "test", "AssumeRole", long.clone()).is_ok());
    assert!(by(&mut account, &first, "AssumeRole", long).unwrap_err().contains("role chaining"));
    for arn in ["arn:aws:iam::123456789012:user/x", "arn:aws:sts::123456789012:role/x", "no-arn-but-long-enough"] {
        let input = json!({"RoleArn": arn, "RoleSessionName": "s"});
        assert_eq!(
            by(&mut account, "test", "AssumeRole", input).unwrap_err(),
            format!("ValidationError: {arn} is invalid")
        );
    }
}

#[test]
fn tokens_are_given_to_long_term_keys_and_the_roots_last_an_hour() {
    let mut account = Account::new();
    let own = by(&mut account, "test", "GetSessionToken", json!({})).unwrap();
    assert_eq!(own["Credentials"]["Expiration"], json!(NOW / 1000 + 3600));
    assert!(who(&mut account, &key(&own)).starts_with("arn:aws:iam::123456789012:root "));
    let bob = by(&mut account, "test", "GetFederationToken", json!({"Name": "bob"})).unwrap();
    assert_eq!(who(&mut account, &key(&bob)), "arn:aws:sts::123456789012:federated-user/bob 123456789012:bob");
    for operation in ["GetSessionToken", "GetFederationToken"] {
        let refused = by(&mut account, &key(&bob), operation, json!({"Name": "bob"})).unwrap_err();
        assert_eq!(refused, format!("AccessDenied: Cannot call {operation} with session credentials"));
    }
}

#[test]
fn a_users_key_is_the_user_and_an_inactive_one_is_nobody() {
    let mut account = Account::new();
    let user = account.call("CreateUser", json!({"UserName": "Ann", "Path": "/dev/"})).unwrap();
    let made = account.call("CreateAccessKey", json!({"UserName": "Ann"})).unwrap();
    let key = made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    let id = user["User"]["UserId"].as_str().unwrap();
    assert_eq!(who(&mut account, &key), format!("arn:aws:iam::123456789012:user/dev/Ann {id}"));
    // A token for the user's own session is the user too, and lasts longer than the root's.
    let own = by(&mut account, &key, "GetSessionToken", json!({})).unwrap();
    assert_eq!(own["Credentials"]["Expiration"], json!(NOW / 1000 + 43_200));
    let session = self::key(&own);
    assert_eq!(who(&mut account, &session), format!("arn:aws:iam::123456789012:user/dev/Ann {id}"));
    let off = json!({"UserName": "ann", "AccessKeyId": key, "Status": "Inactive"});
    by(&mut account, "test", "UpdateAccessKey", off).unwrap();
    let refused = "InvalidClientTokenId: The security token included in the request is invalid.";
    assert_eq!(who(&mut account, &key), refused);
}

#[test]
fn a_role_that_is_here_gives_its_id_and_bounds_the_time() {
    let mut account = Account::new();
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}});
    let input = json!({"RoleName": "deploy", "Path": "/ci/", "AssumeRolePolicyDocument": trust.to_string()});
    let made = account.call("CreateRole", input).unwrap();
    let assumed = account.call("AssumeRole", role("s")).unwrap();
    let id = made["Role"]["RoleId"].as_str().unwrap();
    assert_eq!(assumed["AssumedRoleUser"]["AssumedRoleId"], format!("{id}:s"));
    let mut long = role("s");
    long["DurationSeconds"] = json!(3_601);
    let words = "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(account.refused("AssumeRole", long.clone()), words);
    account.call("UpdateRole", json!({"RoleName": "deploy", "MaxSessionDuration": 7_200})).unwrap();
    assert!(account.call("AssumeRole", long).is_ok());
}
