//! Logs, events, scaling, images and secrets.

use super::super::table::Row;
use super::super::table::To::{Enabled, Keep, Member, Prefix};

/// `CreateLogGroup`, with `PutRetentionPolicy`.
pub(in super::super) const LOG_GROUP: &[Row] = &[
    Row("name", Member("logGroupName")),
    Row("name_prefix", Prefix("logGroupName")),
    Row("retention_in_days", Member("retentionInDays")),
    Row("kms_key_id", Member("kmsKeyId")),
    Row("log_group_class", Member("logGroupClass")),
    Row("deletion_protection_enabled", Member("deletionProtectionEnabled")),
    Row("skip_destroy", Keep("how Terraform removes it")),
];

/// `PutRule`.
pub(in super::super) const EVENT_RULE: &[Row] = &[
    Row("name", Member("Name")),
    Row("name_prefix", Prefix("Name")),
    Row("schedule_expression", Member("ScheduleExpression")),
    Row("event_pattern", Member("EventPattern")),
    Row("description", Member("Description")),
    Row("event_bus_name", Member("EventBusName")),
    Row("role_arn", Member("RoleArn")),
    Row("state", Member("State")),
    Row("is_enabled", Enabled("State")),
    Row("force_destroy", Keep("how Terraform removes it")),
];

/// A target of `PutTargets`, under the rule's.
#[rustfmt::skip] // a table
pub(in super::super) const EVENT_TARGET: &[Row] = &[
    Row("rule", Member("Name")),
    Row("event_bus_name", Member("EventBusName")),
    Row("target_id", Member("Target.Id")),
    Row("arn", Member("Target.Arn")),
    Row("role_arn", Member("Target.RoleArn")),
    Row("input", Member("Target.Input")),
    Row("input_path", Member("Target.InputPath")),
    Row("input_transformer.input_paths.*", Member("Target.InputTransformer.InputPathsMap.*")),
    Row("input_transformer.input_template", Member("Target.InputTransformer.InputTemplate")),
    Row("ecs_target.capacity_provider_strategy[].capacity_provider", Member("Target.EcsParameters.CapacityProviderStrategy[].capacityProvider")),
    Row("ecs_target.capacity_provider_strategy[].base", Member("Target.EcsParameters.CapacityProviderStrategy[].base")),
    Row("ecs_target.capacity_provider_strategy[].weight", Member("Target.EcsParameters.CapacityProviderStrategy[].weight")),
    Row("ecs_target.placement_constraint[].type", Member("Target.EcsParameters.PlacementConstraints[].type")),
    Row("ecs_target.placement_constraint[].expression", Member("Target.EcsParameters.PlacementConstraints[].expression")),
    Row("ecs_target.ordered_placement_strategy[].type", Member("Target.EcsParameters.PlacementStrategy[].type")),
    Row("ecs_target.ordered_placement_strategy[].field", Member("Target.EcsParameters.PlacementStrategy[].field")),
    Row("ecs_target.tags.*", Member("Target.EcsParameters.Tags.*")),
    Row("ecs_target.task_definition_arn", Member("Target.EcsParameters.TaskDefinitionArn")),
    Row("ecs_target.task_count", Member("Target.EcsParameters.TaskCount")),
    Row("ecs_target.launch_type", Member("Target.EcsParameters.LaunchType")),
    Row("ecs_target.platform_version", Member("Target.EcsParameters.PlatformVersion")),
    Row("ecs_target.group", Member("Target.EcsParameters.Group")),
    Row("ecs_target.propagate_tags", Member("Target.EcsParameters.PropagateTags")),
    Row("ecs_target.enable_execute_command", Member("Target.EcsParameters.EnableExecuteCommand")),
    Row("ecs_target.enable_ecs_managed_tags", Member("Target.EcsParameters.EnableECSManagedTags")),
    Row("ecs_target.network_configuration.subnets", Member("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.Subnets")),
    Row("ecs_target.network_configuration.security_groups", Member("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.SecurityGroups")),
    Row("ecs_target.network_configuration.assign_public_ip", Enabled("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.AssignPublicIp")),
    Row("retry_policy.maximum_event_age_in_seconds", Member("Target.RetryPolicy.MaximumEventAgeInSeconds")),
    Row("retry_policy.maximum_retry_attempts", Member("Target.RetryPolicy.MaximumRetryAttempts")),
    Row("dead_letter_config.arn", Member("Target.DeadLetterConfig.Arn")),
    Row("force_destroy", Keep("how Terraform removes it")),
];

