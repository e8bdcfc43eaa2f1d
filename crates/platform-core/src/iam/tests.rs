//! IAM told by scenarios: what is made, given, counted, refused and deleted.
#![allow(clippy::unwrap_used)]

mod documents;

use serde_json::{Value, json};

use crate::account::Account;

const TRUST: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

fn role(account: &mut Account, name: &str) -> Value {
    account.call("CreateRole", json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST})).unwrap()["Role"].clone()
}

fn policy(account: &mut Account, name: &str) -> String {
    let made = account.call("CreatePolicy", json!({"PolicyName": name, "PolicyDocument": READ})).unwrap();
    made["Policy"]["Arn"].as_str().unwrap().to_owned()
}

#[test]
fn a_role_is_made_once_whatever_the_case_of_its_name() {
    let mut account = Account::new();
    let made = role(&mut account, "App");
    assert_eq!(made["Arn"], "arn:aws:iam::123456789012:role/App");
    assert!(made["RoleId"].as_str().is_some_and(|id| id.starts_with("AROA") && id.len() == 21), "{made}");
    assert_eq!((&made["Path"], &made["MaxSessionDuration"]), (&json!("/"), &json!(3600)));
    assert!(made["AssumeRolePolicyDocument"].as_str().unwrap().starts_with("%7B%22Version%22%3A%222008-10-17%22"));
    let again = json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST});
    assert_eq!(account.refused("CreateRole", again), "EntityAlreadyExists: Role with name app already exists.");
    assert_eq!(account.call("GetRole", json!({"RoleName": "app"})).unwrap()["Role"], made);
    let words = "NoSuchEntity: The role with name other cannot be found.";
    assert_eq!(account.refused("GetRole", json!({"RoleName": "other"})), words);
    account.region = "us-gov-west-1";
    let arn = account.call("GetRole", json!({"RoleName": "App"})).unwrap()["Role"]["Arn"].clone();
    assert_eq!(arn, "arn:aws-us-gov:iam::123456789012:role/App");
}

#[test]
fn what_a_role_has_must_go_before_the_role() {
    let mut account = Account::new();
    role(&mut account, "app");
    let own = policy(&mut account, "own");
    let name = json!({"RoleName": "app"});
    let with = |member: &str, value: &str| json!({"RoleName": "app", member: value});
    account.call("AttachRolePolicy", with("PolicyArn", &own)).unwrap();
    account.call("AttachRolePolicy", with("PolicyArn", EXECUTION)).unwrap();
    account.call("AttachRolePolicy", with("PolicyArn", EXECUTION)).unwrap();
    account.call("PutRolePolicy", json!({"RoleName": "app", "PolicyName": "inline", "PolicyDocument": READ})).unwrap();
    account.call("CreateInstanceProfile", json!({"InstanceProfileName": "p"})).unwrap();
    let member = json!({"InstanceProfileName": "P", "RoleName": "app"});
    account.call("AddRoleToInstanceProfile", member.clone()).unwrap();
    let quota = "LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    assert_eq!(account.refused("AddRoleToInstanceProfile", member.clone()), quota);

    let attached = account.call("ListAttachedRolePolicies", name.clone()).unwrap();
    let names: Vec<&str> =
        attached["AttachedPolicies"].as_array().unwrap().iter().map(|p| p["PolicyName"].as_str().unwrap()).collect();
    assert_eq!(names, ["own", "AmazonECSTaskExecutionRolePolicy"]);
    assert_eq!(
        account.call("ListInstanceProfilesForRole", name.clone()).unwrap()["InstanceProfiles"][0]["Roles"][0]["RoleName"],
        "app"
    );
    assert_eq!(
        account.refused("DeletePolicy", json!({"PolicyArn": own})),
        "DeleteConflict: Cannot delete a policy attached to entities."
    );

    let conflict = |account: &mut Account, words: &str| {
        assert_eq!(
            account.refused("DeleteRole", json!({"RoleName": "app"})),
            format!("DeleteConflict: Cannot delete entity, {words}")
        );
    };
    conflict(&mut account, "must remove roles from instance profile first.");
    let words = "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.";
    assert_eq!(account.refused("DeleteInstanceProfile", json!({"InstanceProfileName": "p"})), words);
    account.call("RemoveRoleFromInstanceProfile", member).unwrap();
    conflict(&mut account, "must detach all policies first.");
    account.call("DetachRolePolicy", with("PolicyArn", &own)).unwrap();
    account.call("DetachRolePolicy", with("PolicyArn", EXECUTION)).unwrap();
    assert_eq!(
        account.refused("DetachRolePolicy", with("PolicyArn", &own)),
        format!("NoSuchEntity: Policy {own} was not found.")
    );
    conflict(&mut account, "must delete policies first.");
    account.call("DeleteRolePolicy", with("PolicyName", "inline")).unwrap();
    account.call("DeleteRole", name.clone()).unwrap();
    assert!(account.refused("GetRole", name).starts_with("NoSuchEntity"));
    account.call("DeletePolicy", json!({"PolicyArn": own})).unwrap();
    account.call("DeleteInstanceProfile", json!({"InstanceProfileName": "p"})).unwrap();
}

