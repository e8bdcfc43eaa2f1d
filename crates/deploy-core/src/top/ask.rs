//! Which metrics tell what a stage uses?
//!
//! Names and dimensions are AWS's: CloudWatch user guide, "Amazon ECS Container Insights with enhanced observability
//! metrics"; ECS developer guide, "Amazon ECS service utilization metrics"; ALB guide, "CloudWatch metrics".
//! There, `ContainerCpuUtilization` describes tasks, not containers: a container's share is what it used of what it
//! reserves.

use super::{Insights, Measure, Of, Seen, SeenTask};

/// A metric that CloudWatch is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose.
    pub of: Of,
    /// What.
    pub measure: Measure,
    /// Namespace.
    pub namespace: &'static str,
    /// Name.
    pub metric: &'static str,
    /// Names and values.
    pub dimensions: Vec<(&'static str, String)>,
    /// One of CloudWatch's statistics.
    pub statistic: &'static str,
}

type Dimensions = Vec<(&'static str, String)>;

struct Asked {
    all: Vec<Question>,
}

const ECS: &str = "AWS/ECS";
const INSIGHTS: &str = "ECS/ContainerInsights";
const BALANCER: &str = "AWS/ApplicationELB";

/// Returns what CloudWatch is asked so that [`super::table()`] can tell. No question is asked that has no answer: each
/// metric costs something on AWS.
pub fn questions(seen: &Seen) -> Vec<Question> {
    let mut asked = Asked { all: Vec::new() };
    let cluster = ("ClusterName", seen.cluster.clone());
    for service in seen.services.iter().filter(|service| service.exists) {
        let of = Of::Service(service.name.clone());
        let own = vec![cluster.clone(), ("ServiceName", service.name.clone())];
        asked.average(&of, Measure::CpuShare, ECS, "CPUUtilization", &own);
        asked.average(&of, Measure::MemoryShare, ECS, "MemoryUtilization", &own);
        if seen.insights == Insights::Enabled {
            asked.average(&of, Measure::Memory, INSIGHTS, "MemoryUtilized", &own);
            asked.network(&of, &own);
        }
        for (at, group) in service.groups.iter().enumerate() {
            let of = Of::Group(service.name.clone(), at);
            let own = vec![("TargetGroup", group.group.clone()), ("LoadBalancer", group.balancer.clone())];
            asked.traffic(&of, &own);
        }
    }
    if seen.insights == Insights::Enhanced {
        for task in seen.tasks.iter().filter(|task| !task.is_ending) {
            asked.task(&cluster, task);
        }
    }
    asked.all
}

impl Asked {
    fn put(
        &mut self,
        of: &Of,
        measure: Measure,
        name: (&'static str, &'static str),
        dimensions: &Dimensions,
        statistic: &'static str,
    ) {
        let ((namespace, metric), of) = (name, of.clone());
        self.all.push(Question { of, measure, namespace, metric, dimensions: dimensions.clone(), statistic });
    }

    fn average(
        &mut self,
        of: &Of,
        measure: Measure,
        namespace: &'static str,
        metric: &'static str,
        dimensions: &Dimensions,
    ) {
        self.put(of, measure, (namespace, metric), dimensions, "Average");
    }

    fn network(&mut self, of: &Of, dimensions: &Dimensions) {
        self.average(of, Measure::Received, INSIGHTS, "NetworkRxBytes", dimensions);
        self.average(of, Measure::Sent, INSIGHTS, "NetworkTxBytes", dimensions);
    }

    fn traffic(&mut self, of: &Of, dimensions: &Dimensions) {
        // AWS reports hosts every minute as long as there are targets; requests only when there were any.
        self.put(of, Measure::Hosts, (BALANCER, "HealthyHostCount"), dimensions, "Maximum");
        self.put(of, Measure::Requests, (BALANCER, "RequestCount"), dimensions, "Sum");
        self.put(of, Measure::Errors, (BALANCER, "HTTPCode_Target_5XX_Count"), dimensions, "Sum");
        for (measure, statistic) in [(Measure::P50, "p50"), (Measure::P95, "p95"), (Measure::P99, "p99")] {
            self.put(of, measure, (BALANCER, "TargetResponseTime"), dimensions, statistic);
        }
    }

    fn task(&mut self, cluster: &(&'static str, String), task: &SeenTask) {
        let parent = match &task.service {
            Some(service) => ("ServiceName", service.clone()),
            None => ("TaskDefinitionFamily", task.family.clone()),
        };
        let own = vec![cluster.clone(), parent, ("TaskId", task.id.clone())];
        let of = Of::Task(task.id.clone());
        for (measure, metric) in [
            (Measure::Cpu, "CpuUtilized"),
            (Measure::CpuReserved, "CpuReserved"),
            (Measure::Memory, "MemoryUtilized"),
            (Measure::MemoryReserved, "MemoryReserved"),
        ] {
            self.average(&of, measure, INSIGHTS, metric, &own);
        }
        self.network(&of, &own);
        for container in &task.containers {
            let of = Of::Container(task.id.clone(), container.name.clone());
            let mut own = own.clone();
            own.push(("ContainerName", container.name.clone()));
            for (measure, metric) in [
                (Measure::Cpu, "ContainerCpuUtilized"),
                (Measure::CpuReserved, "ContainerCpuReserved"),
                (Measure::Memory, "ContainerMemoryUtilized"),
                (Measure::MemoryReserved, "ContainerMemoryReserved"),
            ] {
                self.average(&of, measure, INSIGHTS, metric, &own);
            }
            self.put(&of, Measure::Restarts, (INSIGHTS, "RestartCount"), &own, "Maximum");
        }
    }
}
