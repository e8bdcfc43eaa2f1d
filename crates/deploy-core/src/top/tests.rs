//! What is asked and what is shown, for a stage of two services; and that nothing is shown that CloudWatch did not say.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Millis = 1_800_000_030_000; // half a minute into a minute
const MINUTE_BEFORE: Millis = NOW - 30_000 - MINUTE;

fn container(name: &str) -> SeenContainer {
    SeenContainer { name: name.to_owned(), state: "running".to_owned() }
}

fn task(id: &str, owner: &str, service: Option<&str>, containers: &[&str]) -> SeenTask {
    SeenTask {
        id: id.to_owned(),
        owner: owner.to_owned(),
        service: service.map(str::to_owned),
        family: format!("shop-{owner}-task"),
        state: "running".to_owned(),
        started: Some(NOW - 10 * MINUTE),
        is_ending: false,
        has_failed: false,
        containers: containers.iter().map(|name| container(name)).collect(),
    }
}

fn service(name: &str, running: i64, groups: Vec<Group>) -> SeenService {
    let own = format!("shop-{name}");
    SeenService { service: name.to_owned(), name: own, exists: true, desired: 2, running, groups }
}

fn group(name: &str) -> Group {
    Group { group: format!("targetgroup/{name}/1"), balancer: "app/shop/2".to_owned() }
}

fn stage(insights: Insights) -> Seen {
    Seen {
        app: "shop".to_owned(),
        stage: "prod".to_owned(),
        cluster: "c".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: None,
        insights,
        services: vec![service("web", 2, vec![group("web")]), service("worker", 1, Vec::new())],
        tasks: vec![
            task("aaaa", "web", Some("shop-web"), &["nginx", "app"]),
            task("bbbb", "web", Some("shop-web"), &["nginx", "app"]),
            task("cccc", "worker", Some("shop-worker"), &["worker"]),
            SeenTask { is_ending: true, has_failed: true, ..task("dddd", "worker", Some("shop-worker"), &["worker"]) },
            task("eeee", "nightly", None, &["job"]),
        ],
    }
}

/// Answers every question with a number of its own, a minute old.
fn answered(questions: &[Question]) -> Answers {
    let value = |question: &Question| match question.measure {
        Measure::CpuReserved => 512.0,
        Measure::MemoryReserved => 1024.0,
        Measure::P50 => 0.010,
        Measure::P95 => 0.120,
        Measure::P99 => 1.5,
        Measure::Restarts => 1.0,
        Measure::Requests => 600.0,
        Measure::Errors => 6.0,
        Measure::CpuShare => 33.0,
        Measure::MemoryShare => 20.0,
        _ => 128.0,
    };
    let one = |question: &Question| {
        ((question.of.clone(), question.measure), vec![(MINUTE_BEFORE, value(question)), (MINUTE_BEFORE - MINUTE, 0.5)])
    };
    questions.iter().map(one).collect()
}

/// Tells a table a line each.
fn lines(top: &Top) -> String {
    let mut out = String::new();
    top.services.iter().for_each(|row| tell(&mut out, row, 0));
    out + &top.notes.iter().map(|note| format!("! {note}\n")).collect::<String>()
}

fn tell(out: &mut String, row: &Row, depth: usize) {
    let u = &row.usage;
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let numbers = [u.cpu_percent, u.memory_percent, u.memory_mib, u.received, u.sent].map(number).join(" ");
    let traffic = [u.requests, u.errors, u.p50, u.p95, u.p99].map(number).join(" ");
    let restarts = u.all_restarts().map_or("-".to_owned(), |count| count.to_string());
    let indent = "  ".repeat(depth);
    out.push_str(&format!("{indent}{} [{}] {numbers} | {restarts} | {traffic}\n", row.name, row.state));
    row.parts.iter().for_each(|part| tell(out, part, depth + 1));
}

fn check(seen: &Seen) -> String {
    lines(&table(seen, &answered(&questions(seen)), NOW))
}