#[test]
fn a_policy_has_five_versions_and_the_one_that_counts_stays() {
    let mut account = Account::new();
    let arn = policy(&mut account, "own");
    let version = |id: &str| json!({"PolicyArn": arn, "VersionId": id});
    for (n, set) in [(2, true), (3, false), (4, false), (5, false)] {
        let made = account
            .call("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": READ, "SetAsDefault": set}))
            .unwrap();
        assert_eq!(made["PolicyVersion"]["VersionId"], format!("v{n}"));
        assert_eq!(made["PolicyVersion"]["IsDefaultVersion"], set);
    }
    let more = json!({"PolicyArn": arn, "PolicyDocument": READ});
    assert!(
        account
            .refused("CreatePolicyVersion", more.clone())
            .starts_with("LimitExceeded: A managed policy can have up to 5")
    );
    assert!(account.refused("DeletePolicyVersion", version("v2")).contains("Cannot delete the default version"));
    assert!(account.refused("DeletePolicy", json!({"PolicyArn": arn})).contains("more than one version"));
    account.call("DeletePolicyVersion", version("v5")).unwrap();
    assert_eq!(
        account.call("CreatePolicyVersion", more).unwrap()["PolicyVersion"]["VersionId"],
        "v6",
        "no number twice"
    );
    assert!(
        account.refused("GetPolicyVersion", version("v5")).contains("version v5 does not exist or is not attachable")
    );
    account.call("SetDefaultPolicyVersion", version("v6")).unwrap();
    assert_eq!(account.call("GetPolicy", json!({"PolicyArn": arn})).unwrap()["Policy"]["DefaultVersionId"], "v6");
    let listed = account.call("ListPolicyVersions", json!({"PolicyArn": arn})).unwrap();
    let ids: Vec<&str> =
        listed["Versions"].as_array().unwrap().iter().map(|v| v["VersionId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["v6", "v4", "v3", "v2", "v1"]);
    assert!(listed["Versions"][0].get("Document").is_none());
    assert!(
        account
            .refused("CreatePolicy", json!({"PolicyName": "OWN", "PolicyDocument": READ}))
            .contains("A policy called OWN already exists.")
    );
}

#[test]
fn policies_of_aws_are_attached_by_arn_and_tell_what_is_known_of_them() {
    let mut account = Account::new();
    role(&mut account, "app");
    let other = "arn:aws:iam::aws:policy/job-function/Billing";
    for arn in [EXECUTION, other] {
        account.call("AttachRolePolicy", json!({"RoleName": "app", "PolicyArn": arn})).unwrap();
    }
    let shown = account.call("GetPolicy", json!({"PolicyArn": EXECUTION})).unwrap()["Policy"].clone();
    assert_eq!(
        (&shown["Path"], &shown["AttachmentCount"], &shown["DefaultVersionId"]),
        (&json!("/service-role/"), &json!(1), &json!("v1"))
    );
    let version = account.call("GetPolicyVersion", json!({"PolicyArn": EXECUTION, "VersionId": "v1"})).unwrap();
    assert!(version["PolicyVersion"]["Document"].as_str().unwrap().contains("ecr%3AGetAuthorizationToken"));
    let shown = account.call("GetPolicy", json!({"PolicyArn": other})).unwrap()["Policy"].clone();
    assert_eq!((&shown["PolicyName"], shown.get("DefaultVersionId")), (&json!("Billing"), None));
    let refused = account.refused("GetPolicyVersion", json!({"PolicyArn": other, "VersionId": "v1"}));
    assert!(refused.starts_with("NoSuchEntity: managr's platform does not know version v1"), "{refused}");
    let entities = account.call("ListEntitiesForPolicy", json!({"PolicyArn": other})).unwrap();
    assert_eq!((&entities["PolicyRoles"][0]["RoleName"], &entities["PolicyUsers"]), (&json!("app"), &json!([])));
    let listed = account.call("ListPolicies", json!({"Scope": "AWS", "OnlyAttached": true})).unwrap();
    assert_eq!(listed["Policies"].as_array().unwrap().len(), 2);
    for bad in ["arn:aws:iam::123456789012:policy/none", "arn:aws:iam::aws:role/x", "arn:aws:s3:::aws:policy/x"] {
        let refused = account.refused("AttachRolePolicy", json!({"RoleName": "app", "PolicyArn": bad}));
        assert_eq!(refused, format!("NoSuchEntity: Policy {bad} does not exist or is not attachable."));
    }
}

#[test]
fn every_document_of_aws_that_is_known_is_one() {
    let mut account = Account::new();
    let listed = account.call("ListPolicies", json!({"Scope": "AWS"})).unwrap();
    let all = listed["Policies"].as_array().unwrap();
    assert!(all.len() > 10);
    for one in all {
        let version = json!({"PolicyArn": one["Arn"], "VersionId": one["DefaultVersionId"]});
        let got = account.call("GetPolicyVersion", version).unwrap();
        let encoded = got["PolicyVersion"]["Document"].as_str().unwrap();
        let document = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        super::document::managed(&document).unwrap();
    }
}

#[test]
fn a_user_has_two_keys_and_takes_them_along_when_it_is_called_otherwise() {
    let mut account = Account::new();
    account.call("CreateUser", json!({"UserName": "ann"})).unwrap();
    let of = |name: &str| json!({"UserName": name});
    let first = account.call("CreateAccessKey", of("ann")).unwrap()["AccessKey"].clone();
    assert_eq!(first["SecretAccessKey"].as_str().unwrap().len(), 40);
    account.call("CreateAccessKey", of("ann")).unwrap();
    assert_eq!(
        account.refused("CreateAccessKey", of("ann")),
        "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"
    );
    account.call("UpdateUser", json!({"UserName": "ann", "NewUserName": "anna"})).unwrap();
    assert!(account.refused("GetUser", of("ann")).starts_with("NoSuchEntity: The user with name ann"));
    let keys = account.call("ListAccessKeys", of("anna")).unwrap()["AccessKeyMetadata"].clone();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["UserName"]), (2, &json!("anna")));
    assert!(keys[0].get("SecretAccessKey").is_none());
    // A caller that signs with the key may leave the name out.
    account.key = first["AccessKeyId"].as_str().unwrap().into();
    assert_eq!(account.call("GetUser", json!({})).unwrap()["User"]["UserName"], "anna");
    account.key = "test".into();
    assert!(account.refused("GetUser", json!({})).starts_with("ValidationError: Must specify userName"));
    assert!(account.refused("DeleteUser", of("anna")).contains("must delete access keys first."));
    for key in keys.as_array().unwrap() {
        account.call("DeleteAccessKey", json!({"UserName": "anna", "AccessKeyId": key["AccessKeyId"]})).unwrap();
    }
    // What Terraform asks before it deletes a user.
    for (operation, member) in
        [("ListGroupsForUser", "Groups"), ("ListMFADevices", "MFADevices"), ("ListSSHPublicKeys", "SSHPublicKeys")]
    {
        assert_eq!(account.call(operation, of("anna")).unwrap(), json!({member: [], "IsTruncated": false}));
        assert!(account.refused(operation, of("nobody")).starts_with("NoSuchEntity"));
    }
    account.call("DeleteUser", of("anna")).unwrap();
}

