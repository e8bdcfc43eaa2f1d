//! What a hostile folder may cost: every way to make much of little ends with file and line, in bounded
//! memory and time, and on a small stack.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::fmt::Write;

use import::Folder;
use import::terraform::{Options, read};

const TASK: &str = "resource \"aws_ecs_task_definition\" \"x\" {\n  family = \"x\"\n  container_definitions = jsonencode([\
    { name = \"a\", image = \"b\", command = [local.last] }])\n}\n";

fn folder(text: &str) -> Folder {
    Folder::from([("main.tf".to_owned(), format!("{text}\n{TASK}"))])
}

/// The error must name the file and this line.
fn refused(text: &str, line: usize, words: &str) {
    let error = read(&folder(text), &Options::default()).map(drop).expect_err(words).to_string();
    assert!(error.starts_with(&format!("main.tf:{line}: ")), "{error}");
    assert!(error.contains(words), "{error}");
}

/// A chain of locals, each made of the one before it; `x` stands for that.
fn chain(first: &str, next: &str, count: usize) -> String {
    let mut text = format!("locals {{\n  v0 = {first}\n");
    for n in 1..count {
        writeln!(text, "  v{n} = {}", next.replace("$x", &format!("local.v{}", n - 1))).unwrap();
    }
    write!(text, "  last = local.v{}\n}}", count - 1).unwrap();
    text
}

#[test]
fn values_that_double_themselves_end_with_file_and_line() {
    // 2 bytes, doubled 22 times, are 8 MiB: line 2 is `v0`.
    refused(&chain("\"xx\"", "\"${$x}${$x}\"", 40), 24, "a value has more than 8 MiB");
    for (first, next) in [
        ("[\"x\"]", "concat($x, $x)"),
        ("[\"x\"]", "[$x, $x]"),
        ("{ a = \"x\" }", "{ a = $x, b = $x }"),
        ("\"x\"", "format(\"%s%s\", $x, $x)"),
        ("\"x\"", "join($x, [$x, $x])"),
        ("\"x\"", "jsonencode([$x, $x])"),
        ("\"xx\"", "replace($x, \"x\", $x)"),
        ("[\"x\", \"y\"]", "[for one in setproduct($x, $x) : join(\"\", one)]"),
        ("[\"x\"]", "flatten([$x, $x])"),
        ("[\"x\"]", "[for one in concat($x, $x) : one]"),
        ("\"x\"", "<<-EOT\n%{ for i in range(1024) }${$x}%{ endfor }\nEOT\n"),
    ] {
        let error = read(&folder(&chain(first, next, 40)), &Options::default()).map(drop).expect_err(next).to_string();
        assert!(error.starts_with("main.tf:") && error.contains("more than"), "{next}: {error}");
    }
}

#[test]
fn one_line_that_multiplies_ends_with_its_line() {
    let range = "range(1024)";
    refused(&format!("locals {{\n  last = setproduct({range}, {range}, {range}, {range})\n}}"), 2, "8 MiB");
    let nested = "[for a in R : [for b in R : [for c in R : [for d in R : \"x\"]]]]".replace('R', range);
    refused(&format!("locals {{\n\n  last = {nested}\n}}"), 3, "more than");
    // What only costs time.
    let idle = "[for a in R : [for b in R : [for c in R : c if false]]]".replace('R', range);
    refused(&format!("locals {{\n  last = {idle}\n}}"), 2, "more than");
    refused("locals { last = 1 }\nresource \"aws_ecs_service\" \"s\" {\n  count = 1000000000\n}", 2, "8 MiB");
}

#[test]
fn widths_and_digits_make_no_gigabytes() {
    for wide in ["format(\"%99999999d\", 1)", "format(\"%.999999999f\", 1)", "indent(999999999, \"a\\nb\")"] {
        read(&folder(&format!("locals {{\n  last = {wide}\n}}")), &Options::default()).unwrap();
    }
}

#[test]
fn depth_costs_no_stack() {
    // The chain is longer than any stack; each name leads to the next.
    refused(&chain("\"x\"", "\"${$x}\"", 5000), 4908, "deep in each other");
}

#[test]
fn a_folder_of_ordinary_size_stays_far_below_the_limits() {
    let mut text = "locals {\n".to_owned();
    for n in 0..2000 {
        writeln!(text, "  v{n} = {{ name = \"service-{n}\", ports = range(20), text = join(\",\", range(100)) }}")
            .unwrap();
    }
    text.push_str("  all = [");
    (0..2000).for_each(|n| write!(text, "local.v{n}, ").unwrap());
    text.push_str("]\n  last = join(\"\", [for one in local.all : one.name])\n}");
    read(&folder(&text), &Options::default()).unwrap();
}

