//! `check`, `verify`, an import and the platform report alike what cannot run here, member by member.

use std::collections::BTreeSet;

use aws::{Client, ECS, Options};
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;

/// A member of the table that is refused (always, or with this value), what asks for it (in the object that the member
/// is in), and what of the value is named.
fn samples() -> Vec<(&'static str, Value, &'static str)> {
    let linux = |value: Value| json!({"linuxParameters": value});
    let volume = |value: Value| value;
    vec![
        ("networkMode", json!({"networkMode": "host"}), " host"),
        (
            "runtimePlatform",
            json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}),
            ".operatingSystemFamily WINDOWS_SERVER_2022_CORE",
        ),
        ("proxyConfiguration", json!({"proxyConfiguration": {"containerName": "x"}}), ""),
        ("pidMode", json!({"pidMode": "task"}), ""),
        ("ipcMode", json!({"ipcMode": "task"}), ""),
        ("placementConstraints", json!({"placementConstraints": [{"type": "memberOf", "expression": "x"}]}), ""),
        ("inferenceAccelerators", json!({"inferenceAccelerators": [{"deviceName": "x", "deviceType": "y"}]}), ""),
        ("enableFaultInjection", json!({"enableFaultInjection": true}), ""),
        ("trustedExecutionConfiguration", json!({"trustedExecutionConfiguration": {"isolationMode": "SHARED"}}), ""),
        ("volumes[].host", volume(json!({"host": {"sourcePath": "/etc"}})), ".sourcePath"),
        ("volumes[].efsVolumeConfiguration", volume(json!({"efsVolumeConfiguration": {"fileSystemId": "fs-1"}})), ""),
        ("volumes[].dockerVolumeConfiguration", volume(json!({"dockerVolumeConfiguration": {"scope": "task"}})), ""),
        (
            "volumes[].s3filesVolumeConfiguration",
            volume(json!({"s3filesVolumeConfiguration": {"fileSystemArn": "x"}})),
            "",
        ),
        (
            "volumes[].fsxWindowsFileServerVolumeConfiguration",
            volume(json!({"fsxWindowsFileServerVolumeConfiguration": {
            "fileSystemId": "x", "rootDirectory": "y", "authorizationConfig": {"credentialsParameter": "x", "domain": "y"}}})),
            "",
        ),
        ("volumes[].configuredAtLaunch", volume(json!({"configuredAtLaunch": true})), ""),
        (
            "containerDefinitions[].environmentFiles",
            json!({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/a.env"}]}),
            "",
        ),
        (
            "containerDefinitions[].resourceRequirements",
            json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]}),
            "",
        ),
        ("containerDefinitions[].firelensConfiguration", json!({"firelensConfiguration": {"type": "fluentbit"}}), ""),
        (
            "containerDefinitions[].repositoryCredentials",
            json!({"repositoryCredentials": {
            "credentialsParameter": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"}}),
            "",
        ),
        ("containerDefinitions[].privileged", json!({"privileged": true}), ""),
        ("containerDefinitions[].credentialSpecs", json!({"credentialSpecs": ["credentialspecdomainless:x"]}), ""),
        ("containerDefinitions[].dockerSecurityOptions", json!({"dockerSecurityOptions": ["no-new-privileges"]}), ""),
        ("containerDefinitions[].disableNetworking", json!({"disableNetworking": true}), ""),
        ("containerDefinitions[].interactive", json!({"interactive": true}), ""),
        ("containerDefinitions[].pseudoTerminal", json!({"pseudoTerminal": true}), ""),
        ("containerDefinitions[].links", json!({"links": ["x"]}), ""),
        ("containerDefinitions[].hostname", json!({"hostname": "x"}), ""),
        ("containerDefinitions[].dnsServers", json!({"dnsServers": ["10.0.0.2"]}), ""),
        ("containerDefinitions[].dnsSearchDomains", json!({"dnsSearchDomains": ["x"]}), ""),
        ("containerDefinitions[].extraHosts", json!({"extraHosts": [{"hostname": "x", "ipAddress": "10.0.0.2"}]}), ""),
        (
            "containerDefinitions[].portMappings[].containerPortRange",
            json!({"portMappings": [{"containerPortRange": "8000-8010"}]}),
            "",
        ),
        (
            "containerDefinitions[].mountPoints",
            json!({"mountPoints": [{"sourceVolume": "v", "containerPath": "/proc/x"}]}),
            ".containerPath /proc/x",
        ),
        ("containerDefinitions[].linuxParameters.devices", linux(json!({"devices": [{"hostPath": "/dev/x"}]})), ""),
        ("containerDefinitions[].linuxParameters.sharedMemorySize", linux(json!({"sharedMemorySize": 64})), ""),
        ("containerDefinitions[].linuxParameters.maxSwap", linux(json!({"maxSwap": 64})), ""),
        ("containerDefinitions[].linuxParameters.swappiness", linux(json!({"swappiness": 5})), ""),
        (
            "containerDefinitions[].linuxParameters.capabilities",
            linux(json!({"capabilities": {"add": ["NET_ADMIN"]}})),
            ".add NET_ADMIN",
        ),
        (
            "containerDefinitions[].linuxParameters.tmpfs",
            linux(json!({"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["suid"]}]})),
            ".mountOptions suid",
        ),
        (
            "containerDefinitions[].systemControls",
            json!({"systemControls": [{"namespace": "vm.swappiness", "value": "1"}]}),
            " vm.swappiness",
        ),
        (
            "containerDefinitions[].logConfiguration",
            json!({"logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x", "tag": "y"}}}),
            ".options.tag",
        ),
    ]
}

/// Members that a task definition cannot have and that are refused, as the table for people says it.
fn refused_members() -> BTreeSet<String> {
    let page = aws_model::served::reference();
    let task = page.split("\n## ").nth(1).unwrap().split("\n### ").next().unwrap().to_owned();
    let rows = task.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let limited = |words: &str| words.starts_with("refused") || words.starts_with("served: ");
    rows.filter(|(_, words)| limited(words)).map(|(member, _)| member.to_owned()).collect()
}

/// One service for each sample.
struct Case {
    key: String,
    document: Value,
    /// As a refusal names it.
    subject: String,
}

fn cases() -> Vec<Case> {
    let merged = |into: &mut Value, with: &Value| {
        let with = with.as_object().unwrap().clone();
        into.as_object_mut().unwrap().extend(with);
    };
    let case = |(index, (path, sample, value)): (usize, (&str, Value, &str))| {
        let key = format!("s{index}");
        let family = format!("demo-{key}-task-local");
        let mut container = json!({"name": key, "image": "127.0.0.1:9/x:1", "essential": true, "memory": 64});
        let mut document = json!({
            "family": family, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/r", "volumes": [{"name": "v"}],
        });
        let (member, owner) = match path.split_once("[].") {
            Some(("volumes", member)) => {
                merged(&mut document["volumes"][0], &sample);
                (member, "of volume 'v'".to_owned())
            }
            Some((_, member)) => {
                merged(&mut container, &sample);
                (member, format!("of container '{key}'"))
            }
            None => {
                merged(&mut document, &sample);
                (path, format!("of task definition '{family}'"))
            }
        };
        document["containerDefinitions"] = json!([container]);
        Case { key, document, subject: format!("{}{value} {owner}", member.replace("[]", "")) }
    };
    samples().into_iter().enumerate().map(case).collect()
}

/// Writes a value as TOML has it in one line.
fn toml(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(toml).collect())),
        Value::Object(members) => {
            format!(
                "{{ {} }}",
                list(members.iter().map(|(name, value)| format!("\"{name}\" = {}", toml(value))).collect())
            )
        }
        other => other.to_string(),
    }
}

