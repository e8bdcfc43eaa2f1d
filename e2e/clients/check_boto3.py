#!/usr/bin/env python3
"""boto3 against the running example: the same questions, errors by their modelled class, and every
answer held against the official model."""
import json

import botocore.exceptions

from common import CLUSTER, CONTAINERS, FAMILY, GROUP, SECRET, SERVICE, check, client, finish

ecs, ecr, secrets = client("ecs"), client("ecr"), client("secretsmanager")
logs, elb, sts, ssm = client("logs"), client("elbv2"), client("sts"), client("ssm")
zones, cloud_map = client("route53"), client("servicediscovery")


def refused(words, code, call):
    """Notes that a call is refused with this code."""
    try:
        call()
        check(f"{words}: {code}", False, "not refused")
    except botocore.exceptions.ClientError as error:
        seen = error.response["Error"]
        check(f"{words}: {code}", seen["Code"] == code and seen["Message"], seen)


check("account", sts.get_caller_identity()["Account"] == "123456789012")
check("the cluster is active", ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["status"] == "ACTIVE")
check("a missing cluster is a failure, not an error", ecs.describe_clusters(clusters=["nope"])["failures"][0]["reason"] == "MISSING")

service = ecs.describe_services(cluster=CLUSTER, services=[SERVICE], include=["TAGS"])["services"][0]
ecs.get_waiter("services_stable").wait(cluster=CLUSTER, services=[SERVICE])
primary = service["deployments"][0]
check("the deployment completed", primary["rolloutState"] == "COMPLETED" and primary["status"] == "PRIMARY", primary)
tasks = ecs.list_tasks(cluster=CLUSTER, family=FAMILY, desiredStatus="RUNNING")["taskArns"]
check("tasks by service and by family agree", tasks == ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"], tasks)
task = ecs.describe_tasks(cluster=CLUSTER, tasks=tasks, include=["TAGS"])["tasks"][0]
check("group and starter", task["group"] == f"service:{SERVICE}" and task["startedBy"].startswith("ecs-svc/"), task)
check("containers", {c["name"] for c in task["containers"]} == CONTAINERS)
check("an address", any(d["name"] == "privateIPv4Address" for a in task["attachments"] for d in a["details"]), task["attachments"])
definition = ecs.describe_task_definition(taskDefinition=FAMILY, include=["TAGS"])["taskDefinition"]
names = {s["name"] for c in definition["containerDefinitions"] for s in c.get("secrets", [])}
check("secrets are references", names == {"SECRET_KEY", "DD_API_KEY", "DATABASE_URL"}, names)
values = json.loads(secrets.get_secret_value(SecretId=SECRET)["SecretString"])
check("the definition holds no value of a secret", not any(v in json.dumps(definition, default=str) for v in values.values()))

refused("a cluster that is not there", "ClusterNotFoundException", lambda: ecs.list_tasks(cluster="nope"))
refused("a definition that is not there", "ClientException", lambda: ecs.describe_task_definition(taskDefinition="nope"))
refused("a service that is not there", "ServiceNotFoundException", lambda: ecs.update_service(cluster=CLUSTER, service="nope", desiredCount=1))
refused("no containers", "ClientException", lambda: ecs.register_task_definition(family="x", containerDefinitions=[]))
twice = [{"name": "a", "image": "b", "memory": 64}] * 2
refused("a name used twice", "ClientException", lambda: ecs.register_task_definition(family="x", containerDefinitions=twice))
refused("a secret that is not there", "ResourceNotFoundException", lambda: secrets.get_secret_value(SecretId="nope"))
refused("a repository that is not there", "RepositoryNotFoundException", lambda: ecr.describe_images(repositoryName="nope"))
refused("a log group that is not there", "ResourceNotFoundException", lambda: logs.describe_log_streams(logGroupName="nope"))
refused("a load balancer that is not there", "LoadBalancerNotFound", lambda: elb.describe_load_balancers(Names=["nope"]))

repository = ecr.describe_repositories(repositoryNames=["thinknimble/managr/server"])["repositories"][0]
images = ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"]
check("the image has a digest and a size", images[0]["imageDigest"].startswith("sha256:") and images[0]["imageSizeInBytes"] > 0)
manifest = ecr.batch_get_image(repositoryName=repository["repositoryName"], imageIds=[{"imageDigest": images[0]["imageDigest"]}])
check("its manifest can be read", "layers" in json.loads(manifest["images"][0]["imageManifest"]))

group = service["loadBalancers"][0]["targetGroupArn"]
health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
check("one healthy target", [t["TargetHealth"]["State"] for t in health] == ["healthy"], health)
streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
ours = {s["logStreamName"].split("/")[-2] for s in streams if "/" in s["logStreamName"]}
check("a log stream for each container that spoke", CONTAINERS - {"managr-app-scheduled-tasks"} <= ours, ours)
stream = next(s["logStreamName"] for s in streams if "/managr-app/" in s["logStreamName"])
events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, limit=3, startFromHead=True)
again = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=events["nextForwardToken"], limit=3)
check("paging goes on where it stopped", events["events"] and events["events"][-1] not in again["events"])

