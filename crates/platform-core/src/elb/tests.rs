//! ELBv2's operations, told as calls and what they answer.

mod guarded;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::{OPERATIONS, absorb_health, routes};
use crate::operation::Kind;
use crate::routing::Action;
use crate::world::{Target, TargetKey, TargetState};
use crate::{Cx, Ids, World};

/// A platform of one caller.
struct Rig {
    world: World,
    ids: Ids,
    now: i64,
}

impl Rig {
    fn new() -> Self {
        Self { world: World::default(), ids: Ids::new(7), now: 1_700_000_000_000 }
    }

    fn try_call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.ask(OPERATIONS, operation, input)
    }

    fn ec2(&mut self, operation: &str, input: Value) -> Value {
        self.ask(crate::ec2::OPERATIONS, operation, input).unwrap()
    }

    fn ask(&mut self, table: &[crate::Operation], operation: &str, input: Value) -> Result<Value, AwsError> {
        let Value::Object(input) = input else { panic!("an input is an object") };
        let row = table.iter().find(|o| o.name == operation).unwrap();
        let mut cx = Cx {
            now: self.now,
            region: "us-east-1",
            account: "123456789012",
            access_key: "",
            architecture: None,
            ids: &mut self.ids,
        };
        match row.kind {
            Kind::Read(f) => f(&self.world, &cx, &input),
            Kind::Write(f) => {
                let outcome = f(&self.world, &mut cx, input)?;
                for change in outcome.changes {
                    self.world.apply(change);
                }
                Ok(outcome.reply)
            }
        }
    }

    fn call(&mut self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).unwrap()
    }

    /// Calls and returns the error's code and message in one line.
    fn refused(&mut self, operation: &str, input: Value) -> String {
        self.try_call(operation, input).unwrap_err().to_string()
    }

    fn lb(&mut self, name: &str) -> String {
        let made = self.call("CreateLoadBalancer", json!({"Name": name, "Subnets": ["subnet-1", "subnet-2"]}));
        made["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap().to_owned()
    }

    fn group(&mut self, name: &str) -> String {
        let input = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "vpc-1"});
        self.call("CreateTargetGroup", input)["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned()
    }

    fn listener(&mut self, lb: &str, group: &str) -> String {
        let input = json!({"LoadBalancerArn": lb, "Protocol": "HTTP", "Port": 8080,
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]});
        self.call("CreateListener", input)["Listeners"][0]["ListenerArn"].as_str().unwrap().to_owned()
    }

    fn rule(&mut self, listener: &str, priority: u32, group: &str) -> String {
        let input = json!({"ListenerArn": listener, "Priority": priority,
            "Conditions": [{"Field": "path-pattern", "Values": [format!("/{priority}/*")]}],
            "Actions": [{"Type": "forward", "TargetGroupArn": group}]});
        self.call("CreateRule", input)["Rules"][0]["RuleArn"].as_str().unwrap().to_owned()
    }

    /// Targets read `id:port state reason`.
    fn health(&mut self, group: &str) -> Vec<String> {
        let answer = self.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
        answer["TargetHealthDescriptions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| {
                let health = &d["TargetHealth"];
                let reason = health["Reason"].as_str().unwrap_or("-");
                let target = &d["Target"];
                format!(
                    "{}:{} {} {reason}",
                    target["Id"].as_str().unwrap(),
                    target["Port"],
                    health["State"].as_str().unwrap()
                )
            })
            .collect()
    }

    /// A load balancer, a group in use and its listener.
    fn served() -> (Self, String, String, String) {
        let mut rig = Self::new();
        let (lb, group) = (rig.lb("web"), rig.group("app"));
        let listener = rig.listener(&lb, &group);
        (rig, lb, group, listener)
    }
}

