//! Clusters, services and task definitions.

use super::super::table::Row;
use super::super::table::To::{Enabled, Keep, Member, Reference};

const GROUPS: &[&str] = &["aws_lb_target_group", "aws_alb_target_group"];

/// `CreateCluster`.
#[rustfmt::skip] // a table
pub(in super::super) const CLUSTER: &[Row] = &[
    Row("name", Member("clusterName")),
    Row("setting[].name", Member("settings[].name")),
    Row("setting[].value", Member("settings[].value")),
    Row("capacity_providers", Member("capacityProviders")),
    Row("default_capacity_provider_strategy[].capacity_provider", Member("defaultCapacityProviderStrategy[].capacityProvider")),
    Row("default_capacity_provider_strategy[].base", Member("defaultCapacityProviderStrategy[].base")),
    Row("default_capacity_provider_strategy[].weight", Member("defaultCapacityProviderStrategy[].weight")),
    Row("service_connect_defaults.namespace", Member("serviceConnectDefaults.namespace")),
    Row("configuration.execute_command_configuration.kms_key_id", Member("configuration.executeCommandConfiguration.kmsKeyId")),
    Row("configuration.execute_command_configuration.logging", Member("configuration.executeCommandConfiguration.logging")),
    Row("configuration.execute_command_configuration.log_configuration.cloud_watch_log_group_name", Member("configuration.executeCommandConfiguration.logConfiguration.cloudWatchLogGroupName")),
    Row("configuration.execute_command_configuration.log_configuration.cloud_watch_encryption_enabled", Member("configuration.executeCommandConfiguration.logConfiguration.cloudWatchEncryptionEnabled")),
    Row("configuration.execute_command_configuration.log_configuration.s3_bucket_name", Member("configuration.executeCommandConfiguration.logConfiguration.s3BucketName")),
    Row("configuration.execute_command_configuration.log_configuration.s3_key_prefix", Member("configuration.executeCommandConfiguration.logConfiguration.s3KeyPrefix")),
    Row("configuration.execute_command_configuration.log_configuration.s3_bucket_encryption_enabled", Member("configuration.executeCommandConfiguration.logConfiguration.s3EncryptionEnabled")),
    Row("configuration.managed_storage_configuration.kms_key_id", Member("configuration.managedStorageConfiguration.kmsKeyId")),
    Row("configuration.managed_storage_configuration.fargate_ephemeral_storage_kms_key_id", Member("configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId")),
];

/// `PutClusterCapacityProviders`: a part of its cluster.
#[rustfmt::skip] // a table
pub(in super::super) const CAPACITY_PROVIDERS: &[Row] = &[
    Row("cluster_name", Member("clusterName")),
    Row("capacity_providers", Member("capacityProviders")),
    Row("default_capacity_provider_strategy[].capacity_provider", Member("defaultCapacityProviderStrategy[].capacityProvider")),
    Row("default_capacity_provider_strategy[].base", Member("defaultCapacityProviderStrategy[].base")),
    Row("default_capacity_provider_strategy[].weight", Member("defaultCapacityProviderStrategy[].weight")),
];

/// `CreateCapacityProvider`.
pub(in super::super) const CAPACITY_PROVIDER: &[Row] = &[
    Row("name", Keep("a capacity provider: the manifest only names it")),
    Row("cluster", Keep("a capacity provider: the manifest only names it")),
    Row("auto_scaling_group_provider", Keep("machines for tasks")),
    Row("managed_instances_provider", Keep("machines for tasks")),
];