# A life of a secret, and of a cluster.
rds = client("rds")
(database,) = rds.describe_db_instances()["DBInstances"]
check("the database runs", (database["Engine"], database["DBInstanceStatus"]) == ("postgres", "available"), database)
parts = json.loads(secrets.get_secret_value(SecretId=f"{SECRET}/databases/main")["SecretString"])
check("its secret names it", (parts["host"], int(parts["port"])) == (database["Endpoint"]["Address"], database["Endpoint"]["Port"]))
refused("a database that is not there", "DBInstanceNotFound", lambda: rds.describe_db_instances(DBInstanceIdentifier="nope"))

made = secrets.create_secret(Name="check/boto3", SecretString="one")
secrets.put_secret_value(SecretId="check/boto3", SecretString="two")
check("the current value", secrets.get_secret_value(SecretId="check/boto3")["SecretString"] == "two")
check("the previous value", secrets.get_secret_value(SecretId="check/boto3", VersionStage="AWSPREVIOUS")["SecretString"] == "one")
refused("a secret made twice", "ResourceExistsException", lambda: secrets.create_secret(Name="check/boto3", SecretString="x"))
secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)

# A life of a parameter: made once, overwritten, found by its path, read back version by version.
LOCK, KEY = "/check/boto3/lock", "/check/boto3/key"
check("a parameter begins at version 1", ssm.put_parameter(Name=LOCK, Value="one", Type="String")["Version"] == 1)
refused("a parameter made twice", "ParameterAlreadyExists", lambda: ssm.put_parameter(Name=LOCK, Value="x", Type="String"))
check("an overwrite counts up", ssm.put_parameter(Name=LOCK, Value="two", Overwrite=True)["Version"] == 2)
ssm.put_parameter(Name=KEY, Value="s3cret", Type="SecureString")
below = ssm.get_parameters_by_path(Path="/check", Recursive=True, WithDecryption=True)["Parameters"]
check("a path holds both", {p["Name"]: p["Value"] for p in below} == {LOCK: "two", KEY: "s3cret"}, below)
sealed = ssm.get_parameter(Name=KEY)["Parameter"]["Value"]
check("a secure value is read by those only who ask for decryption", "s3cret" not in sealed)
history = ssm.get_parameter_history(Name=LOCK)["Parameters"]
check("the history has every version", [(h["Version"], h["Value"]) for h in history] == [(1, "one"), (2, "two")], history)
check("described without values", [p["Type"] for p in ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [KEY]}])["Parameters"]] == ["SecureString"])
check("both can be deleted", len(ssm.delete_parameters(Names=[LOCK, KEY])["DeletedParameters"]) == 2)
refused("a parameter that is not there", "ParameterNotFound", lambda: ssm.get_parameter(Name=LOCK))

# A life of a zone, and of a namespace, whose zone is Cloud Map's alone.
zone = zones.create_hosted_zone(Name="check-boto3.test", CallerReference="check-boto3")["HostedZone"]["Id"]
www = {"Name": "www.check-boto3.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
batch = lambda action: {"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": www}]}}
change = zones.change_resource_record_sets(**batch("CREATE"))["ChangeInfo"]
check("a change is in sync", zones.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC")
refused("a record made twice", "InvalidChangeBatch", lambda: zones.change_resource_record_sets(**batch("CREATE")))
refused("a zone with records", "HostedZoneNotEmpty", lambda: zones.delete_hosted_zone(Id=zone))
zones.change_resource_record_sets(**batch("DELETE"))
zones.delete_hosted_zone(Id=zone)
done = lambda answer: cloud_map.get_operation(OperationId=answer["OperationId"])["Operation"]
space = done(cloud_map.create_private_dns_namespace(Name="check-boto3.local", Vpc="vpc-1"))["Targets"]["NAMESPACE"]
zone = cloud_map.get_namespace(Id=space)["Namespace"]["Properties"]["DnsProperties"]["HostedZoneId"]
config = {"DnsRecords": [{"Type": "A", "TTL": 10}]}
found = cloud_map.create_service(Name="web", NamespaceId=space, DnsConfig=config)["Service"]["Id"]
cloud_map.register_instance(ServiceId=found, InstanceId="i", Attributes={"AWS_INSTANCE_IPV4": "192.0.2.1"})
sets = zones.list_resource_record_sets(HostedZoneId=zone, StartRecordName="web.check-boto3.local", StartRecordType="A")["ResourceRecordSets"]
check("an instance's record is in its zone", sets and sets[0]["SetIdentifier"] == "i", sets)
refused("a zone of Cloud Map", "AccessDenied", lambda: zones.delete_hosted_zone(Id=zone))
refused("a service with instances", "ResourceInUse", lambda: cloud_map.delete_service(Id=found))
cloud_map.deregister_instance(ServiceId=found, InstanceId="i")
cloud_map.delete_service(Id=found)
check("a namespace can be deleted", done(cloud_map.delete_namespace(Id=space))["Status"] == "SUCCESS")
ecs.create_cluster(clusterName="check-boto3")
check("a cluster can be deleted", ecs.delete_cluster(cluster="check-boto3")["cluster"]["status"] == "INACTIVE")
finish()