#[test]
fn everything_is_told_where_container_insights_is_enhanced() {
    insta::assert_snapshot!(check(&stage(Insights::Enhanced)), @r"
    web [2 of 2 running] 33.000 20.000 256.000 256.000 256.000 | 4 | 10.000 0.100 0.010 0.120 1.500
      aaaa [running] 25.000 12.500 128.000 128.000 128.000 | 2 | - - - - -
        nginx [running] 25.000 12.500 128.000 - - | 1 | - - - - -
        app [running] 25.000 12.500 128.000 - - | 1 | - - - - -
      bbbb [running] 25.000 12.500 128.000 128.000 128.000 | 2 | - - - - -
        nginx [running] 25.000 12.500 128.000 - - | 1 | - - - - -
        app [running] 25.000 12.500 128.000 - - | 1 | - - - - -
    worker [1 of 2 running] 33.000 20.000 128.000 128.000 128.000 | 2 | - - - - -
      cccc [running] 25.000 12.500 128.000 128.000 128.000 | 1 | - - - - -
        worker [running] 25.000 12.500 128.000 - - | 1 | - - - - -
    nightly [1 once] 25.000 12.500 128.000 128.000 128.000 | 1 | - - - - -
      eeee [running] 25.000 12.500 128.000 128.000 128.000 | 1 | - - - - -
        job [running] 25.000 12.500 128.000 - - | 1 | - - - - -
    ");
}

#[test]
fn services_are_told_everywhere_and_what_is_missing_is_said() {
    insta::assert_snapshot!(check(&stage(Insights::Disabled)), @r"
    web [2 of 2 running] 33.000 20.000 - - - | 0 | 10.000 0.100 0.010 0.120 1.500
      aaaa [running] - - - - - | - | - - - - -
        nginx [running] - - - - - | - | - - - - -
        app [running] - - - - - | - | - - - - -
      bbbb [running] - - - - - | - | - - - - -
        nginx [running] - - - - - | - | - - - - -
        app [running] - - - - - | - | - - - - -
    worker [1 of 2 running] 33.000 20.000 - - - | 1 | - - - - -
      cccc [running] - - - - - | - | - - - - -
        worker [running] - - - - - | - | - - - - -
    nightly [1 once] - - - - - | - | - - - - -
      eeee [running] - - - - - | - | - - - - -
        job [running] - - - - - | - | - - - - -
    ! Container Insights is off for cluster c: nothing is told of its tasks, containers and network; switch it on (AWS charges for it): aws ecs update-cluster-settings --cluster c --region eu-west-1 --settings name=containerInsights,value=enhanced
    ");
    let seen = Seen { endpoint: Some("http://127.0.0.1:4566".to_owned()), ..stage(Insights::Enabled) };
    insta::assert_snapshot!(check(&seen), @r"
    web [2 of 2 running] 33.000 20.000 256.000 256.000 256.000 | 0 | 10.000 0.100 0.010 0.120 1.500
      aaaa [running] - - - - - | - | - - - - -
        nginx [running] - - - - - | - | - - - - -
        app [running] - - - - - | - | - - - - -
      bbbb [running] - - - - - | - | - - - - -
        nginx [running] - - - - - | - | - - - - -
        app [running] - - - - - | - | - - - - -
    worker [1 of 2 running] 33.000 20.000 128.000 128.000 128.000 | 1 | - - - - -
      cccc [running] - - - - - | - | - - - - -
        worker [running] - - - - - | - | - - - - -
    nightly [1 once] - - - - - | - | - - - - -
      eeee [running] - - - - - | - | - - - - -
        job [running] - - - - - | - | - - - - -
    ! Container Insights tells of services alone in cluster c; its enhanced form tells of tasks and containers: aws ecs update-cluster-settings --cluster c --region eu-west-1 --endpoint-url http://127.0.0.1:4566 --settings name=containerInsights,value=enhanced
    ");
}

/// A question in one line.
fn asked(insights: Insights, of: impl Fn(&Of) -> bool) -> Vec<String> {
    let all = questions(&stage(insights));
    let line = |q: &Question| {
        let dimensions: Vec<String> = q.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {} {} of {}", q.statistic, q.namespace, q.metric, dimensions.join(","))
    };
    all.iter().filter(|question| of(&question.of)).map(line).collect()
}

#[test]
fn aws_names_are_asked_for() {
    insta::assert_snapshot!(asked(Insights::Disabled, |_| true).join("\n"), @r"
    Average AWS/ECS CPUUtilization of ClusterName=c,ServiceName=shop-web
    Average AWS/ECS MemoryUtilization of ClusterName=c,ServiceName=shop-web
    Maximum AWS/ApplicationELB HealthyHostCount of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    Sum AWS/ApplicationELB RequestCount of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    Sum AWS/ApplicationELB HTTPCode_Target_5XX_Count of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    p50 AWS/ApplicationELB TargetResponseTime of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    p95 AWS/ApplicationELB TargetResponseTime of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    p99 AWS/ApplicationELB TargetResponseTime of TargetGroup=targetgroup/web/1,LoadBalancer=app/shop/2
    Average AWS/ECS CPUUtilization of ClusterName=c,ServiceName=shop-worker
    Average AWS/ECS MemoryUtilization of ClusterName=c,ServiceName=shop-worker
    ");
    let enhanced = asked(Insights::Enhanced, |of| {
        matches!(of, Of::Task(id) if id == "aaaa" || id == "eeee")
            || *of == Of::Container("aaaa".to_owned(), "app".to_owned())
    });
    insta::assert_snapshot!(enhanced.join("\n"), @r"
    Average ECS/ContainerInsights CpuUtilized of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights CpuReserved of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights MemoryUtilized of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights MemoryReserved of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights NetworkRxBytes of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights NetworkTxBytes of ClusterName=c,ServiceName=shop-web,TaskId=aaaa
    Average ECS/ContainerInsights ContainerCpuUtilized of ClusterName=c,ServiceName=shop-web,TaskId=aaaa,ContainerName=app
    Average ECS/ContainerInsights ContainerCpuReserved of ClusterName=c,ServiceName=shop-web,TaskId=aaaa,ContainerName=app
    Average ECS/ContainerInsights ContainerMemoryUtilized of ClusterName=c,ServiceName=shop-web,TaskId=aaaa,ContainerName=app
    Average ECS/ContainerInsights ContainerMemoryReserved of ClusterName=c,ServiceName=shop-web,TaskId=aaaa,ContainerName=app
    Maximum ECS/ContainerInsights RestartCount of ClusterName=c,ServiceName=shop-web,TaskId=aaaa,ContainerName=app
    Average ECS/ContainerInsights CpuUtilized of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    Average ECS/ContainerInsights CpuReserved of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    Average ECS/ContainerInsights MemoryUtilized of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    Average ECS/ContainerInsights MemoryReserved of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    Average ECS/ContainerInsights NetworkRxBytes of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    Average ECS/ContainerInsights NetworkTxBytes of ClusterName=c,TaskDefinitionFamily=shop-nightly-task,TaskId=eeee
    ");
    let ended = questions(&stage(Insights::Enhanced)).into_iter().any(|q| q.of == Of::Task("dddd".to_owned()));
    assert!(!ended, "nobody asks what a task uses that has ended");
}

/// Requests a second of `web`, given points of hosts and of requests by the minutes that they are old.
fn requests(hosts: &[i64], requests: &[(i64, f64)]) -> Option<f64> {
    let this = NOW - NOW.rem_euclid(MINUTE);
    let of = Of::Group("shop-web".to_owned(), 0);
    let answers = Answers::from([
        ((of.clone(), Measure::Hosts), hosts.iter().map(|ago| (this - ago * MINUTE, 2.0)).collect()),
        ((of, Measure::Requests), requests.iter().map(|(ago, n)| (this - ago * MINUTE, *n)).collect()),
    ]);
    table(&stage(Insights::Disabled), &answers, NOW).services[0].usage.requests
}

#[test]
fn a_minute_without_requests_is_zero_once_the_balancer_told_of_two() {
    assert_eq!(requests(&[1, 2], &[(1, 60.0), (2, 600.0)]), Some(1.0));
    assert_eq!(requests(&[1, 2], &[(0, 6.0), (1, 60.0)]), Some(1.0), "this minute is not over");
    assert_eq!(requests(&[1, 2], &[(2, 600.0)]), Some(10.0), "the last minute's may be on their way");
    assert_eq!(requests(&[1, 2, 3], &[(3, 600.0)]), Some(0.0));
    assert_eq!(requests(&[1], &[]), Some(0.0));
    assert_eq!(requests(&[], &[]), None, "nobody told of the group at all");
    assert_eq!(requests(&[8], &[(7, 1.0)]), None, "what is old tells nothing of now");
    assert_eq!(requests(&[], &[(1, 60.0)]), Some(1.0));
}

#[test]
fn groups_add_up_and_the_busiest_tells_the_latency() {
    let mut seen = stage(Insights::Disabled);
    seen.services[0].groups.push(group("green"));
    let of = |at| Of::Group("shop-web".to_owned(), at);
    let point = |value| vec![(MINUTE_BEFORE, value)];
    let answers = Answers::from([
        ((of(0), Measure::Requests), point(60.0)),
        ((of(0), Measure::P95), point(0.9)),
        ((of(1), Measure::Requests), point(120.0)),
        ((of(1), Measure::P95), point(0.2)),
    ]);
    let usage = table(&seen, &answers, NOW).services[0].usage;
    assert_eq!((usage.requests, usage.p95), (Some(3.0), Some(0.2)));
}

#[test]
fn who_is_new_is_told_to_wait_and_who_is_not_is_told_why() {
    let note = |started: Option<Millis>| {
        let mut seen = stage(Insights::Enhanced);
        seen.tasks.iter_mut().for_each(|task| task.started = started);
        table(&seen, &Answers::new(), NOW).notes.concat()
    };
    assert!(note(Some(NOW - MINUTE)).contains("second or third minute"));
    assert!(note(None).contains("second or third minute"));
    assert!(note(Some(NOW - 9 * MINUTE)).contains("told nothing of these tasks"));
    let mut seen = stage(Insights::Disabled);
    seen.tasks.clear();
    assert!(table(&seen, &Answers::new(), NOW).notes.is_empty(), "nothing runs, nothing is missing");
}

#[test]
fn a_task_has_failed_if_nobody_asked_for_its_end() {
    assert!(has_failed("EssentialContainerExited", "Essential container in task exited"));
    assert!(has_failed("TaskFailedToStart", "CannotPullContainerError"));
    assert!(has_failed("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)"));
    assert!(!has_failed("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)"));
    assert!(!has_failed("UserInitiated", "Task stopped by user"));
    assert!(!has_failed("InfrastructureHealth", "Host was restarted: the task ended with it"));
    assert!(!has_failed("", ""));
}

#[test]
fn settings_and_groups_are_read_from_awss_documents() {
    let document = |value: Value| value.as_object().unwrap().clone();
    let insights = |value: &str| {
        let settings = json!([{"name": "other", "value": "x"}, {"name": "containerInsights", "value": value}]);
        Insights::of(&document(json!({"settings": settings})))
    };
    assert_eq!(insights("enhanced"), Insights::Enhanced);
    assert_eq!(insights("enabled"), Insights::Enabled);
    assert_eq!(insights("disabled"), Insights::Disabled);
    assert_eq!(Insights::of(&Document::new()), Insights::Disabled);
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012";
    let read = |balancers: Value| {
        let own = format!("{arn}:targetgroup/web/4e5f");
        Group::of(&document(json!({"TargetGroupArn": own, "LoadBalancerArns": balancers})))
    };
    let found = read(json!([format!("{arn}:loadbalancer/app/front/0a1b")])).unwrap();
    assert_eq!((found.group.as_str(), found.balancer.as_str()), ("targetgroup/web/4e5f", "app/front/0a1b"));
    assert_eq!(read(json!([])), None);
    assert_eq!(read(json!("")), None, "an empty list, as Query has it");
}

proptest! {
    /// Whatever is answered, a row without answers shows no values, and every row is there.
    #[test]
    fn nothing_is_told_that_nobody_said(told in prop::collection::vec(any::<bool>(), 200), value in -1e9..1e9_f64) {
        let seen = stage(Insights::Enhanced);
        let all = questions(&seen);
        let kept = all.iter().zip(told.iter().cycle()).filter(|(_, is_told)| **is_told);
        let answers: Answers =
            kept.map(|(q, _)| ((q.of.clone(), q.measure), vec![(MINUTE_BEFORE, value)])).collect();
        let top = table(&seen, &answers, NOW);
        prop_assert_eq!(top.services.len(), 3);
        prop_assert_eq!(top.services.iter().map(|row| row.parts.len()).sum::<usize>(), 4);
        for task in top.services.iter().flat_map(|row| &row.parts) {
            let has = |measure| answers.contains_key(&(Of::Task(task.name.clone()), measure));
            prop_assert_eq!(task.usage.cpu_units.is_some(), has(Measure::Cpu));
            prop_assert_eq!(task.usage.received.is_some(), has(Measure::Received));
            prop_assert!(task.usage.cpu_percent.is_none() || (has(Measure::Cpu) && has(Measure::CpuReserved)));
            for container in &task.parts {
                let of = Of::Container(task.name.clone(), container.name.clone());
                prop_assert_eq!(container.usage.memory_mib.is_some(), answers.contains_key(&(of, Measure::Memory)));
            }
        }
    }
}
