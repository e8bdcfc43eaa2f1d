//! What do alarms and the world say to each other?
//!
//! Policies are the world's (`platform_core::scaling`), alarms are CloudWatch's (`metrics`). A policy says which alarms it
//! wants; [`Scaling`] makes them, changes them and takes them away, and when one is raised, it asks the world what follows.
//! Nothing is kept here: what there should be is read from the world, what there is from CloudWatch, at the start and after
//! every change of a policy. The world hears what happens to any alarm, for deployments and EventBridge
//! ([`Scaling::keep_telling`]).

mod act;
mod settle;
mod tell;
mod wish;

use aws_model::{Answer, Answering, AwsError, Call, Door};
use metrics::Metrics;
use orchestrator::{Handle, WorldDoor};
use platform_core::scaling::OPERATIONS;

/// Operations after which alarms may have to come or go.
const SETTLED: [&str; 3] = ["DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy"];

/// Application Auto Scaling's door; cheap to clone.
#[derive(Clone)]
pub struct Scaling {
    handle: Handle,
    metrics: Metrics,
}

impl Scaling {
    /// Makes the door, and takes over what alarms do.
    pub fn new(handle: Handle, metrics: Metrics) -> Self {
        let scaling = Self { handle, metrics };
        scaling.metrics.follow();
        let acting = scaling.clone();
        scaling.metrics.act_by(std::sync::Arc::new(move |fired| acting.act(fired)));
        scaling
    }

    async fn answer(&self, call: Call) -> Result<Answer, AwsError> {
        let (region, settles) = (call.region.clone(), SETTLED.contains(&call.operation.name()));
        let answer = WorldDoor::new(self.handle.clone(), OPERATIONS).call(call).await?;
        if settles {
            self.settle(&region).await?;
        }
        Ok(answer)
    }
}

impl Door for Scaling {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.iter().map(|row| row.name).collect()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}
