//! A service that scales: deployed twice, measured, scaled by the platform's own alarms, shown, refused, taken down.

use aws::{AUTOSCALING, CLOUDWATCH, ECS};
use serde_json::{Value, json};

use crate::deploy::well;
use crate::sandbox::{MANIFEST, Sandbox};
use crate::schedules::page;
use crate::verify::call;

const SCALING: &str = r#"
[services.worker.containers.worker]
image = "busybox:1.36"

[services.worker.scaling]
min = 1
max = 4
cooldown = { out = "1m", in = "1m" }

[services.worker.scaling.metric]
namespace = "Demo"
name = "Queue"
dimensions = { Stage = "{stage}" }
target = 10

[services.worker.scaling.scheduled.night]
schedule = "cron(0 20 * * ? *)"
until = "cron(0 6 * * ? *)"
min = 0
max = 0

[services.app.scaling]
min = 1
max = 2
requests = 500
cpu = 60
"#;

fn counts(sandbox: &Sandbox) -> i64 {
    let asked = json!({ "cluster": "demo-cluster", "services": ["demo-worker-local"] });
    call(sandbox, &[(&ECS, "DescribeServices", asked)])[0]["services"][0]["desiredCount"].as_i64().unwrap()
}

fn measure(sandbox: &Sandbox, length: u32) {
    let datum = json!({
        "MetricName": "Queue", "Dimensions": [{ "Name": "Stage", "Value": "local" }], "Value": length, "Unit": "Count",
    });
    call(sandbox, &[(&CLOUDWATCH, "PutMetricData", json!({ "Namespace": "Demo", "MetricData": [datum] }))]);
}

#[test]
fn a_service_scales_by_its_queue_and_a_deploy_lets_it() {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{SCALING}"));
    let _platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}", up.transcript());
    for words in [
        "+ scaling demo-worker-local",
        "+ scaling policy managr-metric of demo-worker-local",
        "+ scheduled scaling managr-night of demo-worker-local",
        "+ scaling policy managr-requests of demo-app-local",
    ] {
        assert!(up.err.contains(words), "no `{words}` in {}", up.err);
    }
    let again = sandbox.run(&["plan", "local", "--detailed-exitcode"]);
    assert_eq!(again.code, Some(0), "{}", again.transcript());

    // Thirty wait where ten are to: three tasks, in three minutes of the platform's clock.
    for _ in 0..5 {
        measure(&sandbox, 30);
        page(&sandbox, "POST", "clock", r#"{"advance": "1m"}"#);
    }
    assert!(counts(&sandbox) > 1, "{}", sandbox.run(&["status"]).out);
    let status = well(&sandbox, &["status"]);
    let line =
        status.out.lines().find(|line| line.contains("of 1..4 tasks")).unwrap_or_else(|| panic!("{}", status.out));
    assert!(line.contains("Queue 30 of 10"), "{line}");
    let told: Value = serde_json::from_str(&well(&sandbox, &["status", "--json"]).out).unwrap();
    let worker = told["services"].as_array().unwrap().iter().find(|one| one["service"] == "worker").unwrap();
    assert_eq!((&worker["scaling"]["max"], &worker["scaling"]["measures"][0]["target"]), (&json!(4), &json!(10.0)));

    // A deploy does not take it back, and says nothing of it.
    let before = counts(&sandbox);
    let again = sandbox.run(&["plan", "local", "--detailed-exitcode"]);
    assert_eq!(again.code, Some(0), "{}", again.transcript());
    well(&sandbox, &["deploy", "local", "--yes", "--force"]);
    assert_eq!(counts(&sandbox), before);

    let timeline = well(&sandbox, &["logs", "local", "--timeline"]);
    assert!(timeline.out.contains("scaling") && timeline.out.contains("Setting desired count to"), "{}", timeline.out);
    let history = well(&sandbox, &["history", "local"]);
    assert!(history.out.contains("scaling worker: Setting desired count to"), "{}", history.out);

    let scale = sandbox.run(&["scale", "local", "worker", "5", "--no-wait"]);
    assert_eq!(scale.code, Some(5), "{}", scale.transcript());
    assert!(scale.err.contains("is scaled between 1 and 4 tasks") && scale.err.contains("`scaling`"), "{}", scale.err);
    let scale = well(&sandbox, &["scale", "local", "worker", "2", "--no-wait"]);
    assert!(scale.err.contains("moves the number again"), "{}", scale.err);

    // What others add is reported and stays; what differs is reported.
    let resource = json!({
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": "service/demo-cluster/demo-worker-local",
    });
    let with = |rest: Value| {
        let mut all = resource.clone();
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    let steps = json!({
        "PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{ "MetricIntervalLowerBound": 0, "ScalingAdjustment": 1 }],
        },
    });
    call(
        &sandbox,
        &[
            (&AUTOSCALING, "PutScalingPolicy", with(steps)),
            (&AUTOSCALING, "RegisterScalableTarget", with(json!({ "MaxCapacity": 3 }))),
        ],
    );
    let verify = sandbox.run(&["verify", "local"]);
    assert!(verify.out.contains("scaling policy steps is not in the manifest"), "{}", verify.transcript());
    assert!(verify.out.contains("max is 3, and the manifest says 4"), "{}", verify.transcript());

    // Without the words what managr made goes, and the rest stays.
    sandbox
        .write("managr.toml", &format!("{MANIFEST}\n[services.worker.containers.worker]\nimage = \"busybox:1.36\"\n"));
    let plan = sandbox.run(&["plan", "local"]);
    assert!(plan.out.contains("- scaling policy managr-metric of demo-worker-local"), "{}", plan.transcript());
    assert!(plan.out.contains("- scaling demo-app-local"), "{}", plan.transcript());
    assert!(!plan.out.contains("- scaling policy steps"), "{}", plan.transcript());
    well(&sandbox, &["deploy", "local", "--yes"]);
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(0));

    sandbox.write("managr.toml", &format!("{MANIFEST}{SCALING}"));
    well(&sandbox, &["deploy", "local", "--yes"]);
    let down = well(&sandbox, &["down"]);
    assert!(down.err.contains("- scaling demo-worker-local"), "{}", down.err);
    let left = call(&sandbox, &[(&AUTOSCALING, "DescribeScalableTargets", json!({ "ServiceNamespace": "ecs" }))]);
    assert_eq!(left[0]["ScalableTargets"], json!([]));
}