/// Files of 3,000 lines and more: services with templates, rules and secrets, in three stages. For the time, run
/// `cargo test --release -p import --test bounds three_thousand_lines -- --nocapture`; it is to be under a second.
/// With `MANAGR_FOLDER=DIR` it leaves the folder there: `time managr import terraform DIR --stdout` is the whole import,
/// rehearsals and all.
#[test]
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test measures")]
fn three_thousand_lines_are_imported_in_a_moment() {
    let service = |n: usize| {
        let variables: String = (0..25)
            .map(|v| {
                format!("        {{ name = \"VARIABLE_{v}\", value = \"${{local.settings[\"key{v}\"]}}-{n}\" }},\n")
            })
            .collect();
        format!(
            r#"
resource "aws_cloudwatch_log_group" "s{n}" {{
  name              = "/shop/${{var.stage}}/s{n}"
  retention_in_days = 30
}}
resource "aws_ecs_task_definition" "s{n}" {{
  family                   = "shop-s{n}-${{var.stage}}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = "arn:aws:iam::123456789012:role/shop-execution"
  container_definitions = jsonencode([
    {{
      name  = "web"
      image = "shop/s{n}:${{var.stage}}"
      portMappings = [{{ containerPort = 80 }}]
      environment = [
{variables}      ]
      secrets = [for name in local.secrets : {{ name = name, valueFrom = "${{aws_secretsmanager_secret.all.arn}}:${{name}}::" }}]
    }},
  ])
}}
resource "aws_ecs_service" "s{n}" {{
  name            = "shop-s{n}-${{var.stage}}"
  task_definition = aws_ecs_task_definition.s{n}.arn
  desired_count   = 2
  launch_type     = "FARGATE"
  network_configuration {{
    subnets = ["subnet-1", "subnet-2"]
  }}
  load_balancer {{
    target_group_arn = aws_lb_target_group.s{n}.arn
    container_name   = "web"
    container_port   = 80
  }}
}}
resource "aws_lb_target_group" "s{n}" {{
  name = "shop-s{n}-${{var.stage}}"
  port = 80
  protocol = "HTTP"
  target_type = "ip"
  vpc_id = "vpc-1"
  health_check {{
    path = "/health"
  }}
}}
resource "aws_lb_listener_rule" "s{n}" {{
  listener_arn = aws_lb_listener.main.arn
  priority     = 1{n}
  action {{
    type             = "forward"
    target_group_arn = aws_lb_target_group.s{n}.arn
  }}
  condition {{
    host_header {{ values = ["s{n}.${{var.stage}}.example.com"] }}
  }}
}}
"#
        )
    };
    let settings: String = (0..25).map(|v| format!("    key{v} = \"value-{v}\"\n")).collect();
    let head = format!(
        "provider \"aws\" {{ region = \"eu-west-1\" }}\nvariable \"stage\" {{}}\nlocals {{\n  settings = {{\n{settings}  }}\n  \
         secrets = [for n in range(80) : \"SECRET_${{n}}\"]\n}}\nresource \"aws_secretsmanager_secret\" \"all\" {{ name = \"shop/${{var.stage}}\" }}\n\
         resource \"aws_lb\" \"main\" {{ name = \"shop\" }}\nresource \"aws_ecs_cluster\" \"main\" {{ name = \"shop-cluster\" }}\nresource \"aws_lb_listener\" \"main\" {{\n  load_balancer_arn = aws_lb.main.arn\n  port = 80\n  protocol = \"HTTP\"\n  default_action {{\n    type = \"fixed-response\"\n    fixed_response {{\n      content_type = \"text/plain\"\n      status_code = \"404\"\n    }}\n  }}\n}}\n"
    );
    let files: String = (0..42).map(service).collect();
    let mut folder = Folder::from([("main.tf".to_owned(), head), ("services.tf".to_owned(), files)]);
    for stage in ["dev", "staging", "prod"] {
        folder.insert(format!("{stage}.tfvars"), format!("stage = \"{stage}\"\n"));
    }
    let lines: usize = folder.values().map(|text| text.lines().count()).sum();
    assert!(lines > 3000, "{lines}");
    if let Ok(directory) = std::env::var("MANAGR_FOLDER") {
        std::fs::create_dir_all(&directory).unwrap();
        for (name, text) in &folder {
            std::fs::write(std::path::Path::new(&directory).join(name), text).unwrap();
        }
    }
    let begin = std::time::Instant::now();
    let found = read(&folder, &Options::default()).unwrap();
    let took = begin.elapsed();
    let at_read = took;
    eprintln!("{lines} lines, {} services in {} stages: {took:?}", found.stages[0].services.len(), found.stages.len());
    assert_eq!((found.stages.len(), found.stages[0].services.len()), (3, 42));
    // Without optimisation, on a machine that does other things besides.
    assert!(took.as_secs() < 30, "{took:?}");
    // And what follows: the manifest, its proofs and its account.
    let folded = import::fold::fold(&found);
    let at_fold = begin.elapsed();
    let text = import::write::text(&folded.manifest, &[]);
    let import::account::Reckoning { services, entries } = import::account::reckon(&text, &found, "Terraform").unwrap();
    let at_account = begin.elapsed();
    let proofs = import::prove::prove(&text, &found).unwrap();
    let took = begin.elapsed();
    eprintln!(
        "fold {:?}, account {:?}, proofs {:?}: {took:?} in all, {} lines of manifest, {} of account",
        at_fold - at_read,
        at_account - at_fold,
        took - at_account,
        text.lines().count(),
        entries.len()
    );
    let unequal: Vec<_> = services.iter().chain(&proofs).filter(|proof| !proof.equal).collect();
    assert!(services.len() == 3 * 42 && unequal.is_empty(), "{unequal:#?}");
    assert!(took.as_secs() < 60, "{took:?}");
}
