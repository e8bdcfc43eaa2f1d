//! Clusters, task definitions, tags, account settings.

use aws_model::register::COMPUTED;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::stage::{Stage, network, web, with};

const EVERY_FIELD: &str = include_str!("../../../../aws-model/tests/every-field.json");

#[test]
fn a_cluster_is_found_by_name_and_by_arn_until_it_is_deleted() {
    let mut stage = Stage::new();
    stage.check("ListTasks", json!({}), "ClusterNotFoundException: Cluster not found.");
    let made = stage.ok("CreateCluster", json!({}));
    let arn = made["cluster"]["clusterArn"].as_str().unwrap().to_owned();
    assert_eq!(arn, "arn:aws:ecs:us-east-1:123456789012:cluster/default");
    assert_eq!(stage.ok("CreateCluster", json!({"clusterName": "default"})), made);
    stage.check("ListTasks", json!({}), "");
    stage.check("ListTasks", json!({"cluster": arn}), "");
    let found = stage.ok("DescribeClusters", json!({"clusters": ["default", "other"]}));
    assert_eq!(found["failures"], json!([{"arn": arn.replace("default", "other"), "reason": "MISSING"}]));
    assert_eq!(stage.from("eu-west-1").ok("ListClusters", json!({})), json!({"clusterArns": []}));
    stage.from("us-east-1").ok("DeleteCluster", json!({"cluster": "default"}));
    stage.check("ListTasks", json!({}), "ClusterNotFoundException: Cluster not found.");
    assert_eq!(stage.ok("ListClusters", json!({})), json!({"clusterArns": []}));
    assert_eq!(stage.ok("DescribeClusters", json!({}))["clusters"][0]["status"], "INACTIVE");
}