/// `CreateService`.
#[rustfmt::skip] // a table
pub(in super::super) const SERVICE: &[Row] = &[
    Row("name", Member("serviceName")),
    Row("cluster", Member("cluster")),
    Row("task_definition", Member("taskDefinition")),
    Row("desired_count", Member("desiredCount")),
    Row("launch_type", Member("launchType")),
    Row("platform_version", Member("platformVersion")),
    Row("enable_execute_command", Member("enableExecuteCommand")),
    Row("health_check_grace_period_seconds", Member("healthCheckGracePeriodSeconds")),
    Row("scheduling_strategy", Member("schedulingStrategy")),
    Row("propagate_tags", Member("propagateTags")),
    Row("enable_ecs_managed_tags", Member("enableECSManagedTags")),
    Row("iam_role", Member("role")),
    Row("availability_zone_rebalancing", Member("availabilityZoneRebalancing")),
    Row("tags.*", Member("tags.*")),
    Row("deployment_minimum_healthy_percent", Member("deploymentConfiguration.minimumHealthyPercent")),
    Row("deployment_maximum_percent", Member("deploymentConfiguration.maximumPercent")),
    Row("deployment_circuit_breaker.enable", Member("deploymentConfiguration.deploymentCircuitBreaker.enable")),
    Row("deployment_circuit_breaker.rollback", Member("deploymentConfiguration.deploymentCircuitBreaker.rollback")),
    Row("deployment_configuration.strategy", Member("deploymentConfiguration.strategy")),
    Row("deployment_configuration.bake_time_in_minutes", Member("deploymentConfiguration.bakeTimeInMinutes")),
    Row("alarms.enable", Member("deploymentConfiguration.alarms.enable")),
    Row("alarms.rollback", Member("deploymentConfiguration.alarms.rollback")),
    Row("alarms.alarm_names", Member("deploymentConfiguration.alarms.alarmNames")),
    Row("deployment_controller.type", Member("deploymentController.type")),
    Row("network_configuration.subnets", Member("networkConfiguration.awsvpcConfiguration.subnets")),
    Row("network_configuration.security_groups", Member("networkConfiguration.awsvpcConfiguration.securityGroups")),
    Row("network_configuration.assign_public_ip", Enabled("networkConfiguration.awsvpcConfiguration.assignPublicIp")),
    Row("load_balancer[].target_group_arn", Reference("loadBalancers[].targetGroupArn", GROUPS)),
    Row("load_balancer[].elb_name", Member("loadBalancers[].loadBalancerName")),
    Row("load_balancer[].container_name", Member("loadBalancers[].containerName")),
    Row("load_balancer[].container_port", Member("loadBalancers[].containerPort")),
    Row("capacity_provider_strategy[].capacity_provider", Member("capacityProviderStrategy[].capacityProvider")),
    Row("capacity_provider_strategy[].base", Member("capacityProviderStrategy[].base")),
    Row("capacity_provider_strategy[].weight", Member("capacityProviderStrategy[].weight")),
    Row("ordered_placement_strategy[].type", Member("placementStrategy[].type")),
    Row("ordered_placement_strategy[].field", Member("placementStrategy[].field")),
    Row("placement_constraints[].type", Member("placementConstraints[].type")),
    Row("placement_constraints[].expression", Member("placementConstraints[].expression")),
    Row("service_registries[].registry_arn", Member("serviceRegistries[].registryArn")),
    Row("service_registries[].port", Member("serviceRegistries[].port")),
    Row("service_registries[].container_name", Member("serviceRegistries[].containerName")),
    Row("service_registries[].container_port", Member("serviceRegistries[].containerPort")),
    Row("service_connect_configuration.enabled", Member("serviceConnectConfiguration.enabled")),
    Row("service_connect_configuration.namespace", Member("serviceConnectConfiguration.namespace")),
    Row("service_connect_configuration.log_configuration.log_driver", Member("serviceConnectConfiguration.logConfiguration.logDriver")),
    Row("service_connect_configuration.log_configuration.options.*", Member("serviceConnectConfiguration.logConfiguration.options.*")),
    Row("service_connect_configuration.log_configuration.secret_option[].name", Member("serviceConnectConfiguration.logConfiguration.secretOptions[].name")),
    Row("service_connect_configuration.log_configuration.secret_option[].value_from", Member("serviceConnectConfiguration.logConfiguration.secretOptions[].valueFrom")),
    Row("service_connect_configuration.service[].port_name", Member("serviceConnectConfiguration.services[].portName")),
    Row("service_connect_configuration.service[].discovery_name", Member("serviceConnectConfiguration.services[].discoveryName")),
    Row("service_connect_configuration.service[].ingress_port_override", Member("serviceConnectConfiguration.services[].ingressPortOverride")),
    Row("service_connect_configuration.service[].client_alias[].port", Member("serviceConnectConfiguration.services[].clientAliases[].port")),
    Row("service_connect_configuration.service[].client_alias[].dns_name", Member("serviceConnectConfiguration.services[].clientAliases[].dnsName")),
    Row("service_connect_configuration.service[].timeout.idle_timeout_seconds", Member("serviceConnectConfiguration.services[].timeout.idleTimeoutSeconds")),
    Row("service_connect_configuration.service[].timeout.per_request_timeout_seconds", Member("serviceConnectConfiguration.services[].timeout.perRequestTimeoutSeconds")),
    Row("tags_all", Keep("its tags stay as they are")),
    Row("wait_for_steady_state", Keep("how long Terraform waits")),
    Row("sigint_rollback", Keep("what Terraform does when it is interrupted")),
    Row("force_new_deployment", Keep("what Terraform asks for when it changes something")),
    Row("force_delete", Keep("how Terraform removes it")),
    Row("triggers", Keep("what Terraform takes for a change")),
];