/// `CreateSchedule` of EventBridge Scheduler.
#[rustfmt::skip] // a table
pub(in super::super) const SCHEDULE: &[Row] = &[
    Row("name", Member("Name")),
    Row("name_prefix", Prefix("Name")),
    Row("group_name", Member("GroupName")),
    Row("schedule_expression", Member("ScheduleExpression")),
    Row("schedule_expression_timezone", Member("ScheduleExpressionTimezone")),
    Row("description", Member("Description")),
    Row("state", Member("State")),
    Row("start_date", Member("StartDate")),
    Row("end_date", Member("EndDate")),
    Row("kms_key_arn", Member("KmsKeyArn")),
    Row("action_after_completion", Member("ActionAfterCompletion")),
    Row("flexible_time_window.mode", Member("FlexibleTimeWindow.Mode")),
    Row("flexible_time_window.maximum_window_in_minutes", Member("FlexibleTimeWindow.MaximumWindowInMinutes")),
    Row("target.arn", Member("Target.Arn")),
    Row("target.role_arn", Member("Target.RoleArn")),
    Row("target.input", Member("Target.Input")),
    Row("target.dead_letter_config.arn", Member("Target.DeadLetterConfig.Arn")),
    Row("target.retry_policy.maximum_event_age_in_seconds", Member("Target.RetryPolicy.MaximumEventAgeInSeconds")),
    Row("target.retry_policy.maximum_retry_attempts", Member("Target.RetryPolicy.MaximumRetryAttempts")),
    Row("target.ecs_parameters.capacity_provider_strategy[].capacity_provider", Member("Target.EcsParameters.CapacityProviderStrategy[].capacityProvider")),
    Row("target.ecs_parameters.capacity_provider_strategy[].base", Member("Target.EcsParameters.CapacityProviderStrategy[].base")),
    Row("target.ecs_parameters.capacity_provider_strategy[].weight", Member("Target.EcsParameters.CapacityProviderStrategy[].weight")),
    Row("target.ecs_parameters.placement_constraints[].type", Member("Target.EcsParameters.PlacementConstraints[].type")),
    Row("target.ecs_parameters.placement_constraints[].expression", Member("Target.EcsParameters.PlacementConstraints[].expression")),
    Row("target.ecs_parameters.placement_strategy[].type", Member("Target.EcsParameters.PlacementStrategy[].type")),
    Row("target.ecs_parameters.placement_strategy[].field", Member("Target.EcsParameters.PlacementStrategy[].field")),
    Row("target.ecs_parameters.tags.*", Member("Target.EcsParameters.Tags.*")),
    Row("target.ecs_parameters.task_definition_arn", Member("Target.EcsParameters.TaskDefinitionArn")),
    Row("target.ecs_parameters.task_count", Member("Target.EcsParameters.TaskCount")),
    Row("target.ecs_parameters.launch_type", Member("Target.EcsParameters.LaunchType")),
    Row("target.ecs_parameters.platform_version", Member("Target.EcsParameters.PlatformVersion")),
    Row("target.ecs_parameters.group", Member("Target.EcsParameters.Group")),
    Row("target.ecs_parameters.propagate_tags", Member("Target.EcsParameters.PropagateTags")),
    Row("target.ecs_parameters.reference_id", Member("Target.EcsParameters.ReferenceId")),
    Row("target.ecs_parameters.enable_execute_command", Member("Target.EcsParameters.EnableExecuteCommand")),
    Row("target.ecs_parameters.enable_ecs_managed_tags", Member("Target.EcsParameters.EnableECSManagedTags")),
    Row("target.ecs_parameters.network_configuration.subnets", Member("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.Subnets")),
    Row("target.ecs_parameters.network_configuration.security_groups", Member("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.SecurityGroups")),
    Row("target.ecs_parameters.network_configuration.assign_public_ip", Enabled("Target.EcsParameters.NetworkConfiguration.awsvpcConfiguration.AssignPublicIp")),
];

