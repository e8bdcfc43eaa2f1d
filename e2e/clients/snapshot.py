#!/usr/bin/env python3
"""Prints what must not change when the example is put into service a second time."""
import json

from common import CLUSTER, FAMILY, SERVICE, client

ecs = client("ecs")
service = ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]
tasks = ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"]
targets = client("elbv2").describe_target_health(TargetGroupArn=service["loadBalancers"][0]["targetGroupArn"])
print(
    json.dumps(
        {
            "definitions": ecs.list_task_definitions(familyPrefix=FAMILY)["taskDefinitionArns"],
            "service": [service["taskDefinition"], service["desiredCount"], service["status"]],
            "deployments": [[d["id"], d["taskDefinition"]] for d in service["deployments"]],
            "tasks": sorted(tasks),
            "targets": sorted(t["Target"]["Id"] for t in targets["TargetHealthDescriptions"]),
            "secret": client("secretsmanager").describe_secret(SecretId="managr/local")["VersionIdsToStages"],
        },
        indent=1,
        sort_keys=True,
    )
)