/// `RegisterTaskDefinition`, without its containers.
#[rustfmt::skip] // a table
pub(in super::super) const TASK_DEFINITION: &[Row] = &[
    Row("family", Member("family")),
    Row("cpu", Member("cpu")),
    Row("memory", Member("memory")),
    Row("execution_role_arn", Member("executionRoleArn")),
    Row("task_role_arn", Member("taskRoleArn")),
    Row("network_mode", Member("networkMode")),
    Row("requires_compatibilities", Member("requiresCompatibilities")),
    Row("pid_mode", Member("pidMode")),
    Row("ipc_mode", Member("ipcMode")),
    Row("enable_fault_injection", Member("enableFaultInjection")),
    Row("runtime_platform.operating_system_family", Member("runtimePlatform.operatingSystemFamily")),
    Row("runtime_platform.cpu_architecture", Member("runtimePlatform.cpuArchitecture")),
    Row("ephemeral_storage.size_in_gib", Member("ephemeralStorage.sizeInGiB")),
    Row("tags.*", Member("tags.*")),
    Row("placement_constraints[].type", Member("placementConstraints")),
    Row("placement_constraints[].expression", Member("placementConstraints")),
    Row("proxy_configuration.type", Member("proxyConfiguration.type")),
    Row("proxy_configuration.container_name", Member("proxyConfiguration.containerName")),
    Row("proxy_configuration.properties.*", Member("proxyConfiguration.properties")),
    Row("volume[].name", Member("volumes")),
    Row("volume[].host_path", Member("volumes")),
    Row("volume[].configure_at_launch", Member("volumes")),
    Row("volume[].docker_volume_configuration.scope", Member("volumes")),
    Row("volume[].docker_volume_configuration.autoprovision", Member("volumes")),
    Row("volume[].docker_volume_configuration.driver", Member("volumes")),
    Row("volume[].docker_volume_configuration.driver_opts.*", Member("volumes")),
    Row("volume[].docker_volume_configuration.labels.*", Member("volumes")),
    Row("volume[].efs_volume_configuration.file_system_id", Member("volumes")),
    Row("volume[].efs_volume_configuration.root_directory", Member("volumes")),
    Row("volume[].efs_volume_configuration.transit_encryption", Member("volumes")),
    Row("volume[].efs_volume_configuration.transit_encryption_port", Member("volumes")),
    Row("volume[].efs_volume_configuration.authorization_config.access_point_id", Member("volumes")),
    Row("volume[].efs_volume_configuration.authorization_config.iam", Member("volumes")),
    Row("tags_all", Keep("its tags stay as they are")),
    Row("skip_destroy", Keep("how Terraform removes it")),
    Row("track_latest", Keep("which revision Terraform looks at")),
];
