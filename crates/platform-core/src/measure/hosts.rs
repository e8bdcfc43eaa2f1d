//! `AWS/ApplicationELB`: how many targets of a group are well? (ALB guide, "CloudWatch metrics", HealthyHostCount.)

use super::{Measured, region_of, traffic};
use crate::World;
use crate::elb::load_balancers_of;
use crate::world::{TargetGroup, TargetState};

/// Returns how many targets are well and how many are not, of each group that a load balancer uses and that has any.
/// `at` is the beginning of the minute that is reported.
pub fn hosts(world: &World, at: i64) -> Vec<Measured> {
    world.target_groups.values().flat_map(|group| of_group(world, group, at)).collect()
}

fn of_group(world: &World, group: &TargetGroup, at: i64) -> Vec<Measured> {
    let (mut healthy, mut unhealthy, mut any) = (0.0, 0.0, false);
    for target in world.group_targets(&group.arn) {
        match target.state {
            TargetState::Healthy => healthy += 1.0,
            TargetState::Unhealthy => unhealthy += 1.0,
            _ => {}
        }
        any = true;
    }
    let mut all = Vec::new();
    // "Reporting criteria: There are registered targets" and "health checks are enabled".
    if !any || !group.health_check.enabled {
        return all;
    }
    for balancer in load_balancers_of(world, &group.arn) {
        for (name, value) in [("HealthyHostCount", healthy), ("UnHealthyHostCount", unhealthy)] {
            all.push(Measured {
                region: region_of(&group.arn),
                namespace: traffic::NAMESPACE,
                name,
                dimensions: vec![
                    ("TargetGroup", traffic::group_dimension(&group.arn).to_owned()),
                    ("LoadBalancer", traffic::balancer_dimension(balancer).to_owned()),
                ],
                unit: "Count",
                at,
                is_fine: false,
                values: vec![(value, 1.0)],
                sum: None,
            });
        }
    }
    all
}