#[test]
fn the_table_is_sorted_and_names_no_operation_twice() {
    let names: Vec<_> = OPERATIONS.iter().map(|o| o.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

#[test]
fn a_load_balancer_is_active_at_once() {
    let mut rig = Rig::new();
    let arn = rig.lb("web");
    assert!(arn.starts_with("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/"), "{arn}");
    let described = rig.call("DescribeLoadBalancers", json!({"Names": ["web"]}));
    let lb = &described["LoadBalancers"][0];
    assert_eq!(
        (&lb["State"]["Code"], &lb["Type"], &lb["Scheme"]),
        (&json!("active"), &json!("application"), &json!("internet-facing"))
    );
    assert_eq!(lb["CreatedTime"], 1_700_000_000.0);
    assert_eq!(
        lb["AvailabilityZones"][1],
        json!({"ZoneName": "us-east-1b", "SubnetId": "subnet-2", "LoadBalancerAddresses": []})
    );
}

#[test]
fn creating_the_same_again_answers_what_there_is() {
    let (mut rig, lb, group, listener) = Rig::served();
    assert_eq!(rig.lb("web"), lb);
    assert_eq!(rig.group("app"), group);
    assert_eq!(rig.listener(&lb, &group), listener);
    let other = rig.refused(
        "CreateLoadBalancer",
        json!({"Name": "web", "Scheme": "internal", "Subnets": ["subnet-1", "subnet-2"]}),
    );
    assert!(other.starts_with("DuplicateLoadBalancerName: ") && other.contains("'web'"), "{other}");
    let other = rig.refused(
        "CreateTargetGroup",
        json!({"Name": "app", "Protocol": "HTTP", "Port": 81, "TargetType": "ip", "VpcId": "vpc-1"}),
    );
    assert!(other.starts_with("DuplicateTargetGroupName: "), "{other}");
    let fixed = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]);
    let other = rig.refused(
        "CreateListener",
        json!({"LoadBalancerArn": lb, "Protocol": "HTTP", "Port": 8080, "DefaultActions": fixed}),
    );
    assert!(other.starts_with("DuplicateListener: "), "{other}");
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let (mut rig, lb, group, _) = Rig::served();
    let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
    let mut check = |operation: &str, input: Value, wanted: &[&str]| {
        let error = rig.refused(operation, input);
        assert!(wanted.iter().all(|w| error.contains(w)), "{operation}: {error} should have {wanted:?}");
    };
    check("CreateLoadBalancer", json!({"Name": "a_b"}), &["ValidationError", "'a_b'"]);
    check("CreateLoadBalancer", json!({"Name": "internal-x"}), &["ValidationError", "internal-"]);
    check(
        "CreateLoadBalancer",
        json!({"Name": "n", "Type": "network"}),
        &["InvalidConfigurationRequest", "Type 'network'"],
    );
    check(
        "CreateTargetGroup",
        json!({"Name": "n", "Protocol": "TCP", "Port": 1}),
        &["InvalidConfigurationRequest", "Protocol 'TCP'"],
    );
    check(
        "CreateTargetGroup",
        json!({"Name": "n", "Protocol": "HTTP", "Port": 80, "TargetType": "ip"}),
        &["ValidationError", "A VPC ID must be specified"],
    );
    for subnets in [json!([]), json!(["subnet-1"]), json!(["subnet-1", "subnet-1"])] {
        check(
            "CreateLoadBalancer",
            json!({"Name": "n", "Subnets": subnets}),
            &["ValidationError: At least two subnets in two different Availability Zones must be specified"],
        );
    }
    for protocol in ["TCP", "TLS"] {
        check(
            "CreateListener",
            json!({"LoadBalancerArn": lb, "Protocol": protocol, "Port": 81, "DefaultActions": forward}),
            &["ValidationError: Listener protocol '", protocol, "' must be one of 'HTTPS, HTTP'"],
        );
    }
    check(
        "CreateTargetGroup",
        json!({"Name": "n", "Protocol": "HTTP", "Port": 1, "VpcId": "vpc-1", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}),
        &["ValidationError", "greater than the timeout"],
    );
    check(
        "CreateTargetGroup",
        json!({"Name": "n", "Protocol": "HTTP", "Port": 1, "VpcId": "vpc-1", "Matcher": {"HttpCode": "600"}}),
        &["'600'"],
    );
    check(
        "CreateListener",
        json!({"LoadBalancerArn": lb, "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward}),
        &["ValidationError", "A certificate must be specified for HTTPS listeners"],
    );
    let nowhere = json!([{"Type": "forward", "TargetGroupArn": group.replace("app", "nope")}]);
    check(
        "CreateListener",
        json!({"LoadBalancerArn": lb, "Protocol": "HTTP", "Port": 81, "DefaultActions": nowhere}),
        &["TargetGroupNotFound", "nope"],
    );
    check("DescribeLoadBalancers", json!({"Names": ["web", "gone"]}), &["LoadBalancerNotFound", "'[gone]'"]);
    check("DescribeTargetGroups", json!({"Names": ["gone"]}), &["TargetGroupNotFound"]);
    check("DescribeListeners", json!({"LoadBalancerArn": lb.replace("web", "gone")}), &["LoadBalancerNotFound"]);
    check("DescribeTargetHealth", json!({"TargetGroupArn": "x"}), &["'x' is not a valid target group ARN"]);
}

#[test]
fn rules_are_answered_by_priority_with_the_default_last() {
    let (mut rig, _, group, listener) = Rig::served();
    let twenty = rig.rule(&listener, 20, &group);
    rig.rule(&listener, 3, &group);
    let described = rig.call("DescribeRules", json!({"ListenerArn": listener}));
    let rules = described["Rules"].as_array().unwrap();
    assert_eq!(rules.iter().map(|r| r["Priority"].as_str().unwrap()).collect::<Vec<_>>(), ["3", "20", "default"]);
    assert_eq!(
        rules[0]["Conditions"][0],
        json!({"Field": "path-pattern", "Values": ["/3/*"], "PathPatternConfig": {"Values": ["/3/*"]}})
    );
    assert_eq!(
        rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"],
        json!([{"TargetGroupArn": group, "Weight": 1}])
    );
    assert_eq!((&rules[0]["IsDefault"], &rules[2]["IsDefault"]), (&json!(false), &json!(true)));
    let taken = json!({"ListenerArn": listener, "Priority": 3,
        "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}], "Actions": [{"Type": "forward", "TargetGroupArn": group}]});
    assert_eq!(rig.refused("CreateRule", taken), "PriorityInUse: Priority '3' is currently in use");
    let default = rules[2]["RuleArn"].clone();
    assert!(rig.refused("DeleteRule", json!({"RuleArn": default})).starts_with("OperationNotPermitted: Default rule"));
    assert!(rig.refused("ModifyRule", json!({"RuleArn": default, "Actions": []})).starts_with("OperationNotPermitted"));
    rig.call("DeleteRule", json!({"RuleArn": twenty}));
    assert!(rig.refused("DescribeRules", json!({"RuleArns": [twenty]})).starts_with("RuleNotFound"));
}

#[test]
fn rules_may_change_places_at_once() {
    let (mut rig, _, group, listener) = Rig::served();
    let (a, b) = (rig.rule(&listener, 1, &group), rig.rule(&listener, 2, &group));
    let moved = json!({"RulePriorities": [{"RuleArn": a, "Priority": 2}, {"RuleArn": b, "Priority": 1}]});
    rig.call("SetRulePriorities", moved);
    let served = routes(&rig.world);
    let first = &served.listeners[0].rules[0].0;
    assert_eq!(first, &rig.world.rules[&b].conditions);
    let clash = json!({"RulePriorities": [{"RuleArn": a, "Priority": 1}]});
    assert_eq!(rig.refused("SetRulePriorities", clash), "PriorityInUse: Priority '1' is currently in use");
}

#[test]
fn a_targets_life() {
    let (mut rig, _, group, _) = Rig::served();
    let target = |port: u16| json!({"TargetGroupArn": group, "Targets": [{"Id": "10.77.0.2", "Port": port}]});
    rig.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "10.77.0.2"}]}));
    assert_eq!(rig.health(&group), ["10.77.0.2:80 initial Elb.RegistrationInProgress"]);
    let key = TargetKey { group_arn: group.clone(), id: "10.77.0.2".into(), port: 80 };
    for change in absorb_health(&rig.world, &key, TargetState::Healthy, None, None) {
        rig.world.apply(change);
    }
    assert_eq!(rig.health(&group), ["10.77.0.2:80 healthy -"]);
    assert!(absorb_health(&rig.world, &key, TargetState::Healthy, None, None).is_empty(), "known already");
    // Registered again, it keeps its health.
    rig.call("RegisterTargets", target(80));
    assert_eq!(rig.health(&group), ["10.77.0.2:80 healthy -"]);
    rig.call("DeregisterTargets", target(80));
    assert_eq!(rig.health(&group), ["10.77.0.2:80 draining Target.DeregistrationInProgress"]);
    assert_eq!(rig.world.targets[&key].draining_since, Some(rig.now));
    assert!(absorb_health(&rig.world, &key, TargetState::Healthy, None, None).is_empty(), "a draining one stays so");
    // Deregistered again, it does not begin to drain anew.
    rig.now += 5000;
    rig.call("DeregisterTargets", target(80));
    assert_eq!(rig.world.targets[&key].draining_since, Some(rig.now - 5000));
    // Registered while it drains, it is as new.
    rig.call("RegisterTargets", target(80));
    assert_eq!(rig.health(&group), ["10.77.0.2:80 initial Elb.RegistrationInProgress"]);
    let asked = rig.call("DescribeTargetHealth", target(99));
    let asked = &asked["TargetHealthDescriptions"][0];
    assert_eq!(
        (&asked["TargetHealth"]["Reason"], &asked["HealthCheckPort"]),
        (&json!("Target.NotRegistered"), &json!("99"))
    );
}

