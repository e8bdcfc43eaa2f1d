//! The load balancer's process through everything that can happen to it and to its platform.

use e2e_native::platform::{Platform, free_port, get, until};
use e2e_native::traces;
use nix::sys::signal::{Signal, kill};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_kills_and_stops_is_replaced_when_killed_and_ends_with_a_reset_or_purge() {
    testhost::needs_root!();
    let mut platform = Platform::start().await;
    let page = listen(&platform).await;
    let process = platform.balancer();

    platform.kill();
    assert_eq!(get(&page).await.as_deref(), Some("here"), "without a platform");
    platform.launch().await;
    assert_eq!(get(&page).await.as_deref(), Some("here"));
    assert_eq!(platform.balancer(), process, "found again, not replaced");

    kill(process, Signal::SIGKILL).expect("it runs");
    until("another balancer answers", &platform, || get(&page)).await;
    assert_ne!(platform.balancer(), process);

    platform.stop();
    assert_eq!(get(&page).await.as_deref(), Some("here"), "after a stop in order");
    platform.launch().await;

    let reset = format!("{}/_managr/reset", platform.endpoint());
    let answer = reqwest::Client::new().post(reset).send().await.expect("the platform answers");
    assert!(answer.status().is_success());
    until("nothing is left to balance", &platform, || async { balancers(&platform).is_empty().then_some(()) }).await;
    assert_eq!(get(&page).await, None);

    let page = listen(&platform).await;
    platform.stop();
    assert_eq!(balancers(&platform).len(), 1);
    platform.purge();
    assert_eq!(get(&page).await, None);
    let left = traces::of(&platform.bridge(), &platform.data().display().to_string());
    assert!(left.is_empty(), "left behind: {left:#?}");
}

/// Makes a listener that answers by itself, and returns its page once it does.
async fn listen(platform: &Platform) -> String {
    let port = free_port();
    let balancer = platform
        .call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]}))
        .await;
    let answer = json!({"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "here"});
    let listener = json!({
        "LoadBalancerArn": aws::items(&balancer, "LoadBalancers")[0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": answer}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    let page = format!("http://127.0.0.1:{port}/");
    until("the balancer answers", platform, || get(&page)).await;
    page
}

fn balancers(platform: &Platform) -> Vec<String> {
    let traces = traces::of(&platform.bridge(), &platform.data().display().to_string());
    traces.into_iter().filter(|t| t.starts_with("process") && t.contains(" balance ")).collect()
}
