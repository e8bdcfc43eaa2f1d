//! What services say to inputs, word by word.

use serde_json::{Value, json};

use super::*;
use crate::service::Service;

fn operation(service: Service, name: &str) -> Operation {
    service.model().operation(name).unwrap()
}

/// What a service says to an input; empty if nothing.
fn said(service: Service, name: &str, mut input: Value) -> String {
    let document = input.as_object_mut().unwrap();
    let operation = operation(service, name);
    normalise(operation, document);
    refuse(operation, document).err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn a_wrong_json_type_is_refused_and_named() {
    fn check(input: Value, want: &str) {
        let document = input.as_object().unwrap();
        let operation = operation(Service::Ecs, "RegisterTaskDefinition");
        let got = refuse_types(operation, &super::input(operation, document)).err();
        assert_eq!(got.map_or(String::new(), |e| e.message), want);
    }
    check(json!({"family": "a", "containerDefinitions": [{"cpu": 1}]}), "");
    check(
        json!({"containerDefinitions": [{"cpu": "1"}]}),
        "STRING_VALUE cannot be converted to Integer (containerDefinitions[0].cpu)",
    );
    check(json!({"cpu": 256}), "NUMBER_VALUE cannot be converted to String (cpu)");
    check(json!({"containerDefinitions": "x"}), "Expected list or null (containerDefinitions)");
    check(json!({"family": {}}), "Start of structure or map found where not expected. (family)");
    check(
        json!({"containerDefinitions": [{"dockerLabels": {"a": true}}]}),
        "TRUE_VALUE cannot be converted to String (containerDefinitions[0].dockerLabels.a)",
    );
}

#[test]
fn aws_own_framework_says_all_in_one_message() {
    let long = "x".repeat(513);
    let check = |name, input, want: &str| assert_eq!(said(Service::Logs, name, input), want);
    check("CreateLogGroup", json!({"logGroupName": "a"}), "");
    check(
        "CreateLogGroup",
        json!({"logGroupName": long}),
        &format!(
            "InvalidParameterException: 1 validation error detected: Value '{long}' at 'logGroupName' failed to satisfy \
             constraint: Member must have length less than or equal to 512"
        ),
    );
    check(
        "CreateLogGroup",
        json!({"kmsKeyId": null, "logGroupName": null}),
        "InvalidParameterException: 1 validation error detected: Value null at 'logGroupName' failed to satisfy \
         constraint: Member must not be null",
    );
    check(
        "CreateLogGroup",
        json!({"logGroupName": "?", "logGroupClass": "COLD"}),
        "InvalidParameterException: 2 validation errors detected: Value '?' at 'logGroupName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+; Value 'COLD' at \
         'logGroupClass' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, \
         INFREQUENT_ACCESS, DELIVERY, ESSENTIALS]",
    );
    check(
        "TagLogGroup",
        json!({"logGroupName": "g", "tags": {"a": "?", "b": "#"}}),
        "InvalidParameterException: 1 validation error detected: Value '{a=?, b=#}' at 'tags' failed to satisfy \
         constraint: Map value must satisfy constraint: [Member must have length less than or equal to 256, Member \
         must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$]",
    );
    assert_eq!(
        said(Service::Ssm, "DescribeParameters", json!({"MaxResults": 100})),
        "ValidationException: 1 validation error detected: Value '100' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 50"
    );
    assert_eq!(
        said(Service::Kms, "TagResource", json!({"KeyId": "k", "Tags": [{"TagKey": "", "TagValue": "v"}]})),
        "ValidationException: 1 validation error detected: Value '' at 'tags.1.member.tagKey' failed to satisfy \
         constraint: Member must have length greater than or equal to 1"
    );
    assert_eq!(
        said(Service::ElbV2, "CreateTargetGroup", json!({"Name": "g", "Port": 0})),
        "ValidationError: 1 validation error detected: Value '0' at 'port' failed to satisfy constraint: Member must \
         have value greater than or equal to 1"
    );
}

/// Messages that people have pasted, as they were.
#[test]
fn messages_are_those_that_aws_was_seen_to_answer() {
    let check = |service, name, input, want: &str| assert_eq!(said(service, name, input), want);
    // fluent-plugin-cloudwatch-logs #223: the expression first, then the length.
    check(
        Service::Logs,
        "DescribeLogGroups",
        json!({"logGroupNamePrefix": ""}),
        "InvalidParameterException: 2 validation errors detected: Value '' at 'logGroupNamePrefix' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+; Value '' at \
         'logGroupNamePrefix' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
    // serverless-cloudfront-distribution-certificate #7.
    check(
        Service::Acm,
        "RequestCertificate",
        json!({"DomainName": "www.example.com", "SubjectAlternativeNames": []}),
        "ValidationException: 1 validation error detected: Value '[]' at 'subjectAlternativeNames' failed to satisfy \
         constraint: Member must have length greater than or equal to 1",
    );
    // stelligent/mu #382.
    check(
        Service::Kms,
        "DescribeKey",
        json!({"KeyId": ""}),
        "ValidationException: 1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: Member must \
         have length greater than or equal to 1",
    );
    // crossfeed #374.
    check(
        Service::Logs,
        "GetLogEvents",
        json!({"logGroupName": "g", "logStreamName": "a:b"}),
        "InvalidParameterException: 1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: [^:*]*",
    );
    // nixops #328.
    let long = "x".repeat(65);
    check(
        Service::Iam,
        "CreateRole",
        json!({"RoleName": long, "AssumeRolePolicyDocument": "{}"}),
        &format!(
            "ValidationError: 1 validation error detected: Value '{long}' at 'roleName' failed to satisfy constraint: \
             Member must have length less than or equal to 64"
        ),
    );
}

#[test]
fn a_value_that_is_a_secret_is_not_shown() {
    let long = "s".repeat(65_537);
    assert_eq!(
        said(Service::SecretsManager, "CreateSecret", json!({"Name": "n", "SecretString": long})),
        "ValidationException: 1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member \
         must have length less than or equal to 65536"
    );
    let hunter = said(Service::SecretsManager, "CreateSecret", json!({"Name": "n", "SecretString": {"hunter": 2}}));
    assert_eq!(hunter, "SerializationException: Start of structure or map found where not expected. (SecretString)");
}

#[test]
fn ecr_ecs_ec2_cloudwatch_and_route_53_have_words_of_their_own() {
    assert_eq!(
        said(Service::Ecr, "CreateRepository", json!({"repositoryName": "a"})),
        "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have \
         length greater than or equal to 2'"
    );
    assert_eq!(
        said(Service::Ecr, "GetAuthorizationToken", json!({"registryIds": ["1"]})),
        "InvalidParameterException: Invalid parameter at 'registryIds' failed to satisfy constraint: 'Member must \
         satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]'"
    );
    assert_eq!(
        said(Service::Ecs, "RunTask", json!({})),
        "InvalidParameterException: Task Definition can not be blank."
    );
    assert_eq!(said(Service::Ecs, "DescribeTasks", json!({})), "InvalidParameterException: Tasks cannot be empty.");
    assert_eq!(
        said(Service::Ec2, "CreateSecurityGroup", json!({"GroupName": "g"})),
        "MissingParameter: The request must contain the parameter GroupDescription"
    );
    assert_eq!(
        said(Service::Ec2, "DescribeVpcs", json!({"MaxResults": 1})),
        "InvalidParameterValue: Value ( 1 ) for parameter maxResults is invalid. Expecting a value greater than 5."
    );
    let missing = |path: Vec<Step>| Violation { path: Path(path), rule: Rule::Missing, shape: None, value: None };
    let name = |name: &str| Step::Name(name.to_owned());
    let both = [missing(vec![name("MetricData"), Step::Item(1), name("MetricName")]), missing(vec![name("Namespace")])];
    assert_eq!(
        words::of_missing_parameters(&both).to_string(),
        "MissingParameter: The parameter MetricData.member.2.MetricName is required.\nThe parameter Namespace is required."
    );
}

/// What is left of an input.
fn left(service: Service, name: &str, mut input: Value) -> Value {
    normalise(operation(service, name), input.as_object_mut().unwrap());
    input
}

#[test]
fn what_is_empty_is_absent_where_nothing_is_meant_by_it() {
    let check = |service, name, input: Value, want: Value| {
        assert_eq!(left(service, name, input.clone()), want, "{input}");
    };
    check(
        Service::Ssm,
        "PutParameter",
        json!({"Name": null, "Tags": [{"Key": null}, null]}),
        json!({"Tags": [{}, null]}),
    );
    // Terraform's provider 5.31.
    check(
        Service::ElbV2,
        "CreateTargetGroup",
        json!({"Name": "", "ProtocolVersion": "", "IpAddressType": "", "Port": "", "HealthCheckPath": "", "Tags": []}),
        json!({"Name": ""}),
    );
    check(
        Service::ElbV2,
        "CreateRule",
        json!({"Conditions": [{"Field": "", "Values": [""]}], "Tags": [{"Key": "k", "Value": ""}]}),
        json!({"Conditions": [{"Values": [""]}], "Tags": [{"Key": "k", "Value": ""}]}),
    );
    let service = json!({"launchType": "FARGATE", "capacityProviderStrategy": [], "deploymentConfiguration": {}});
    check(Service::Ecs, "CreateService", service, json!({"launchType": "FARGATE"}));
    // Removes them (API reference).
    let service = json!({"capacityProviderStrategy": [], "loadBalancers": [], "serviceRegistries": []});
    check(Service::Ecs, "UpdateService", service.clone(), service);
    let providers = json!({"cluster": "c", "capacityProviders": [], "defaultCapacityProviderStrategy": []});
    check(Service::Ecs, "PutClusterCapacityProviders", providers.clone(), providers);
    let definition = json!({"family": "f", "volumes": [], "containerDefinitions": [{"environment": []}]});
    check(Service::Ecs, "RegisterTaskDefinition", definition.clone(), definition);
    // A description is taken away by an empty one (UpdateRole).
    let role = json!({"RoleName": "r", "Description": "", "MaxSessionDuration": ""});
    check(Service::Iam, "UpdateRole", role, json!({"RoleName": "r", "Description": ""}));
    // The missing required member is reported instead.
    assert!(said(Service::Ecs, "DescribeTasks", json!({"tasks": []})).is_empty());
    assert!(
        said(Service::Logs, "PutLogEvents", json!({"logGroupName": "g", "logStreamName": "s", "logEvents": []}))
            .contains(
                "at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1"
            )
    );
}

#[test]
fn what_is_kept_of_a_document_is_no_wrong_answer() {
    let wrong = |service: Service, operation: &str, answer: Value| {
        let operation = service.model().operation(operation).unwrap();
        super::wrong_answer(operation, answer.as_object().unwrap()).is_some()
    };
    let kept = json!({"taskDefinition": {"family": "f", "addedTomorrow": 1}});
    assert!(!wrong(Service::Ecs, "DescribeTaskDefinition", kept));
    assert!(wrong(Service::Ecs, "DescribeTaskDefinition", json!({"taskDefinition": {"family": 1}})));
    assert!(wrong(Service::Kms, "ListKeys", json!({"Keys": [], "AddedTomorrow": 1})));
}