#[test]
fn targets_must_be_addresses_that_can_be() {
    let (mut rig, _, group, _) = Rig::served();
    for bad in ["i-123", "300.1.1.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1"] {
        let error = rig.refused("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": bad}]}));
        assert!(error.starts_with("ValidationError") && error.contains(bad), "{error}");
    }
    let made = rig.call("CreateTargetGroup", json!({"Name": "vms", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"}));
    let vms = &made["TargetGroups"][0]["TargetGroupArn"];
    let error = rig.refused("RegisterTargets", json!({"TargetGroupArn": vms, "Targets": [{"Id": "i-123"}]}));
    assert!(error.starts_with("InvalidTarget") && error.contains("'i-123'"), "{error}");
}

#[test]
fn targets_are_unused_while_no_listener_uses_their_group() {
    let mut rig = Rig::new();
    let (lb, group) = (rig.lb("web"), rig.group("app"));
    rig.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "10.77.0.2"}]}));
    assert_eq!(rig.health(&group), ["10.77.0.2:80 unused Target.NotInUse"]);
    assert!(routes(&rig.world).groups.is_empty());
    let listener = rig.listener(&lb, &group);
    assert_eq!(rig.health(&group), ["10.77.0.2:80 initial Elb.RegistrationInProgress"]);
    assert_eq!(routes(&rig.world).groups.len(), 1);
    // A second group comes into use by a rule, and the first falls out of use by a new default.
    let second = rig.group("second");
    rig.call("RegisterTargets", json!({"TargetGroupArn": second, "Targets": [{"Id": "10.77.0.3"}]}));
    rig.rule(&listener, 1, &second);
    assert_eq!(rig.health(&second), ["10.77.0.3:80 initial Elb.RegistrationInProgress"]);
    rig.call(
        "ModifyListener",
        json!({"ListenerArn": listener, "DefaultActions": [{"Type": "forward", "TargetGroupArn": second}]}),
    );
    assert_eq!(rig.health(&group), ["10.77.0.2:80 unused Target.NotInUse"]);
    assert_eq!(rig.health(&second), ["10.77.0.3:80 initial Elb.RegistrationInProgress"]);
    rig.call("DeregisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "10.77.0.2"}]}));
    assert!(rig.health(&group).is_empty(), "nothing to drain where nothing was sent");
    rig.call("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    assert_eq!(rig.health(&second), ["10.77.0.3:80 unused Target.NotInUse"]);
    assert!(rig.world.rules.is_empty() && rig.world.listeners.is_empty());
}

#[test]
fn what_is_in_use_or_protected_is_not_deleted() {
    let (mut rig, lb, group, listener) = Rig::served();
    let error = rig.refused("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    assert_eq!(error, format!("ResourceInUse: Target group '{group}' is currently in use by a listener or a rule"));
    let protect = |value: &str| json!({"LoadBalancerArn": lb, "Attributes": [{"Key": "deletion_protection.enabled", "Value": value}]});
    rig.call("ModifyLoadBalancerAttributes", protect("true"));
    assert!(rig.refused("DeleteLoadBalancer", json!({"LoadBalancerArn": lb})).starts_with("OperationNotPermitted"));
    rig.call("ModifyLoadBalancerAttributes", protect("false"));
    rig.call("DeleteListener", json!({"ListenerArn": listener}));
    rig.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    rig.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    rig.call("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    rig.call("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    assert!(rig.world.load_balancers.is_empty() && rig.world.target_groups.is_empty());
}

#[test]
fn attributes_have_defaults_and_refuse_what_is_not_theirs() {
    let (mut rig, lb, group, listener) = Rig::served();
    let value = |answer: &Value, key: &str| {
        let found = answer["Attributes"].as_array().unwrap().iter().find(|a| a["Key"] == key).unwrap();
        found["Value"].as_str().unwrap().to_owned()
    };
    let answer = rig.call("DescribeTargetGroupAttributes", json!({"TargetGroupArn": group}));
    assert_eq!(value(&answer, "deregistration_delay.timeout_seconds"), "300");
    let answer = rig.call("DescribeLoadBalancerAttributes", json!({"LoadBalancerArn": lb}));
    assert_eq!(value(&answer, "idle_timeout.timeout_seconds"), "60");
    rig.call("DescribeListenerAttributes", json!({"ListenerArn": listener}));
    let set = |key: &str, value: &str| json!({"TargetGroupArn": group, "Attributes": [{"Key": key, "Value": value}]});
    let answer = rig.call("ModifyTargetGroupAttributes", set("deregistration_delay.timeout_seconds", "7"));
    assert_eq!(value(&answer, "deregistration_delay.timeout_seconds"), "7");
    assert_eq!(rig.world.target_groups[&group].deregistration_delay(), 7);
    rig.call("ModifyTargetGroupAttributes", set("stickiness.enabled", "true"));
    rig.call("ModifyTargetGroupAttributes", set("load_balancing.algorithm.type", "least_outstanding_requests"));
    let served = routes(&rig.world);
    assert_eq!((served.groups[0].sticky_seconds, served.groups[0].least_outstanding), (Some(86400), true));
    for (key, value, wanted) in [
        ("deregistration_delay.timeout_seconds", "3601", "between '0' and '3600'"),
        ("nope", "1", "attribute key 'nope' is not recognized"),
        ("slow_start.duration_seconds", "30", "not supported by this platform"),
        ("stickiness.enabled", "yes", "'true' or 'false'"),
    ] {
        let error = rig.refused("ModifyTargetGroupAttributes", set(key, value));
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_balancer_is_in_the_vpc_of_its_subnets() {
    let mut rig = Rig::new();
    let made = rig.ec2("CreateVpc", json!({"CidrBlock": "10.1.0.0/16"}));
    let vpc = made["Vpc"]["VpcId"].clone();
    let mut subnets = Vec::new();
    for (block, zone) in [("10.1.0.0/24", "us-east-1a"), ("10.1.1.0/24", "us-east-1b")] {
        let made = rig.ec2("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone}));
        subnets.push(made["Subnet"]["SubnetId"].clone());
    }
    let of = |made: Value| made["LoadBalancers"][0]["VpcId"].clone();
    assert_eq!(of(rig.call("CreateLoadBalancer", json!({"Name": "own", "Subnets": subnets}))), vpc);
    // A balancer without known subnets is in the account's default network, as the default subnets are.
    let told = rig.ec2("DescribeVpcs", json!({"Filters": [{"Name": "is-default", "Values": ["true"]}]}));
    let default = told["Vpcs"][0]["VpcId"].clone();
    rig.lb("elsewhere");
    assert_eq!(of(rig.call("DescribeLoadBalancers", json!({"Names": ["elsewhere"]}))), default);
    let told = rig.ec2("DescribeSubnets", json!({"Filters": [{"Name": "vpc-id", "Values": [default]}]}));
    let defaults: Vec<Value> = told["Subnets"].as_array().unwrap().iter().map(|one| one["SubnetId"].clone()).collect();
    assert_eq!(of(rig.call("CreateLoadBalancer", json!({"Name": "default", "Subnets": defaults}))), default);
}

#[test]
fn pages_follow_one_another() {
    let mut rig = Rig::new();
    let mut made: Vec<String> = (0..7).map(|i| rig.group(&format!("g{i}"))).collect();
    made.sort();
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let page = rig.call("DescribeTargetGroups", json!({"PageSize": 3, "Marker": marker}));
        seen.extend(
            page["TargetGroups"].as_array().unwrap().iter().map(|g| g["TargetGroupArn"].as_str().unwrap().to_owned()),
        );
        match page["NextMarker"].as_str() {
            Some(next) => marker = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, made);
}

#[test]
fn tags_are_added_answered_and_removed() {
    let (mut rig, lb, group, listener) = Rig::served();
    let rule = rig.rule(&listener, 1, &group);
    let all = json!([lb, group, listener, rule]);
    rig.call("AddTags", json!({"ResourceArns": all, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]}));
    rig.call("RemoveTags", json!({"ResourceArns": all, "TagKeys": ["a", "never"]}));
    let answer = rig.call("DescribeTags", json!({"ResourceArns": all}));
    for (i, described) in answer["TagDescriptions"].as_array().unwrap().iter().enumerate() {
        assert_eq!(described, &json!({"ResourceArn": all[i], "Tags": [{"Key": "b", "Value": ""}]}));
    }
    let twice = json!({"ResourceArns": [lb], "Tags": [{"Key": "a"}, {"Key": "a"}]});
    assert!(rig.refused("AddTags", twice).starts_with("DuplicateTagKeys"));
}

#[test]
fn unknown_members_are_kept() {
    let mut rig = Rig::new();
    rig.call(
        "CreateLoadBalancer",
        json!({"Name": "web", "MadeUp": {"Deep": ["1"]}, "Subnets": ["subnet-1", "subnet-2"], "Tags": [{"Key": "k", "Value": "v"}]}),
    );
    let lb = rig.world.load_balancers.values().next().unwrap();
    assert_eq!(lb.document["MadeUp"], json!({"Deep": ["1"]}));
    assert!(!lb.document.contains_key("Tags") && lb.tags["k"] == "v");
}

#[test]
fn an_empty_member_is_an_absent_one() {
    let mut rig = Rig::new();
    // What Terraform's AWS provider sends for a group without a version.
    let input = json!({"Name": "app", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "vpc-1",
        "ProtocolVersion": "", "IpAddressType": "", "HealthCheckPath": "", "Matcher": {}});
    let made = rig.call("CreateTargetGroup", input);
    assert_eq!(made["TargetGroups"][0]["ProtocolVersion"], "HTTP1");
    assert_eq!(rig.group("app"), made["TargetGroups"][0]["TargetGroupArn"], "the same with nothing as with empty ones");
    let lb = rig.lb("web");
    let again = json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": [], "IpAddressType": ""});
    assert_eq!(rig.call("CreateLoadBalancer", again)["LoadBalancers"][0]["LoadBalancerArn"], lb);
}

#[test]
fn numbers_of_rows_that_keep_text_are_answered_as_numbers() {
    let (mut rig, _, group, listener) = Rig::served();
    let arn = rig.rule(&listener, 1, &group);
    let mut rule = crate::world::Rule::clone(&rig.world.rules[&arn]);
    let kept = json!([{"Type": "forward", "Order": "1", "ForwardConfig": {
        "TargetGroups": [{"TargetGroupArn": group, "Weight": "3"}],
        "TargetGroupStickinessConfig": {"Enabled": "false"}}}]);
    rule.document.insert("Actions".into(), kept);
    rig.world.apply(crate::Change::Rule(rule));
    let action = rig.call("DescribeRules", json!({"RuleArns": [arn]}))["Rules"][0]["Actions"][0].clone();
    assert_eq!((&action["Order"], &action["ForwardConfig"]["TargetGroups"][0]["Weight"]), (&json!(1), &json!(3)));
    assert_eq!(action["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"], false);
}

#[test]
fn routes_are_ranked_and_the_same_for_the_same_world() {
    let (mut rig, _, group, listener) = Rig::served();
    rig.rule(&listener, 7, &group);
    rig.rule(&listener, 5, &group);
    rig.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "10.77.0.2", "Port": 8000}]}));
    let served = routes(&rig.world);
    assert_eq!(served, routes(&rig.world.clone()));
    let listener = &served.listeners[0];
    assert_eq!((listener.port, listener.rules.len(), listener.idle_timeout_seconds), (8080, 3, 60));
    assert_eq!(listener.rules[0].0, [crate::routing::Condition::PathPattern(vec!["/5/*".into()])]);
    assert_eq!(listener.rules[2], (Vec::new(), Action::Forward(vec![(group, 1)])));
    let targets: Vec<&Target> = served.groups[0].targets.iter().map(|t| &**t).collect();
    assert_eq!((targets[0].key.id.as_str(), targets[0].key.port), ("10.77.0.2", 8000));
}