#[test]
fn pages_follow_each_other_and_quotas_are_kept() {
    let mut account = Account::new();
    for n in 0..7 {
        account
            .call("CreateRole", json!({"RoleName": format!("r{n}"), "Path": "/a/", "AssumeRolePolicyDocument": TRUST}))
            .unwrap();
    }
    role(&mut account, "elsewhere");
    let (mut names, mut marker) = (Vec::new(), None);
    loop {
        let mut input = json!({"PathPrefix": "/a/", "MaxItems": 3});
        if let Some(marker) = marker.take() {
            input["Marker"] = marker;
        }
        let page = account.call("ListRoles", input).unwrap();
        names
            .extend(page["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap().to_owned()));
        assert_eq!(page["IsTruncated"] == json!(true), page.get("Marker").is_some());
        match page.get("Marker") {
            Some(next) => marker = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(names, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"]);
    for n in 0..10 {
        let arn = format!("arn:aws:iam::aws:policy/P{n}");
        account.call("AttachRolePolicy", json!({"RoleName": "r0", "PolicyArn": arn})).unwrap();
    }
    let over = json!({"RoleName": "r0", "PolicyArn": EXECUTION});
    assert_eq!(account.refused("AttachRolePolicy", over), "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10");
    let summary = account.call("GetAccountSummary", json!({})).unwrap();
    assert_eq!((&summary["SummaryMap"]["Roles"], &summary["SummaryMap"]["RolesQuota"]), (&json!(8), &json!(1000)));
}

#[test]
fn tags_are_told_apart_without_case_and_never_more_than_fifty() {
    let mut account = Account::new();
    role(&mut account, "app");
    let tag = |key: &str, value: &str| json!({"RoleName": "app", "Tags": [{"Key": key, "Value": value}]});
    account.call("TagRole", tag("Env", "a")).unwrap();
    account.call("TagRole", tag("env", "b")).unwrap();
    assert_eq!(
        account.call("ListRoleTags", json!({"RoleName": "app"})).unwrap()["Tags"],
        json!([{"Key": "env", "Value": "b"}])
    );
    let twice = json!({"RoleName": "app", "Tags": [{"Key": "x", "Value": ""}, {"Key": "X", "Value": ""}]});
    assert!(account.refused("TagRole", twice).starts_with("InvalidInput: Duplicate tag keys"));
    let many: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    assert!(account.refused("TagRole", json!({"RoleName": "app", "Tags": many})).starts_with("LimitExceeded"));
    account.call("UntagRole", json!({"RoleName": "app", "TagKeys": ["ENV"]})).unwrap();
    assert!(account.call("GetRole", json!({"RoleName": "app"})).unwrap()["Role"].get("Tags").is_none());
}

#[test]
fn a_services_own_role_is_its_own_and_stays_while_it_is_needed() {
    let mut account = Account::new();
    let made = account.call("CreateServiceLinkedRole", json!({"AWSServiceName": "ecs.amazonaws.com"})).unwrap()["Role"]
        .clone();
    assert_eq!(made["Arn"], "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    let taken = account.refused("CreateServiceLinkedRole", json!({"AWSServiceName": "ecs.amazonaws.com"}));
    assert!(taken.starts_with("InvalidInput: Service role name AWSServiceRoleForECS has been taken"), "{taken}");
    let own = json!({"RoleName": "AWSServiceRoleForECS"});
    assert!(
        account
            .refused("DeleteRole", own.clone())
            .starts_with("UnmodifiableEntity: Cannot perform the operation on the protected role")
    );
    let attach = json!({"RoleName": "AWSServiceRoleForECS", "PolicyArn": EXECUTION});
    assert!(account.refused("AttachRolePolicy", attach).starts_with("UnmodifiableEntity"));
    account.call("CreateCluster", json!({"clusterName": "main"})).unwrap();
    let status = |account: &mut Account| {
        let task = account.call("DeleteServiceLinkedRole", json!({"RoleName": "AWSServiceRoleForECS"})).unwrap();
        account.call("GetServiceLinkedRoleDeletionStatus", task).unwrap()
    };
    let failed = status(&mut account);
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["Reason"]["RoleUsageList"][0]["Resources"][0], "arn:aws:ecs:us-east-1:123456789012:cluster/main");
    account.call("DeleteCluster", json!({"cluster": "main"})).unwrap();
    assert_eq!(status(&mut account), json!({"Status": "SUCCEEDED"}));
    assert!(account.refused("GetRole", own).starts_with("NoSuchEntity"));
}

#[test]
fn a_provider_is_known_by_its_url() {
    let mut account = Account::new();
    let url = "https://token.actions.githubusercontent.com";
    let create = json!({"Url": url, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": ["a".repeat(40)]});
    let made = account.call("CreateOpenIDConnectProvider", create.clone()).unwrap();
    let arn = made["OpenIDConnectProviderArn"].clone();
    assert_eq!(arn, "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com");
    assert!(
        account.refused("CreateOpenIDConnectProvider", create).starts_with("EntityAlreadyExists: Provider with url")
    );
    let with = |member: &str, value: Value| json!({"OpenIDConnectProviderArn": arn, member: value});
    account.call("AddClientIDToOpenIDConnectProvider", with("ClientID", json!("b"))).unwrap();
    account.call("RemoveClientIDFromOpenIDConnectProvider", with("ClientID", json!("sts.amazonaws.com"))).unwrap();
    account.call("TagOpenIDConnectProvider", with("Tags", json!([{"Key": "a", "Value": "b"}]))).unwrap();
    let got = account.call("GetOpenIDConnectProvider", json!({"OpenIDConnectProviderArn": arn})).unwrap();
    assert_eq!((&got["Url"], &got["ClientIDList"]), (&json!("token.actions.githubusercontent.com"), &json!(["b"])));
    assert_eq!(got["Tags"], json!([{"Key": "a", "Value": "b"}]));
    account.call("DeleteOpenIDConnectProvider", json!({"OpenIDConnectProviderArn": arn})).unwrap();
    assert!(
        account
            .refused("GetOpenIDConnectProvider", json!({"OpenIDConnectProviderArn": arn}))
            .starts_with("NoSuchEntity")
    );
}
