//! What scales services: carried to words where there are such, told where there are none, and a deploy changes nothing.

use super::*;

const FOLDER: &str = r#"
resource "aws_ecs_cluster" "main" {
  name = "shop"
}
resource "aws_ecs_task_definition" "worker" {
  family                   = "shop-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  container_definitions    = jsonencode([{ name = "worker", image = "busybox:1.36", essential = true }])
}
resource "aws_ecs_service" "worker" {
  name            = "shop-worker"
  cluster         = aws_ecs_cluster.main.name
  task_definition = aws_ecs_task_definition.worker.arn
  launch_type     = "FARGATE"
  desired_count   = 2
  network_configuration {
    subnets = ["subnet-1"]
  }
}
resource "aws_appautoscaling_target" "worker" {
  max_capacity       = 6
  min_capacity       = 2
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.worker.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  service_namespace  = "ecs"
}
resource "aws_appautoscaling_policy" "cpu" {
  name               = "worker-cpu"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.worker.resource_id
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  target_tracking_scaling_policy_configuration {
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
    target_value       = 62.5
    scale_in_cooldown  = 120
    scale_out_cooldown = 60
  }
}
resource "aws_appautoscaling_policy" "backlog" {
  name               = "worker-backlog"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.worker.resource_id
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  target_tracking_scaling_policy_configuration {
    target_value     = 10
    disable_scale_in = true
    customized_metric_specification {
      metrics {
        id          = "each"
        label       = "left for each"
        expression  = "backlog / tasks"
        return_data = true
      }
      metrics {
        id          = "backlog"
        return_data = false
        metric_stat {
          stat = "Sum"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"
            dimensions {
              name  = "QueueName"
              value = "jobs"
            }
          }
        }
      }
      metrics {
        id          = "tasks"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"
            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.main.name
            }
            dimensions {
              name  = "ServiceName"
              value = "shop-worker"
            }
          }
        }
      }
    }
  }
}
resource "aws_appautoscaling_policy" "steps" {
  name               = "worker-steps"
  policy_type        = "StepScaling"
  resource_id        = aws_appautoscaling_target.worker.resource_id
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  step_scaling_policy_configuration {
    adjustment_type = "ChangeInCapacity"
    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}
resource "aws_appautoscaling_scheduled_action" "night" {
  name               = "night"
  resource_id        = aws_appautoscaling_target.worker.resource_id
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  schedule           = "cron(0 20 * * ? *)"
  timezone           = "Europe/Vienna"
  start_time         = "2026-01-01T00:00:00Z"
  scalable_target_action {
    min_capacity = 0
    max_capacity = 0
  }
}
"#;

#[test]
fn what_scales_a_service_is_carried_and_what_has_no_word_is_told() {
    let read = accounted(&Folder::from([("main.tf".to_owned(), FOLDER.to_owned())]), &[]);
    let (target, cpu, backlog, steps, night) = (
        "aws_appautoscaling_target.worker",
        "aws_appautoscaling_policy.cpu",
        "aws_appautoscaling_policy.backlog",
        "aws_appautoscaling_policy.steps",
        "aws_appautoscaling_scheduled_action.night",
    );
    let tracking = |rest: &str| format!("target_tracking_scaling_policy_configuration.{rest}");
    let word = |word: &str| format!("Carried(\"services.worker.scaling{word}\")");
    read.check(target, "min_capacity", &word(".min"));
    read.check(target, "max_capacity", &word(".max"));
    read.check(cpu, &tracking("target_value"), &word(".cpu"));
    read.check(cpu, &tracking("scale_in_cooldown"), &word(".cpu"));
    read.check(backlog, &tracking("target_value"), &word(".metric"));
    read.check(backlog, &tracking("customized_metric_specification.metrics.1.metric_stat.stat"), &word(".metric"));
    read.check(night, "schedule", &word(".scheduled.night"));
    read.check(night, "scalable_target_action.min_capacity", &word(".scheduled.night"));
    read.check(night, "start_time", "Owner(\"Terraform");
    read.check(steps, "step_scaling_policy_configuration.adjustment_type", "Owner(\"Terraform");
    let told = |what: &str, why: &str| read.left.iter().any(|left| left.contains(what) && left.contains(why));
    assert!(told("scaling policy worker-steps of shop-worker", "it does not hold a value"), "{:#?}", read.left);
    assert_eq!(read.changed(), Vec::<String>::new(), "{}", read.text);
    assert!(read.proofs.iter().all(|proof| proof.equal), "{:#?}", read.proofs);
    for words in [
        "min = 2",
        "max = 6",
        "62.5",
        "scale-in = false",
        "tracked = true",
        "expression = \"backlog / tasks\"",
        "timezone = \"Europe/Vienna\"",
        "name = \"night\"",
    ] {
        assert!(read.text.contains(words), "no `{words}` in\n{}", read.text);
    }
    assert!(!read.text.contains("\ncount ="), "{}", read.text);
}

#[test]
fn bounds_that_cannot_be_told_leave_a_service_to_its_autoscaler() {
    let unknown = FOLDER.replace("max_capacity       = 6", "max_capacity       = data.external.bounds.result.max");
    let read = accounted(&Folder::from([("main.tf".to_owned(), unknown)]), &[]);
    assert!(!read.text.contains("scaling"), "{}", read.text);
    assert!(read.left.iter().any(|left| left.contains("its bounds cannot be told")), "{:#?}", read.left);
    assert!(!read.text.contains("\ncount ="), "{}", read.text);
}