#[test]
fn a_cluster_tells_only_what_is_asked_for() {
    let mut stage = Stage::new();
    let configuration = json!({"executeCommandConfiguration": {"logging": "DEFAULT"}});
    stage.ok(
        "CreateCluster",
        json!({"clusterName": "main", "configuration": configuration, "capacityProviders": ["FARGATE"],
               "tags": [{"key": "a", "value": "b"}], "settings": [{"name": "containerInsights", "value": "enabled"}]}),
    );
    let bare = stage.ok("DescribeClusters", json!({"clusters": ["main"]}))["clusters"][0].clone();
    assert_eq!((&bare["tags"], &bare["settings"], &bare["statistics"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(bare["capacityProviders"], json!(["FARGATE"]));
    assert!(bare.get("configuration").is_none());
    let all =
        json!({"clusters": ["main"], "include": ["SETTINGS", "STATISTICS", "TAGS", "CONFIGURATIONS", "ATTACHMENTS"]});
    let full = stage.ok("DescribeClusters", all)["clusters"][0].clone();
    assert_eq!(full["tags"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(full["settings"], json!([{"name": "containerInsights", "value": "enabled"}]));
    assert_eq!(full["configuration"], configuration);
    assert_eq!(full["statistics"].as_array().unwrap().len(), 8);
    stage.ok(
        "UpdateClusterSettings",
        json!({"cluster": "main", "settings": [{"name": "containerInsights", "value": "disabled"}]}),
    );
    stage.check(
        "PutClusterCapacityProviders",
        json!({"cluster": "main", "capacityProviders": ["mine"], "defaultCapacityProviderStrategy": []}),
        "InvalidParameterException: The specified capacity provider 'mine' was not found. Specify a valid name or ARN and \
         try again.",
    );
}

#[test]
fn revisions_count_up_and_a_family_means_its_latest_active_one() {
    let mut stage = Stage::new();
    for _ in 0..3 {
        stage.ok("RegisterTaskDefinition", web());
    }
    let newest = |stage: &mut Stage| {
        stage
            .call("DescribeTaskDefinition", json!({"taskDefinition": "web"}))
            .map(|r| r["taskDefinition"]["revision"].clone())
    };
    assert_eq!(newest(&mut stage), Ok(json!(3)));
    stage.check("DeregisterTaskDefinition", json!({"taskDefinition": "web"}), "ClientException: Revision is missing.");
    let gone = stage.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:3"}))["taskDefinition"].clone();
    assert_eq!((&gone["status"], gone.get("deregisteredAt").is_some()), (&json!("INACTIVE"), true));
    assert_eq!(newest(&mut stage), Ok(json!(2)));
    assert_eq!(stage.ok("RegisterTaskDefinition", web())["taskDefinition"]["revision"], 4);
    let deleted = stage.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:3", "web:2", "web:9"]}));
    assert_eq!(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert_eq!(deleted["failures"].as_array().unwrap().len(), 2);
    // Each that is bad is a failure of its own, whatever is bad about it.
    stage.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}));
    let named = ["web:1", "web:latest", "web", "web:9", "arn:aws:sns:a"];
    let deleted = stage.ok("DeleteTaskDefinitions", json!({"taskDefinitions": named}));
    assert_eq!(deleted["taskDefinitions"].as_array().unwrap().len(), 1);
    let failures = deleted["failures"].as_array().unwrap().iter();
    let told: Vec<_> =
        failures.map(|f| format!("{}: {}", f["arn"].as_str().unwrap(), f["reason"].as_str().unwrap())).collect();
    let bad = |name: &str| {
        format!(
            "{name}: The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
        )
    };
    assert_eq!(
        told,
        [
            bad("web:latest"),
            bad("web"),
            "web:9: The specified task definition does not exist. Specify a valid account, family, revision and try again."
                .to_owned(),
            bad("arn:aws:sns:a"),
        ]
    );
    for name in ["web:9", "other"] {
        let error = "ClientException: Unable to describe task definition.";
        stage.check("DescribeTaskDefinition", json!({"taskDefinition": name}), error);
    }
}

#[test]
fn a_revision_that_is_no_number_is_refused_wherever_one_is_named() {
    let mut stage = Stage::with_web();
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:latest";
    for name in ["web:latest", arn, "web:0", "web:"] {
        let number = name.rsplit(':').next().unwrap();
        let words = format!("InvalidParameterException: Invalid revision number. Number: {number}");
        for operation in ["DescribeTaskDefinition", "DeregisterTaskDefinition", "RunTask"] {
            let input = json!({"cluster": "main", "taskDefinition": name});
            let got = stage.answer(operation, input).unwrap_err();
            assert_eq!(got, words, "{operation}");
        }
    }
    let create = json!({"cluster": "main", "serviceName": "a", "desiredCount": 1, "taskDefinition": "web:latest"});
    stage.check("CreateService", create, "InvalidParameterException: Invalid revision number. Number: latest");
}

#[test]
fn arns_are_of_the_partition_of_their_region() {
    let mut stage = Stage::new();
    let cluster = stage.from("cn-north-1").ok("CreateCluster", json!({"clusterName": "main"}));
    assert_eq!(cluster["cluster"]["clusterArn"], "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/main");
    stage.ok("RegisterTaskDefinition", web());
    let made =
        stage.ok("RunTask", json!({"cluster": "main", "taskDefinition": "web", "networkConfiguration": network()}));
    let made = made.to_string();
    assert!(made.contains("arn:aws-cn:ecs:cn-north-1") && !made.contains("arn:aws:"), "{made}");
    let create = json!({"cluster": "main", "serviceName": "a", "desiredCount": 1, "taskDefinition": "web",
        "networkConfiguration": network()});
    let made = stage.ok("CreateService", create).to_string();
    assert!(made.contains("arn:aws-cn:iam::123456789012:root") && !made.contains("arn:aws:"), "{made}");
    let providers = stage.ok("DescribeCapacityProviders", json!({})).to_string();
    assert!(providers.contains("arn:aws-cn:ecs:cn-north-1:123456789012:capacity-provider/FARGATE"), "{providers}");
}

#[test]
fn capacity_providers_are_awss_two_by_page_and_by_cluster() {
    let mut stage = Stage::new();
    stage.ok("CreateCluster", json!({"clusterName": "main", "capacityProviders": ["FARGATE_SPOT"]}));
    let names = |answer: &Value| {
        let list = answer["capacityProviders"].as_array().unwrap().iter();
        list.map(|p| p["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let all = stage.ok("DescribeCapacityProviders", json!({}));
    assert_eq!(names(&all), "FARGATE FARGATE_SPOT");
    let first = stage.ok("DescribeCapacityProviders", json!({"maxResults": 1}));
    let next = stage.ok("DescribeCapacityProviders", json!({"maxResults": 1, "nextToken": first["nextToken"]}));
    assert_eq!((names(&first), names(&next), next.get("nextToken")), ("FARGATE".into(), "FARGATE_SPOT".into(), None));
    let here = stage.ok("DescribeCapacityProviders", json!({"cluster": "main", "capacityProviders": ["FARGATE"]}));
    assert_eq!((names(&here), here["failures"][0]["reason"].as_str()), (String::new(), Some("MISSING")));
    let here = stage.ok("DescribeCapacityProviders", json!({"cluster": "main"}));
    assert_eq!(names(&here), "FARGATE_SPOT");
}

#[test]
fn settings_fall_back_and_attributes_have_no_target() {
    let mut stage = Stage::with_web();
    let gone = stage.ok("DeleteAccountSetting", json!({"name": "taskLongArnFormat"}));
    assert_eq!((&gone["setting"]["name"], &gone["setting"]["value"]), (&json!("taskLongArnFormat"), &json!("enabled")));
    for operation in ["PutAttributes", "DeleteAttributes"] {
        let input = json!({"cluster": "main", "attributes": [{"name": "stack", "targetId": "i"}]});
        let error = stage.call(operation, input).unwrap_err();
        assert!(error.starts_with("TargetNotFoundException: "), "{error}");
    }
}

#[test]
fn lists_are_in_order_and_come_in_pages() {
    let mut stage = Stage::new();
    for family in ["b", "a"] {
        for _ in 0..11 {
            stage.ok("RegisterTaskDefinition", with(web(), json!({"family": family})));
        }
    }
    let mut pages = |input: Value| {
        let (mut all, mut token) = (Vec::new(), Value::Null);
        loop {
            let input = with(input.clone(), json!({"nextToken": token, "maxResults": 4}));
            let page = stage.ok("ListTaskDefinitions", input);
            let arns = page["taskDefinitionArns"].as_array().unwrap();
            assert!(arns.len() <= 4);
            all.extend(arns.iter().map(|a| a.as_str().unwrap().rsplit('/').next().unwrap().to_owned()));
            match page.get("nextToken") {
                Some(next) => token = next.clone(),
                None => return all.join(" "),
            }
        }
    };
    assert_eq!(pages(json!({"familyPrefix": "a"})), "a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11");
    assert_eq!(
        pages(json!({"sort": "DESC"})),
        "b:11 b:10 b:9 b:8 b:7 b:6 b:5 b:4 b:3 b:2 b:1 a:11 a:10 a:9 a:8 a:7 a:6 a:5 a:4 a:3 a:2 a:1"
    );
    assert_eq!(pages(json!({"status": "INACTIVE"})), "");
    let families = stage.ok("ListTaskDefinitionFamilies", json!({"maxResults": 1}));
    assert_eq!(families, json!({"nextToken": "a", "families": ["a"]}));
    let rest = stage.ok("ListTaskDefinitionFamilies", json!({"nextToken": "a", "status": "ACTIVE"}));
    assert_eq!(rest, json!({"families": ["b"]}));
    stage.check(
        "ListTaskDefinitions",
        json!({"maxResults": 101}),
        "InvalidParameterException: maxResults must be between 1 and 100.",
    );
}

/// Describes what was registered, without what ECS computes: what a tool registers again.
fn described(stage: &mut Stage, family: &str) -> Value {
    let mut definition =
        stage.answer("DescribeTaskDefinition", json!({"taskDefinition": family})).unwrap()["taskDefinition"].take();
    for name in COMPUTED {
        definition.as_object_mut().unwrap().shift_remove(name);
    }
    definition
}

/// Whether everything in `small` is in `large`, at every level.
fn holds(large: &Value, small: &Value) -> bool {
    match (large, small) {
        (Value::Object(l), Value::Object(s)) => s.iter().all(|(k, v)| l.get(k).is_some_and(|l| holds(l, v))),
        (Value::Array(l), Value::Array(s)) => l.len() == s.len() && l.iter().zip(s).all(|(l, s)| holds(l, s)),
        (l, s) => l == s,
    }
}

fn comes_back_whole(document: Value) {
    let mut stage = Stage::new();
    let family = document["family"].clone();
    stage.answer("RegisterTaskDefinition", document.clone()).unwrap();
    let once = described(&mut stage, family.as_str().unwrap());
    let sent = with(document, json!({"tags": null}));
    assert!(holds(&once, &sent), "sent {sent:#}\ngot {once:#}");
    stage.answer("RegisterTaskDefinition", once.clone()).unwrap();
    assert_eq!(described(&mut stage, family.as_str().unwrap()), once);
}

#[test]
fn every_field_of_the_model_survives_describe_and_register() {
    comes_back_whole(serde_json::from_str(EVERY_FIELD).unwrap());
    let mut stage = Stage::new();
    stage.ok("RegisterTaskDefinition", serde_json::from_str(EVERY_FIELD).unwrap());
    let described = stage.ok("DescribeTaskDefinition", json!({"taskDefinition": "every-field", "include": ["TAGS"]}));
    assert_eq!(described["tags"], json!([{"key": "k", "value": "v"}]));
}

/// Adds invented members to the objects of a document, wherever `at` says. Maps of text keep to text.
fn invent(value: &mut Value, at: &mut impl Iterator<Item = (bool, String, Value)>) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|v| invent(v, at));
            let map = object.keys().any(|k| k == "key");
            if let Some((true, name, value)) = at.next().filter(|_| !map) {
                object.insert(format!("invented-{name}"), value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| invent(v, at)),
        _ => {}
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |f| f.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,6}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn invented_fields_at_every_level_survive_describe_and_register(
        fields in prop::collection::vec((any::<bool>(), "[a-z]{1,8}", json_value()), 60),
    ) {
        let mut document: Value = serde_json::from_str(EVERY_FIELD).unwrap();
        let mut fields = fields.into_iter();
        document["tags"] = json!([]);
        invent(&mut document, &mut fields);
        comes_back_whole(document);
    }
}

#[test]
fn tags_are_laid_over_by_key() {
    let mut stage = Stage::with_web();
    stage.ok(
        "RunTask",
        json!({"cluster": "main", "taskDefinition": "web", "networkConfiguration": super::stage::network()}),
    );
    let task = stage.world.tasks.keys().next().unwrap().clone();
    for arn in [
        "arn:aws:ecs:us-east-1:123456789012:cluster/main",
        "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
        &task,
    ] {
        stage.ok(
            "TagResource",
            json!({"resourceArn": arn, "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}),
        );
        stage.ok("TagResource", json!({"resourceArn": arn, "tags": [{"key": "a", "value": "3"}]}));
        stage.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": ["b"]}));
        let tags = stage.ok("ListTagsForResource", json!({"resourceArn": arn}));
        assert_eq!(tags, json!({"tags": [{"key": "a", "value": "3"}]}), "{arn}");
    }
    stage.check("ListTagsForResource", json!({"resourceArn": "x"}), "InvalidParameterException: Invalid resourceArn.");
    // ListTagsForResource declares no ResourceNotFoundException; TagResource does.
    let nowhere = "arn:aws:ecs:us-east-1:123456789012:service/main/nowhere";
    let words = format!("The specified resource {nowhere} was not found.");
    stage.check("ListTagsForResource", json!({"resourceArn": nowhere}), &format!("InvalidParameterException: {words}"));
    let tag = json!({"resourceArn": nowhere, "tags": [{"key": "a", "value": "1"}]});
    stage.check("TagResource", tag, &format!("ResourceNotFoundException: {words}"));
    stage.check(
        "TagResource",
        json!({"resourceArn": task, "tags": [{"key": "aws:x", "value": "1"}]}),
        "InvalidParameterException: Tag keys must not begin with 'aws:'.",
    );
}

#[test]
fn account_settings_are_what_they_are() {
    let mut stage = Stage::new();
    let all = stage.ok("ListAccountSettings", json!({"effectiveSettings": true, "name": "taskLongArnFormat"}));
    assert_eq!(all["settings"][0]["value"], "enabled");
    stage.check("PutAccountSetting", json!({"name": "taskLongArnFormat", "value": "enabled"}), "");
    stage.check(
        "PutAccountSettingDefault",
        json!({"name": "taskLongArnFormat", "value": "disabled"}),
        "InvalidParameterException: The account setting 'taskLongArnFormat' is always 'enabled' on this platform; it cannot \
         become 'disabled'.",
    );
}

#[test]
fn the_table_is_sorted_and_knows_only_operations_of_ecs() {
    let names: Vec<_> = crate::ecs::OPERATIONS.iter().map(|o| o.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b));
    assert!(names.iter().all(|name| aws_model::Service::Ecs.model().has(name)));
}
