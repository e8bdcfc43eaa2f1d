//! Keys of a container.

use super::{check, composed, container, left};

#[test]
fn a_command_is_a_list_of_words_or_a_line_that_is_split() {
    check("command: bundle exec thin -p 3000", r#"command = ["bundle", "exec", "thin", "-p", "3000"]"#, &[]);
    check("command: [\"python\", \"-m\", \"x y\"]", r#"command = ["python", "-m", "x y"]"#, &[]);
    check("command: ~", "", &[]);
    check("entrypoint: /code/entry.sh --now", r#"entrypoint = ["/code/entry.sh", "--now"]"#, &[]);
    let told = "5 services.a.command: an empty one takes the image's away; the manifest has no word for that";
    check("command: []", "", &[told]);
    check("command: 'x \"y'", "", &["5 services.a.command: a quote is not closed"]);
    check("command: sh -c 'echo $$HOME'", r#"command = ["sh", "-c", "echo $HOME"]"#, &[]);
}

#[test]
fn a_password_in_a_command_is_not_carried() {
    let composed = super::service("command: x --db postgres://a:hunter2@b/c");
    assert_eq!(container(&composed, "a").command, None);
    assert_eq!(
        left(&composed),
        ["5 services.a.command: it has a URL with a password in it: hand it over in [secrets] and read it from there"]
    );
}

#[test]
fn small_settings_have_a_word_each() {
    check(
        "working_dir: /srv\nuser: '1000'\ninit: true\nread_only: true\nstop_grace_period: 1m30s",
        r#"user = "1000"; working-directory = "/srv"; stop-timeout = "90s"; init = true; readonly-root = true"#,
        &[],
    );
    check(
        "stop_grace_period: 5m",
        r#"stop-timeout = "120s""#,
        &["5 services.a.stop_grace_period: ECS takes 2 s to 2 min; it is 120 s now"],
    );
}

#[test]
fn health_checks_of_every_form() {
    let all = "healthcheck:\n  test: [CMD, x, y]\n  interval: 1m30s\n  timeout: 10s\n  retries: 4\n  start_period: 40s";
    check(
        all,
        r#"[health-check]; command = ["x", "y"]; interval = "90s"; timeout = "10s"; retries = 4; start-period = "40s""#,
        &[],
    );
    check("healthcheck: { test: x || exit 1 }", r#"[health-check]; command = "x || exit 1"; timeout = "30s""#, &[]);
    check("healthcheck: { test: [CMD-SHELL, x] }", r#"[health-check]; command = "x"; timeout = "30s""#, &[]);
    check("healthcheck: { test: [NONE] }", "", &[]);
    check("healthcheck: { disable: true }", "", &[]);
    check(
        "healthcheck:\n  test: x\n  interval: 1s\n  retries: 60\n  start_interval: 1s\n  retires: 1",
        r#"[health-check]; command = "x"; interval = "5s"; timeout = "30s"; retries = 10"#,
        &[
            "7 services.a.healthcheck.interval: ECS takes 5 s to 300 s; it is 5 s now",
            "8 services.a.healthcheck.retries: ECS takes 1 to 10; it is 10 now",
            "9 services.a.healthcheck.start_interval: ECS has one interval",
            "10 services.a.healthcheck.retires: the compose specification has no such key",
        ],
    );
    check(
        "healthcheck:\n  interval: 10s",
        "",
        &["6 services.a.healthcheck: it has no `test`, and ECS does not see that of the image: write it out"],
    );
}

#[test]
fn what_restarts_is_restarted_in_its_task_and_what_may_end_is_not_essential() {
    let sooner = "5 services.a.restart: ECS restarts a container that has run for a minute; one that ends sooner ends \
                  its task, and the service starts another";
    check("restart: always", "[restart]; attempt-period = \"60s\"", &[sooner]);
    check("restart: unless-stopped", "[restart]; attempt-period = \"60s\"", &[sooner]);
    let counted = "5 services.a.restart: ECS does not count restarts";
    let ends = "5 services.a.restart: when it ends with 0 its task ends: write `essential = false` if the other \
                containers are to go on";
    let on_failure = "[restart]; ignored-exit-codes = [0]; attempt-period = \"60s\"";
    check("restart: on-failure", on_failure, &[sooner, ends]);
    check("restart: on-failure:3", on_failure, &[counted, sooner, ends]);
    let two = composed("name: t\nservices:\n  a: { image: 'x:1', restart: 'no' }\n  b: { image: 'x:1' }\n");
    assert_eq!(container(&two, "a").essential, Some(false));
    assert_eq!(container(&two, "b").essential, None);
    // ECS wants one container whose end is the task's.
    let again = "5 services.a.restart: a task needs a container whose end is its own, and the service then starts \
                 another task: what is to end is a schedule, or run with `managr run`";
    check("restart: 'no'", "", &[again]);
}

#[test]
fn limits_of_both_syntaxes_and_the_smallest_task_that_fits() {
    let deploy =
        "deploy:\n  resources:\n    limits: { cpus: '0.5', memory: 1G, pids: 5 }\n    reservations: { memory: 512M }";
    check(
        deploy,
        "cpu = 512; memory = 1024; memory-reservation = 512",
        &["7 services.a.deploy.resources.limits.pids: Fargate has no such setting"],
    );
    check("cpus: 1.5\nmem_limit: 3000m", "cpu = 1536; memory = 3000", &[]);
    let size = |text: &str| {
        let composed = super::service(text);
        let app = composed.manifest.services.get("app").unwrap().clone();
        (app.cpu.unwrap(), app.memory.unwrap())
    };
    assert_eq!(size(deploy), (512, 1024));
    assert_eq!(size("cpus: 1.5\nmem_limit: 3000m"), (2048, 4096));
    assert_eq!(size("tty: true"), (256, 512));
    let huge = super::service("mem_limit: 500g");
    assert_eq!(container(&huge, "a").memory, None);
    assert!(huge.left.iter().any(|left| left.why.starts_with("Fargate has no size")), "{:?}", huge.left);
}

#[test]
fn capabilities_limits_labels_and_memory_file_systems() {
    check(
        "cap_add: [SYS_PTRACE, NET_ADMIN]\ncap_drop: [CAP_MKNOD]",
        r#"[capabilities]; add = ["SYS_PTRACE"]; drop = ["MKNOD"]"#,
        &["5 services.a.cap_add: Fargate adds SYS_PTRACE only, not NET_ADMIN"],
    );
    check(
        "ulimits: { nofile: 1024, nproc: { soft: 1, hard: 2 } }",
        "[ulimits]; nofile = 1024; [ulimits.nproc]; soft = 1; hard = 2",
        &[],
    );
    let told = "5 services.a.ulimits.open: it is not a limit that ECS knows with a number, or a soft and a hard one";
    check("ulimits: { open: 5 }", "", &[told]);
    check("labels: [a=b, c]", "[labels]; a = \"b\"; c = \"\"", &[]);
    let told = "6 services.a.labels.API_TOKEN: it looks like a credential, and a label is for everybody to read";
    check("labels:\n  API_TOKEN: hunter2", "", &[told]);
    check("tmpfs: ['/run:size=32m,noexec']", "[tmpfs.\"/run\"]; size = 32; options = [\"noexec\"]", &[]);
    check(
        "tmpfs: /tmp",
        "[tmpfs]; \"/tmp\" = 64",
        &["5 services.a.tmpfs: ECS wants a size for `/tmp`: 64 MiB were taken"],
    );
}

#[test]
fn every_other_key_is_told_and_so_is_one_that_does_not_exist() {
    check(
        "privileged: true\ntty: true\ncommandd: x\nx-mine: 1\nlogging: { driver: none }\nhostname: h",
        "",
        &[
            "5 services.a.privileged: Fargate has no such setting",
            "6 services.a.tty: nobody sits at a container; `managr connect` gives a terminal",
            "7 services.a.commandd: the compose specification has no such key",
            "9 services.a.logging: output goes to the stage's log group; `log`, or `aws.logConfiguration`, says otherwise",
            "10 services.a.hostname: names and name servers of a task are those of its network on AWS",
        ],
    );
}

/// Every key of a service in compose-spec's schema (schema/compose-spec.json, `definitions.service`).
#[test]
fn no_key_of_the_specification_is_taken_for_a_mistake() {
    for key in [
        "annotations",
        "attach",
        "blkio_config",
        "cap_add",
        "cap_drop",
        "cgroup",
        "cgroup_parent",
        "configs",
        "container_name",
        "cpu_count",
        "cpu_percent",
        "cpu_period",
        "cpu_quota",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "cpu_shares",
        "cpuset",
        "credential_spec",
        "device_cgroup_rules",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "external_links",
        "extra_hosts",
        "gpus",
        "group_add",
        "hostname",
        "ipc",
        "isolation",
        "label_file",
        "links",
        "logging",
        "mac_address",
        "mem_swappiness",
        "memswap_limit",
        "models",
        "network_mode",
        "oom_kill_disable",
        "oom_score_adj",
        "pid",
        "pids_limit",
        "post_start",
        "pre_stop",
        "privileged",
        "provider",
        "pull_policy",
        "pull_refresh_after",
        "runtime",
        "scale",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_signal",
        "storage_opt",
        "sysctls",
        "tty",
        "use_api_socket",
        "userns_mode",
        "uts",
        "volumes_from",
        "develop",
    ] {
        let composed = super::service(&format!("{key}: [x]"));
        let told = left(&composed);
        assert!(!told.iter().any(|told| told.contains("no such key")), "{key}: {told:?}");
        let silent = ["cap_drop", "links"];
        assert!(silent.contains(&key) || !told.is_empty(), "{key} was dropped");
    }
}

#[test]
fn dependencies_of_both_syntaxes() {
    let composed = composed(
        "name: t
services:
  a:
    image: x:1
    depends_on:
      b: { condition: service_completed_successfully }
      c: { condition: service_healthy, restart: true }
      d: { condition: service_healthy, required: false }
      e: { condition: service_started }
  b: { image: 'x:1', restart: always, depends_on: [e, f] }
  c: { image: 'x:1', healthcheck: { test: x } }
  d: { image: 'x:1' }
  e: { image: 'x:1' }
  f: { image: 'x:1', profiles: [debug] }
",
    );
    let waits = |name: &str| {
        let waits = &container(&composed, name).depends_on;
        waits.iter().map(|(name, condition)| format!("{name} {condition:?}")).collect::<Vec<_>>()
    };
    assert_eq!(waits("a"), ["b Success", "c Healthy", "d Start", "e Start"]);
    assert_eq!(waits("b"), ["e Start"]);
    // It ends, so it is not started again.
    assert_eq!(container(&composed, "b").restart, None);
    assert_eq!(
        left(&composed),
        [
            "7 services.a.depends_on.c.restart: a task's containers are replaced together",
            "8 services.a.depends_on.d.required: every container of a task is there",
            "8 services.a.depends_on: ECS does not see the health check of an image: give `d` one; until then \"start\" is waited for",
            "10 services.b.depends_on: `f` was not carried, so nothing waits for it",
            "10 services.b.restart: one that another waits for to end is not started again, and its end does not end the \
             task",
            "14 services.f: Compose starts it only with the profile debug, so it was not carried",
        ]
    );
}

#[test]
fn a_task_has_ten_containers_and_tools_are_left_out_first() {
    let mut text = "name: t\nservices:\n  mail: { image: 'mailhog/mailhog:1' }\n".to_owned();
    for index in 0..10 {
        text.push_str(&format!("  s{index}: {{ image: 'x:1' }}\n"));
    }
    let composed = composed(&text);
    let names: Vec<&str> = composed.manifest.services.get("app").unwrap().containers.names().collect();
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"]);
    assert_eq!(
        left(&composed),
        ["3 services.mail: a task has 10 containers at most: give it a service of its own, [services.NAME]"]
    );
}