/// `RegisterScalableTarget`.
#[rustfmt::skip] // a table
pub(in super::super) const SCALABLE_TARGET: &[Row] = &[
    Row("min_capacity", Member("MinCapacity")),
    Row("max_capacity", Member("MaxCapacity")),
    Row("resource_id", Member("ResourceId")),
    Row("scalable_dimension", Member("ScalableDimension")),
    Row("service_namespace", Member("ServiceNamespace")),
    Row("role_arn", Member("RoleARN")),
    Row("suspended_state.dynamic_scaling_in_suspended", Member("SuspendedState.DynamicScalingInSuspended")),
    Row("suspended_state.dynamic_scaling_out_suspended", Member("SuspendedState.DynamicScalingOutSuspended")),
    Row("suspended_state.scheduled_scaling_suspended", Member("SuspendedState.ScheduledScalingSuspended")),
];

/// `PutScalingPolicy`.
#[rustfmt::skip] // a table
pub(in super::super) const SCALING_POLICY: &[Row] = &[
    Row("name", Member("PolicyName")),
    Row("policy_type", Member("PolicyType")),
    Row("resource_id", Member("ResourceId")),
    Row("scalable_dimension", Member("ScalableDimension")),
    Row("service_namespace", Member("ServiceNamespace")),
    Row("target_tracking_scaling_policy_configuration.target_value", Member("TargetTrackingScalingPolicyConfiguration.TargetValue")),
    Row("target_tracking_scaling_policy_configuration.scale_in_cooldown", Member("TargetTrackingScalingPolicyConfiguration.ScaleInCooldown")),
    Row("target_tracking_scaling_policy_configuration.scale_out_cooldown", Member("TargetTrackingScalingPolicyConfiguration.ScaleOutCooldown")),
    Row("target_tracking_scaling_policy_configuration.disable_scale_in", Member("TargetTrackingScalingPolicyConfiguration.DisableScaleIn")),
    Row("target_tracking_scaling_policy_configuration.predefined_metric_specification.predefined_metric_type", Member("TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.PredefinedMetricType")),
    Row("target_tracking_scaling_policy_configuration.predefined_metric_specification.resource_label", Member("TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.ResourceLabel")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metric_name", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.MetricName")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.namespace", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Namespace")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.statistic", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Statistic")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.unit", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Unit")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.dimensions[].name", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Dimensions[].Name")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.dimensions[].value", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Dimensions[].Value")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].id", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].Id")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].expression", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].Expression")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].label", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].Label")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].return_data", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].ReturnData")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.stat", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Stat")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.unit", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Unit")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.metric.metric_name", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Metric.MetricName")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.metric.namespace", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Metric.Namespace")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.metric.dimensions[].name", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Metric.Dimensions[].Name")),
    Row("target_tracking_scaling_policy_configuration.customized_metric_specification.metrics[].metric_stat.metric.dimensions[].value", Member("TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics[].MetricStat.Metric.Dimensions[].Value")),
    Row("predictive_scaling_policy_configuration", Keep("how the policy scales")),
    Row("step_scaling_policy_configuration.adjustment_type", Member("StepScalingPolicyConfiguration.AdjustmentType")),
    Row("step_scaling_policy_configuration.cooldown", Member("StepScalingPolicyConfiguration.Cooldown")),
    Row("step_scaling_policy_configuration.metric_aggregation_type", Member("StepScalingPolicyConfiguration.MetricAggregationType")),
    Row("step_scaling_policy_configuration.min_adjustment_magnitude", Member("StepScalingPolicyConfiguration.MinAdjustmentMagnitude")),
    Row("step_scaling_policy_configuration.step_adjustment[].metric_interval_lower_bound", Member("StepScalingPolicyConfiguration.StepAdjustments[].MetricIntervalLowerBound")),
    Row("step_scaling_policy_configuration.step_adjustment[].metric_interval_upper_bound", Member("StepScalingPolicyConfiguration.StepAdjustments[].MetricIntervalUpperBound")),
    Row("step_scaling_policy_configuration.step_adjustment[].scaling_adjustment", Member("StepScalingPolicyConfiguration.StepAdjustments[].ScalingAdjustment")),
];