fn without(document: &Value, members: &[&str]) -> Map<String, Value> {
    let mut rest = document.as_object().unwrap().clone();
    rest.retain(|name, _| !members.contains(&name.as_str()));
    rest
}

fn manifest(cases: &[Case]) -> String {
    let mut text = "app = \"demo\"\n".to_owned();
    for Case { key, document, .. } in cases {
        let mut own =
            without(document, &["family", "cpu", "memory", "executionRoleArn", "volumes", "containerDefinitions"]);
        let volume = without(&document["volumes"][0], &["name"]);
        let mut container = without(&document["containerDefinitions"][0], &["name", "image", "essential"]);
        if container.contains_key("mountPoints") {
            own.insert("volumes".into(), document["volumes"].clone());
        } else if !volume.is_empty() {
            container.insert("mountPoints".into(), json!([{"sourceVolume": "v", "containerPath": "/v"}]));
            own.insert("volumes".into(), document["volumes"].clone());
        }
        let (own, container) = (toml(&own.into()), toml(&container.into()));
        text += &format!("[services.{key}]\naws = {own}\n");
        text += &format!("[services.{key}.containers.{key}]\nimage = \"127.0.0.1:9/x:1\"\naws = {container}\n");
    }
    text
}

#[test]
fn whoever_is_asked_says_the_same() {
    let cases = cases();
    let sampled: BTreeSet<String> = samples().iter().map(|(path, ..)| (*path).to_owned()).collect();
    assert_eq!(sampled, refused_members(), "every member that is refused has a sample here");

    let sandbox = Sandbox::with_manifest(&manifest(&cases));
    let _platform = sandbox.platform();
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, Some(0), "it is right for AWS: {}", check.err);
    let verify = sandbox.run(&["verify", "local", "--verbose"]);
    assert_eq!(verify.code, Some(5), "{}", verify.out);

    let folder = Sandbox::new();
    for Case { key, document, .. } in &cases {
        folder.write(&format!("{key}.json"), &document.to_string());
    }
    let files: Vec<String> = cases.iter().map(|case| format!("local={}.json", case.key)).collect();
    let mut arguments = vec!["import", "taskdef", "--json"];
    arguments.extend(files.iter().map(String::as_str));
    let import = folder.run(&arguments);
    let imported: Value = serde_json::from_str(&import.out).unwrap_or_else(|e| panic!("{e}: {}", import.err));

    let refused = by_the_platform(&sandbox, &cases);
    for (Case { key, subject, .. }, refused) in cases.iter().zip(refused) {
        let words = format!("{subject} is not supported by this platform");
        let of_it = format!("service {key}: {words}");
        assert!(check.err.contains(&of_it), "check does not say `{of_it}`:\n{}", check.err);
        assert!(verify.out.contains(&words), "verify does not say `{words}`:\n{}", verify.out);
        let listed = |left: &Value| left["what"].as_str().is_some_and(|what| what.ends_with(subject.as_str()));
        assert!(
            imported["left"].as_array().unwrap().iter().any(listed),
            "import does not list `{subject}`: {imported:#}"
        );
        match refused {
            Refused::ByEcs => {}
            Refused::ByPlatform(message) => assert!(message.contains(&words), "{subject}: {message}"),
        }
    }
}

