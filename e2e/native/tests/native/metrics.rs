//! What real containers use and what a real balancer serves is in CloudWatch, soon and no more than once.

use aws::{Protocol, Service};
use e2e_native::app::App;
use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, get, until};
use serde_json::{Value, json};

const CLOUDWATCH: Service = Service {
    signing_name: "monitoring",
    endpoint_prefix: "monitoring",
    variable: "CLOUDWATCH",
    protocol: Protocol::Query { version: "2010-08-01" },
};

/// Returns a statistic of each period of the last ten minutes that has one.
async fn statistics(
    platform: &Platform,
    metric: (&str, &str),
    of: &[(&str, &str)],
    period: i64,
    wanted: &str,
) -> Vec<f64> {
    let dimensions: Vec<Value> = of.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970").as_secs();
    let input = json!({"Namespace": metric.0, "MetricName": metric.1, "Dimensions": dimensions, "Period": period,
        "StartTime": rfc3339(now - 600), "EndTime": rfc3339(now + 60), "Statistics": [wanted]});
    let answer = platform.call(&CLOUDWATCH, "GetMetricStatistics", input).await;
    let number = |point: &Value| point[wanted].as_f64().or_else(|| point[wanted].as_str()?.parse().ok());
    aws::items(&answer, "Datapoints").iter().filter_map(number).collect()
}

fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date: Howard Hinnant's `civil_from_days`, for years after 1970.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let day = doy - (153 * mp + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_container_shows_its_cpu_within_45_seconds_and_an_idle_one_does_not() {
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    let settings = json!([{"name": "containerInsights", "value": "enhanced"}]);
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c", "settings": settings})).await;
    for (name, script) in [("busy", "while :; do :; done"), ("idle", "exec sleep 6000")] {
        let container = json!({"name": "main", "image": image, "command": ["sh", "-c", script]});
        let definition = json!({"family": name, "cpu": "256", "memory": "512", "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [container]});
        platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
        let finely = json!({"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20});
        let service = json!({"cluster": "c", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "monitoring": {"metricConfigurations": [finely]}});
        platform.call(&aws::ECS, "CreateService", service).await;
    }
    let of = |service: &'static str| [("ClusterName", "c"), ("ServiceName", service)];
    let cpu = |service| statistics_of(&platform, "CPUUtilization", of(service), "Average");
    let running = || async {
        let tasks = platform.call(&aws::ECS, "ListTasks", json!({"cluster": "c"})).await;
        let arns: Vec<Value> = aws::items(&tasks, "taskArns").to_vec();
        let seen = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": arns})).await;
        (aws::items(&seen, "tasks").iter().filter(|task| task["lastStatus"] == "RUNNING").count() == 2).then_some(())
    };
    until("both run", &platform, running).await;
    let began = std::time::Instant::now();
    // How much the machine lets it have is another matter: it has a quarter of a processor, if it gets it.
    let busy =
        until("its CPU is told", &platform, || async { cpu("busy").await.into_iter().find(|cpu| *cpu > 25.0) }).await;
    let took = began.elapsed();
    assert!(busy < 115.0, "{busy} % of a quarter of a processor");
    assert!(took.as_secs() < 45, "{took:?}");
    let idle = until("the idle one's CPU is told", &platform, || async { cpu("idle").await.pop() }).await;
    assert!(idle < 10.0, "{idle} %");
    let memory = statistics_of(&platform, "MemoryUtilization", of("busy"), "Maximum").await;
    assert!(memory.iter().all(|share| *share > 0.0 && *share < 20.0) && !memory.is_empty(), "{memory:?}");
    eprintln!(
        "the busy one's CPU was told after {took:?}: {busy:.1} %; the idle one's is {idle:.2} %, memory {memory:?}"
    );
    // Counts need no second reading: they are there at the end of the minute.
    let count = || async {
        let all =
            statistics(&platform, ("ECS/ContainerInsights", "RunningTaskCount"), &of("busy"), 60, "Average").await;
        all.into_iter().find(|count| *count == 1.0)
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while count().await.is_none() {
        assert!(std::time::Instant::now() < deadline, "no RunningTaskCount: {}", platform.log());
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

async fn statistics_of(platform: &Platform, name: &str, of: [(&str, &str); 2], wanted: &str) -> Vec<f64> {
    statistics(platform, ("AWS/ECS", name), &of, 20, wanted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_the_balancer_is_counted_once_whether_or_not_a_platform_is_there() {
    let mut platform = Platform::start().await;
    let port = free_port();
    let made = platform
        .call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]}))
        .await;
    let arn = aws::items(&made, "LoadBalancers")[0]["LoadBalancerArn"].as_str().expect("it has one").to_owned();
    let name = arn.split_once("loadbalancer/").expect("an ARN of a load balancer").1.to_owned();
    let answer = json!({"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "here"});
    let listener = json!({"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": answer}]});
    platform.call(&aws::ELB, "CreateListener", listener).await;
    let page = format!("http://127.0.0.1:{port}/");
    until("the balancer answers", &platform, || get(&page)).await; // the first answer
    let metric = ("AWS/ApplicationELB", "HTTP_Fixed_Response_Count");
    let of = [("LoadBalancer", name.as_str())];
    let told = async |platform: &Platform| statistics(platform, metric, &of, 60, "Sum").await.into_iter().sum::<f64>();
    until("the first is told", &platform, || async { (told(&platform).await == 1.0).then_some(()) }).await;

    platform.kill();
    for _ in 0..5 {
        assert_eq!(get(&page).await.as_deref(), Some("here"), "without a platform");
    }
    platform.launch().await;
    until("all are told", &platform, || async { (told(&platform).await >= 6.0).then_some(()) }).await;
    platform.kill();
    platform.launch().await;
    assert_eq!(get(&page).await.as_deref(), Some("here"));
    until("the last is told", &platform, || async { (told(&platform).await >= 7.0).then_some(()) }).await;
    assert_eq!(told(&platform).await, 7.0, "nothing twice");
}

/// A service whose containers differ, behind the balancer; and its tasks' numbers as a person sees them.
const STAGE: &str = r#"app = "demo"

[services.web.ingress]
container = "page"
port = 80
listener = LISTENER

[services.web.containers.page]
image = "IMAGE"
command = ["httpd", "-f", "-p", "80", "-h", "/www"]
ports = [80]

[services.web.containers.busy]
image = "IMAGE"
command = ["sh", "-c", "while :; do :; done"]

[services.web.containers.idle]
image = "IMAGE"
command = ["sleep", "6000"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_a_busy_container_above_an_idle_one_and_requests_as_they_come() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    let app = App { platform, port: free_port() };
    let manifest = STAGE.replace("IMAGE", &image).replace("LISTENER", &app.port.to_string());
    std::fs::write(app.platform.dir.path().join("managr.toml"), manifest).expect("the test's directory is writable");
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    let page = format!("http://{}/", app.address());
    // Two whole minutes, each of them told at its end: CPU needs readings at both.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(240);
    loop {
        for _ in 0..5 {
            get(&page).await;
        }
        let run = app.managr(&["top", "local", "--once", "--json"]);
        assert_eq!(run.code, Some(0), "{run:#?}");
        let top: Value = serde_json::from_str(&run.out).expect("it is JSON");
        let web = &top["services"][0];
        let cpu = |name: &str| {
            let containers = web["parts"][0]["parts"].as_array().cloned().unwrap_or_default();
            containers.iter().find(|container| container["name"] == name)?["cpuUnits"].as_f64()
        };
        let number = |of: &Value, name: &str| of[name].as_f64().unwrap_or(-1.0);
        let task = &web["parts"][0];
        let traffic = ["requests", "p50", "p95", "p99"].iter().all(|name| number(web, name) > 0.0);
        let network = number(task, "received") > 0.0 && number(task, "sent") > 0.0;
        if let (Some(busy), Some(idle), true, true) = (cpu("busy"), cpu("idle"), traffic, network) {
            assert!(busy > 10.0 && busy > 5.0 * idle, "busy {busy}, idle {idle}: {}", run.out);
            assert!(number(web, "cpuPercent") > 1.0 && number(web, "memoryMib") > 0.0, "{}", run.out);
            assert!(number(web, "p50") <= number(web, "p99"), "{}", run.out);
            assert_eq!(top["notes"], json!([]), "nothing is missing");
            eprintln!("{}", app.managr(&["top"]).out);
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not told: {}\n{}", run.out, app.platform.log());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let status = app.managr(&["status"]);
    assert!(status.out.contains("cpu ") && status.out.contains(" requests/s"), "{status:#?}");
}
