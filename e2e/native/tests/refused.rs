//! What this machine cannot give is said, and leaves nothing behind.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;

use e2e_native::platform::{Platform, free_port, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_port_is_taken_says_so_until_it_is_free() {
    let platform = Platform::start(31).await;
    let port = free_port();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free a moment ago");
    let made = platform.call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1"]})).await;
    let listener = json!({
        "LoadBalancerArn": aws::items(&made, "LoadBalancers")[0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    let state = || async {
        let answer = platform.call(&aws::ELB, "DescribeLoadBalancers", json!({"Names": ["lb"]})).await;
        aws::items(&answer, "LoadBalancers")[0]["State"].clone()
    };
    let said = until("the load balancer is impaired", &platform, || async {
        let state = state().await;
        (state["Code"] == "active_impaired").then_some(state)
    })
    .await;
    assert!(said["Reason"].as_str().unwrap_or_default().contains(&port.to_string()), "{said:#}");
    drop(holder);
    until("it listens", &platform, || async { (state().await["Code"] == "active").then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_look_into_the_data_directory() {
    let mut platform = Platform::start(32).await;
    let mode = std::fs::metadata(platform.data()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "images hold programs that run as root, and files that only root may read");
    platform.stop();
}