/// `PutScheduledAction`.
#[rustfmt::skip] // a table
pub(in super::super) const SCHEDULED_ACTION: &[Row] = &[
    Row("name", Member("ScheduledActionName")),
    Row("resource_id", Member("ResourceId")),
    Row("scalable_dimension", Member("ScalableDimension")),
    Row("service_namespace", Member("ServiceNamespace")),
    Row("schedule", Member("Schedule")),
    Row("timezone", Member("Timezone")),
    Row("start_time", Keep("when the action begins to be one: a deploy leaves it as it is")),
    Row("end_time", Keep("when the action ceases to be one: a deploy leaves it as it is")),
    Row("scalable_target_action.min_capacity", Member("ScalableTargetAction.MinCapacity")),
    Row("scalable_target_action.max_capacity", Member("ScalableTargetAction.MaxCapacity")),
];

/// `CreateRepository`.
pub(in super::super) const REPOSITORY: &[Row] = &[
    Row("name", Member("repositoryName")),
    Row("image_tag_mutability", Keep("what the registry does with a tag that is there")),
    Row("image_tag_mutability_exclusion_filter[]", Keep("what the registry does with a tag that is there")),
    Row("image_scanning_configuration", Keep("how the registry looks at images")),
    Row("encryption_configuration[]", Keep("how the registry keeps images")),
    Row("force_delete", Keep("how Terraform removes it")),
];

/// Policies of repositories.
pub(in super::super) const REPOSITORY_POLICY: &[Row] = &[
    Row("repository", Keep("who may use a repository, and which images go")),
    Row("policy", Keep("who may use a repository, and which images go")),
];

/// `CreateSecret`. No deploy makes a secret of another stage than `local`; keys are named where containers get them.
pub(in super::super) const SECRET: &[Row] = &[
    Row(
        "name",
        Keep("the secret itself: the manifest names it for its keys, and a deploy neither makes nor changes it"),
    ),
    Row("name_prefix", Prefix("Name")),
    Row("description", Keep("what the secret is for")),
    Row("kms_key_id", Keep("how the secret is sealed")),
    Row("policy", Keep("who may read the secret")),
    Row("replica[]", Keep("where else the secret is")),
    Row("recovery_window_in_days", Keep("how Terraform removes it")),
    Row("force_overwrite_replica_secret", Keep("where else the secret is")),
];

/// `PutSecretValue`: values are never read here.
pub(in super::super) const SECRET_VERSION: &[Row] = &[
    Row("secret_id", Keep("which secret the values are of")),
    Row("secret_string", Keep("values of secrets: the manifest has the names of the keys, and never a value")),
    Row("secret_string_wo", Keep("values of secrets: the manifest has the names of the keys, and never a value")),
    Row("secret_string_wo_version", Keep("when Terraform sets the values again")),
    Row("secret_binary", Keep("values of secrets: the manifest has the names of the keys, and never a value")),
    Row("version_stages", Keep("which version is the current one")),
];
