#!/usr/bin/env python3
"""Writes what this crate takes from the official service models (any machine with boto3).

src/operations.rs            every operation's name, per service
src/ecs-shapes.txt           ECS's shapes: what an answer or a request may hold
tests/every-field.json       a RegisterTaskDefinition request with every optional field
"""
import json
import pathlib

import botocore.session

HERE = pathlib.Path(__file__).resolve().parent.parent
SESSION = botocore.session.get_session()
SERVICES = [("ecs", "ECS"), ("ecr", "ECR"), ("secretsmanager", "SECRETSMANAGER"), ("ssm", "SSM"), ("logs", "LOGS"), ("sts", "STS"), ("elbv2", "ELBV2")]
WORDS = {"ecs": "ECS", "ecr": "ECR", "secretsmanager": "Secrets Manager", "ssm": "Systems Manager", "logs": "CloudWatch Logs", "sts": "STS", "elbv2": "ELBv2"}
# Everything that platform_core::ecs offers; the rest is refused by name alone.
OFFERED = """CreateCluster DescribeClusters ListClusters DeleteCluster UpdateCluster UpdateClusterSettings PutClusterCapacityProviders
RegisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies DeregisterTaskDefinition DeleteTaskDefinitions
CreateService UpdateService DescribeServices ListServices DeleteService RunTask StartTask StopTask DescribeTasks ListTasks
TagResource UntagResource ListTagsForResource ListAccountSettings PutAccountSetting PutAccountSettingDefault
ListServiceDeployments DescribeServiceDeployments DescribeServiceRevisions StopServiceDeployment GetTaskProtection UpdateTaskProtection
ListAttributes ListContainerInstances DescribeContainerInstances DescribeCapacityProviders ListServicesByNamespace ExecuteCommand""".split()


def operations():
    version = __import__("botocore").__version__
    out = ["//! The names of all operations of the services that the platform speaks, offered or not.", "//!",
           "//! An operation in a list but not offered is refused by name; one that is in no list is unknown,",
           "//! as it would be to AWS.", "//!",
           f"//! Written by `tools/from_botocore.py` from botocore {version}; sorted.", ""]
    for service, name in SERVICES:
        model = SESSION.get_service_model(service)
        out += [f"/// Operations of {WORDS[service]}.", f"pub const {name}: &[&str] = &["]
        out += [f'    "{op}",' for op in sorted(model.operation_names)] + ["];", ""]
    out += ["/// Returns the operations of a service by its signing name or its endpoint prefix; none for others.",
            "pub fn of_service(name: &str) -> Option<&'static [&'static str]> {", "    Some(match name {"]
    out += [f'        "{s}"{" | " + chr(34) + "elasticloadbalancing" + chr(34) if s == "elbv2" else ""} => {n},' for s, n in SERVICES]
    out += ["        _ => return None,", "    })", "}", "", "#[cfg(test)]", "mod tests {", "    #[test]",
            "    fn names_are_sorted_and_distinct() {",
            '        for service in ["ecs", "ecr", "secretsmanager", "ssm", "logs", "sts", "elasticloadbalancing"] {',
            "            assert!(super::of_service(service).unwrap().is_sorted_by(|a, b| a < b), \"{service}\");",
            "        }", "    }", "}", ""]
    (HERE / "src/operations.rs").write_text("\n".join(out))


def shapes():
    model = SESSION.get_service_model("ecs")
    seen, lines, ops = {}, [], []

    def visit(shape):
        if shape.name in seen:
            return
        seen[shape.name] = shape
        if shape.type_name == "structure":
            for m in shape.members.values():
                visit(m)
        elif shape.type_name == "list":
            visit(shape.member)
        elif shape.type_name == "map":
            visit(shape.value)

    for op in sorted(OFFERED):
        o = model.operation_model(op)
        visit(o.input_shape)
        visit(o.output_shape)
        ops.append(f"{op} {o.input_shape.name} {o.output_shape.name}")
    for name, shape in sorted(seen.items()):
        t = shape.type_name
        if t == "structure":
            body = " ".join(("!" if m in shape.required_members else "") + f"{m}:{s.name}" for m, s in shape.members.items())
        elif t == "list":
            body = shape.member.name
        elif t == "map":
            body = shape.value.name
        elif t == "string" and shape.enum:
            t, body = "enum", " ".join(shape.enum)
        else:
            body = ""
        lines.append(f"{name} {t} {body}".rstrip())
    (HERE / "src/ecs-shapes.txt").write_text("\n".join(ops) + "\n\n" + "\n".join(lines) + "\n")


def every_field():
    model = SESSION.get_service_model("ecs")

    def sample(shape, path):
        t = shape.type_name
        if t == "structure":
            return {n: sample(m, path + [n]) for n, m in shape.members.items()}
        if t == "list":
            return [sample(shape.member, path)]
        if t == "map":
            return {"key": sample(shape.value, path)}
        if t in ("integer", "long"):
            return 10
        if t in ("double", "float"):
            return 1.5
        if t == "boolean":
            return True
        return shape.enum[0] if shape.enum else "sample-" + path[-1]

    doc = sample(model.operation_model("RegisterTaskDefinition").input_shape, [])
    # Values that the rules tie to each other; everything else is the sample.
    doc.update(family="every-field", networkMode="awsvpc", requiresCompatibilities=["EC2"], cpu="256", memory="512", tags=[{"key": "k", "value": "v"}])
    c = doc["containerDefinitions"][0]
    c.update(name="one", image="nginx", cpu=10, memory=128, memoryReservation=64, essential=True, links=[], hostname="", extraHosts=[], disableNetworking=False)
    del c["links"], c["hostname"], c["extraHosts"], c["disableNetworking"], c["dnsServers"], c["dnsSearchDomains"]
    c["portMappings"] = [{"containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "web", "appProtocol": "http"}]
    c["dependsOn"] = [{"containerName": "two", "condition": "START"}]
    c["mountPoints"] = [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}]
    c["volumesFrom"] = [{"sourceContainer": "two", "readOnly": True}]
    c["healthCheck"].update(command=["CMD-SHELL", "true"], interval=30, timeout=5, retries=3, startPeriod=10)
    c["ulimits"] = [{"name": "nofile", "softLimit": 10, "hardLimit": 20}]
    c["systemControls"] = [{"namespace": "net.core.somaxconn", "value": "1024"}]
    c["restartPolicy"] = {"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60}
    c["environmentFiles"] = [{"value": "arn:aws:s3:::bucket/a.env", "type": "s3"}]
    c["secrets"] = [{"name": "SECRET", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]
    c["linuxParameters"]["tmpfs"] = [{"containerPath": "/tmp", "size": 10, "mountOptions": ["ro"]}]
    doc["containerDefinitions"].append({"name": "two", "image": "busybox", "essential": False, "memory": 64})
    doc["volumes"] = [dict(doc["volumes"][0], name="data")]
    doc["ephemeralStorage"] = {"sizeInGiB": 30}
    doc["runtimePlatform"] = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    doc["proxyConfiguration"]["containerName"] = "one"
    (HERE / "tests/every-field.json").write_text(json.dumps(doc, indent=1) + "\n")


operations()
shapes()
every_field()