#[test]
fn health_check_settings_are_modified_in_place() {
    let (mut rig, _, group, _) = Rig::served();
    let input = json!({"TargetGroupArn": group, "HealthCheckPath": "/health-check", "HealthCheckIntervalSeconds": 10,
        "HealthCheckPort": "9000", "Matcher": {"HttpCode": "200-299"}});
    let answer = rig.call("ModifyTargetGroup", input);
    let described = &answer["TargetGroups"][0];
    assert_eq!(
        (&described["HealthCheckPath"], &described["HealthCheckPort"]),
        (&json!("/health-check"), &json!("9000"))
    );
    assert_eq!(
        (&described["HealthCheckTimeoutSeconds"], &described["Matcher"]["HttpCode"]),
        (&json!(5), &json!("200-299"))
    );
    assert!(described["LoadBalancerArns"][0].as_str().unwrap().contains("/web/"));
}

#[test]
fn constants_are_answered() {
    let (mut rig, lb, _, listener) = Rig::served();
    assert!(rig.call("DescribeAccountLimits", json!({}))["Limits"].as_array().unwrap().len() > 5);
    assert_eq!(rig.call("DescribeSSLPolicies", json!({}))["SslPolicies"].as_array().unwrap().len(), 38);
    assert!(rig.refused("DescribeSSLPolicies", json!({"Names": ["x"]})).starts_with("SSLPolicyNotFound"));
    assert_eq!(rig.call("DescribeCapacityReservation", json!({"LoadBalancerArn": lb}))["DecreaseRequestsRemaining"], 0);
    assert_eq!(rig.call("DescribeListenerCertificates", json!({"ListenerArn": listener}))["Certificates"], json!([]));
    let extra = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": CERTIFICATE}]});
    assert!(rig.refused("AddListenerCertificates", extra).contains("HTTP listeners"));
    let set = rig.call("SetSubnets", json!({"LoadBalancerArn": lb, "Subnets": ["subnet-9", "subnet-8"]}));
    assert_eq!(set["AvailabilityZones"][0]["SubnetId"], "subnet-9");
    let set = rig.call("SetSecurityGroups", json!({"LoadBalancerArn": lb, "SecurityGroups": ["sg-1"]}));
    assert_eq!(set["SecurityGroupIds"], json!(["sg-1"]));
    assert_eq!(
        rig.call("SetIpAddressType", json!({"LoadBalancerArn": lb, "IpAddressType": "ipv4"}))["IpAddressType"],
        "ipv4"
    );
}

/// One of another account: a name that is kept.
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:999999999999:certificate/0000";