enum Refused {
    /// ECS does not even register it.
    ByEcs,
    ByPlatform(String),
}

fn by_the_platform(sandbox: &Sandbox, cases: &[Case]) -> Vec<Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Options::local(sandbox.endpoint(), "us-east-1")).unwrap();
    let call = |operation: &str, input: Value| {
        runtime.block_on(client.call(&ECS, operation, input.as_object().unwrap().clone()))
    };
    call("CreateCluster", json!({"clusterName": "c"})).unwrap();
    let refused = |case: &Case| {
        if call("RegisterTaskDefinition", case.document.clone()).is_err() {
            return Refused::ByEcs;
        }
        let run = json!({
            "cluster": "c", "taskDefinition": case.document["family"],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        match call("RunTask", run) {
            Ok(answer) => panic!("it runs: {answer:?}"),
            Err(error) => Refused::ByPlatform(error.to_string()),
        }
    };
    cases.iter().map(refused).collect()
}

/// A service that only its request keeps from running.
#[test]
fn requests_are_told_before_they_are_refused() {
    let text = "app = \"demo\"\n[services.web]\naws-service = { schedulingStrategy = \"DAEMON\" }\n\
                [services.web.containers.web]\nimage = \"127.0.0.1:9/x:1\"\n";
    let sandbox = Sandbox::with_manifest(text);
    let _platform = sandbox.platform();
    let words = "schedulingStrategy DAEMON is not supported by this platform";
    let check = sandbox.run(&["check"]);
    assert!(check.err.contains(&format!("service web: {words}")), "{}", check.err);
    assert!(sandbox.run(&["verify"]).out.contains(words));
}

/// Case 08: `restart` of a compose file.
#[test]
fn a_compose_file_that_restarts_comes_up_on_the_same_machine() {
    let sandbox = Sandbox::new();
    let file = "services:\n  web:\n    image: nginx:1.27\n    ports: [\"8080:80\"]\n    restart: always\n";
    sandbox.write("docker-compose.yml", file);
    let import = sandbox.run(&["import", "compose", "docker-compose.yml"]);
    assert_eq!(import.code, Some(0), "{}", import.err);
    assert!(
        import.err.contains("services.web.restart: ECS restarts a container that has run for a minute"),
        "{}",
        import.err
    );
    assert!(!import.err.contains("not support"), "{}", import.err);
    let check = sandbox.run(&["check"]);
    assert!(check.code == Some(0) && !check.err.contains("not supported"), "{}", check.err);
    let _platform = sandbox.platform();
    assert!(!sandbox.run(&["verify"]).out.contains("not supported"));
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}\n{}", up.out, up.err);
}
