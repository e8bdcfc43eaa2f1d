//! A folder of Terraform as a shop that grew for years has it: eight task definitions (six containers in the first), eighty
//! secrets, three stages that differ in what such stages differ in.

use import::Folder;

/// Stages of the shop, each with values of its own.
pub(crate) const STAGES: [&str; 3] = ["dev", "staging", "prod"];

/// Services of other companies: each has two secrets, and most an address.
const PARTNERS: [&str; 16] = [
    "stripe",
    "hubspot",
    "salesforce",
    "zoom",
    "gong",
    "nylas",
    "google",
    "microsoft",
    "openai",
    "twilio",
    "sendgrid",
    "segment",
    "mixpanel",
    "intercom",
    "algolia",
    "maps",
];
/// Secrets beside theirs.
const OWN: [&str; 48] = [
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEY",
    "FIELD_ENCRYPTION_KEY",
    "SUPERUSER_PASSWORD",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SENTRY_DSN",
    "ROLLBAR_TOKEN",
    "DD_API_KEY",
    "DD_APP_KEY",
    "GITHUB_TOKEN",
    "SLACK_WEBHOOK",
    "SLACK_SIGNING_SECRET",
    "PAGERDUTY_KEY",
    "LAUNCHDARKLY_KEY",
    "CLOUDFRONT_KEY_ID",
    "CLOUDFRONT_PRIVATE_KEY",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "ELASTIC_USER",
    "ELASTIC_PASSWORD",
    "RABBIT_USER",
    "RABBIT_PASSWORD",
    "KAFKA_USER",
    "KAFKA_PASSWORD",
    "MONGO_URL",
    "SNOWFLAKE_USER",
    "SNOWFLAKE_PASSWORD",
    "LDAP_BIND_DN",
    "LDAP_PASSWORD",
    "SAML_KEY",
    "SAML_CERTIFICATE",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "RECAPTCHA_SECRET",
    "APPLE_KEY",
    "FCM_KEY",
    "VAPID_PRIVATE_KEY",
    "WEBHOOK_SECRET",
    "METRICS_PASSWORD",
    "SEARCH_MASTER_KEY",
    "NEXT_AUTH_SECRET",
    "IMPORT_TOKEN",
];
/// Settings that are the same everywhere.
const SAME: [(&str, &str); 18] = [
    ("DJANGO_SETTINGS_MODULE", "shop.settings.aws"),
    ("TZ", "UTC"),
    ("LANG", "C.UTF-8"),
    ("PYTHONUNBUFFERED", "1"),
    ("DB_PORT", "5432"),
    ("DB_CONN_MAX_AGE", "60"),
    ("SMTP_HOST", "email-smtp.eu-west-1.amazonaws.com"),
    ("SMTP_PORT", "587"),
    ("SMTP_USE_TLS", "true"),
    ("SESSION_COOKIE_AGE", "1209600"),
    ("PASSWORD_MIN_LENGTH", "12"),
    ("AWS_S3_REGION", "eu-west-1"),
    ("LOG_FORMAT", "json"),
    ("CACHE_TTL_SECONDS", "300"),
    ("UPLOAD_LIMIT_MB", "25"),
    ("DD_LOGS_INJECTION", "true"),
    ("DD_TRACE_ANALYTICS_ENABLED", "true"),
    ("STATIC_URL", "/static/"),
];
/// Settings that have the stage's name in them.
const NAMED: [(&str, &str); 8] = [
    ("ENVIRONMENT", "${var.environment}"),
    ("DD_ENV", "${var.environment}"),
    ("SENTRY_ENVIRONMENT", "${var.environment}"),
    ("DB_NAME", "shop_${var.environment}"),
    ("MEDIA_BUCKET", "shop-media-${var.environment}"),
    ("EXPORT_BUCKET", "shop-exports-${var.environment}"),
    ("QUEUE_PREFIX", "shop-${var.environment}-"),
    ("SEARCH_INDEX", "shop-${var.environment}-products"),
];
/// Settings of which each stage has its own: development's, staging's, production's.
const OWN_VALUES: [(&str, [&str; 3]); 14] = [
    ("debug", ["true", "false", "false"]),
    ("log_level", ["debug", "info", "warning"]),
    ("allowed_hosts", [".dev.shop.example", ".staging.shop.example", "shop.example,www.shop.example"]),
    ("frontend_url", ["https://app.dev.shop.example", "https://app.staging.shop.example", "https://app.shop.example"]),
    ("db_host", ["10.1.0.12", "10.2.0.12", "10.3.0.12"]),
    ("gunicorn_workers", ["1", "2", "6"]),
    ("celery_concurrency", ["1", "2", "8"]),
    ("sentry_sample_rate", ["1.0", "0.5", "0.05"]),
    ("dd_trace_sample_rate", ["1", "0.5", "0.1"]),
    ("stripe_mode", ["test", "test", "live"]),
    ("from_email", ["dev@shop.example", "staging@shop.example", "hello@shop.example"]),
    ("feature_search", ["true", "true", "false"]),
    ("token_ttl_minutes", ["600", "60", "30"]),
    ("support_url", ["https://dev.help.example", "https://help.example", "https://help.example"]),
];

/// Numbers of each stage: what services are sized by.
const SIZES: [(&str, [u32; 3]); 8] = [
    ("app_count", [1, 2, 4]),
    ("app_cpu", [1024, 2048, 4096]),
    ("app_memory", [2048, 4096, 8192]),
    ("api_count", [1, 2, 3]),
    ("worker_count", [1, 1, 6]),
    ("small_cpu", [256, 256, 512]),
    ("small_memory", [512, 512, 1024]),
    ("log_days", [7, 30, 365]),
];

/// A service of one container and Datadog's agent.
struct Small {
    name: &'static str,
    image: &'static str,
    /// Path of its rule; none: no request reaches it.
    port: Option<(u16, &'static str)>,
    command: &'static str,
    /// Environment and secrets, as expressions.
    environment: &'static str,
    secrets: &'static str,
    count: &'static str,
}

const SMALL: [Small; 6] = [
    Small {
        name: "api",
        image: "server",
        port: Some((8000, "/api/health")),
        command: r#"["gunicorn", "shop.api", "--bind", "0.0.0.0:8000"]"#,
        environment: r#"concat(local.environment, [{ name = "ROLE", value = "api" }])"#,
        secrets: "local.secrets",
        count: "var.api_count",
    },
    Small {
        name: "admin",
        image: "server",
        port: Some((8000, "/admin/health")),
        command: r#"["gunicorn", "shop.admin", "--bind", "0.0.0.0:8000"]"#,
        environment: r#"concat(local.environment, [{ name = "ROLE", value = "admin" }])"#,
        secrets: "local.secrets",
        count: "1",
    },
    Small {
        name: "worker-heavy",
        image: "server",
        port: None,
        command: r#"["celery", "-A", "shop", "worker", "-Q", "heavy"]"#,
        environment: r#"concat(local.environment, [{ name = "ROLE", value = "heavy" }])"#,
        secrets: "local.secrets",
        count: "var.worker_count",
    },
    Small {
        name: "socket",
        image: "socket",
        port: Some((4000, "/socket/health")),
        command: "null",
        environment: r#"[{ name = "NODE_ENV", value = "production" }, { name = "PORT", value = "4000" }, { name = "ENVIRONMENT", value = var.environment }]"#,
        secrets: r#"[for name in ["REDIS_URL", "JWT_PUBLIC_KEY", "SENTRY_DSN"] : { name = name, valueFrom = "${aws_secretsmanager_secret.app.arn}:${name}::" }]"#,
        count: "1",
    },
    Small {
        name: "frontend",
        image: "frontend",
        port: Some((3000, "/up")),
        command: "null",
        environment: r#"[{ name = "NODE_ENV", value = "production" }, { name = "PORT", value = "3000" }, { name = "API_URL", value = "https://api.${var.domain}" }, { name = "PUBLIC_URL", value = var.frontend_url }]"#,
        secrets: r#"[for name in ["NEXT_AUTH_SECRET", "SENTRY_DSN"] : { name = name, valueFrom = "${aws_secretsmanager_secret.app.arn}:${name}::" }]"#,
        count: "var.api_count",
    },
    Small {
        name: "indexer",
        image: "indexer",
        port: None,
        command: r#"["index", "--follow"]"#,
        environment: r#"[{ name = "SEARCH_INDEX", value = "shop-${var.environment}-products" }, { name = "BATCH", value = "500" }]"#,
        secrets: r#"[for name in ["DATABASE_REPLICA_URL", "ELASTIC_USER", "ELASTIC_PASSWORD"] : { name = name, valueFrom = "${aws_secretsmanager_secret.app.arn}:${name}::" }]"#,
        count: "1",
    },
];

/// Rules that start the eighth definition's task: name, time, command.
const CRONS: [(&str, &str, &str); 6] = [
    ("process-queue", "cron(*/20 * * * ? *)", r#"["process_tasks", "--queue", "DEFAULT"]"#),
    ("sync-crm", "rate(1 hour)", r#"["sync_crm", "--all"]"#),
    ("nightly-digest", "cron(0 6 * * ? *)", r#"["send_digest"]"#),
    ("clean-up", "cron(30 2 * * ? *)", r#"["clearsessions"]"#),
    ("invoices", "cron(0 4 1 * ? *)", r#"["invoices", "--month", "last"]"#),
    ("reindex", "cron(0 1 ? * SUN *)", r#"["reindex"]"#),
];

fn secrets() -> Vec<String> {
    let theirs = PARTNERS.iter().flat_map(|name| [format!("{name}_api_key"), format!("{name}_webhook_secret")]);
    OWN.iter().map(|name| (*name).to_owned()).chain(theirs.map(|name| name.to_uppercase())).collect()
}

/// A container that says what all of the application's say.
fn container(name: &str, image: &str, more: &str) -> String {
    format!(
        r#"    {{
      name      = "{name}"
      image     = "${{local.registry}}/{image}:${{var.image_tag}}"
      essential = true
      logConfiguration = {{
        logDriver = "awslogs"
        options = {{
          "awslogs-group"         = "/shop/${{var.environment}}/{{group}}"
          "awslogs-region"        = var.region
          "awslogs-stream-prefix" = "{name}"
        }}
      }}
{more}    }},
"#
    )
}

/// Datadog's agent, beside every service.
fn agent() -> String {
    let more = r#"      environment = [
        { name = "ECS_FARGATE", value = "true" },
        { name = "DD_APM_ENABLED", value = "true" },
        { name = "DD_ENV", value = var.environment },
      ]
      secrets      = [{ name = "DD_API_KEY", valueFrom = "${aws_secretsmanager_secret.app.arn}:DD_API_KEY::" }]
      portMappings = [{ containerPort = 8126, protocol = "tcp" }]
"#;
    container("datadog-agent", "agent", more)
        .replace("${local.registry}/agent:${var.image_tag}", "public.ecr.aws/datadog/agent:7")
        .replace("essential = true", "essential = false")
}

/// A task definition with its log group.
fn definition(name: &str, (cpu, memory): (&str, &str), containers: &str, more: &str) -> String {
    let containers = containers.replace("{group}", name);
    format!(
        r#"
resource "aws_cloudwatch_log_group" "{name}" {{
  name              = "/shop/${{var.environment}}/{name}"
  retention_in_days = var.log_days
}}

resource "aws_ecs_task_definition" "{name}" {{
  family                   = "shop-${{var.environment}}-{name}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = {cpu}
  memory                   = {memory}
  execution_role_arn       = "arn:aws:iam::${{var.account}}:role/shop-execution"
  task_role_arn            = "arn:aws:iam::${{var.account}}:role/shop-${{var.environment}}-task"
  container_definitions = jsonencode([
{containers}  ])
{more}}}
"#
    )
}

/// A service, and what leads requests to it: container, port, path of the health check.
fn service(name: &str, count: &str, way: Option<(&str, u16, &str)>, priority: usize) -> String {
    let (mut behind, mut beside) = (String::new(), String::new());
    if let Some((container, port, path)) = way {
        behind = format!(
            r#"  health_check_grace_period_seconds = 60
  load_balancer {{
    target_group_arn = aws_lb_target_group.{name}.arn
    container_name   = "{container}"
    container_port   = {port}
  }}
"#
        );
        beside = format!(
            r#"
resource "aws_lb_target_group" "{name}" {{
  name                 = "shop-${{var.environment}}-{name}"
  port                 = {port}
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = 30
  health_check {{
    path                = "{path}"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
    matcher             = "200"
  }}
}}

resource "aws_lb_listener_rule" "{name}" {{
  listener_arn = aws_lb_listener.https.arn
  priority     = {priority}
  action {{
    type             = "forward"
    target_group_arn = aws_lb_target_group.{name}.arn
  }}
  condition {{
    host_header {{ values = ["{name}.${{var.domain}}"] }}
  }}
}}
"#
        );
    }
    format!(
        r#"
resource "aws_ecs_service" "{name}" {{
  name                   = "shop-${{var.environment}}-{name}"
  cluster                = aws_ecs_cluster.main.id
  task_definition        = aws_ecs_task_definition.{name}.arn
  desired_count          = {count}
  launch_type            = "FARGATE"
  enable_execute_command = true
  propagate_tags         = "SERVICE"
  deployment_circuit_breaker {{
    enable   = true
    rollback = true
  }}
  network_configuration {{
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = false
  }}
{behind}}}
{beside}"#
    )
}

/// The six containers of the first definition.
fn app() -> String {
    let own = |role: &str| {
        format!(
            "      environment = concat(local.environment, [{{ name = \"ROLE\", value = \"{role}\" }}])\n      secrets     = local.secrets\n"
        )
    };
    let of_server = |name: &str, command: &str, more: &str| {
        container(name, "server", &format!("      command     = {command}\n{}{more}", own(name)))
    };
    let health = "      portMappings = [{ containerPort = 8000 }]\n      healthCheck = { command = [\"CMD-SHELL\", \"curl -f http://127.0.0.1:8000/up || exit 1\"], interval = 15, timeout = 5, retries = 5, startPeriod = 60 }\n      linuxParameters = { initProcessEnabled = true }\n      stopTimeout = 60\n";
    let conf = "[{ sourceVolume = \"nginx-conf\", containerPath = \"/etc/nginx/conf.d\"";
    let proxy = format!(
        "      portMappings = [{{ containerPort = 80, hostPort = 80, protocol = \"tcp\" }}]\n      mountPoints  = {conf}, readOnly = true }}]\n      dependsOn    = [{{ containerName = \"app\", condition = \"HEALTHY\" }}, {{ containerName = \"nginx-config\", condition = \"COMPLETE\" }}]\n"
    );
    let config = format!("      command     = [\"write-nginx-conf\"]\n      mountPoints = {conf} }}]\n");
    [
        of_server("app", r#"["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8000"]"#, health),
        container("proxy", "proxy", &proxy),
        of_server("worker", r#"["celery", "-A", "shop", "worker"]"#, ""),
        of_server("beat", r#"["celery", "-A", "shop", "beat"]"#, ""),
        container("nginx-config", "proxy", &config).replace("essential = true", "essential = false"),
        agent(),
    ]
    .concat()
}

/// Everything but the values of the stages: what stands in the root module, or in a module that each stage calls.
fn stack() -> Folder {
    let variables: Vec<&str> = ["environment", "domain", "image_tag", "account", "vpc_id", "certificate_arn"]
        .into_iter()
        .chain(OWN_VALUES.iter().map(|(name, _)| *name))
        .collect();
    let mut text: String = variables.iter().map(|name| format!("variable \"{name}\" {{ type = string }}\n")).collect();
    text += "variable \"region\" {\n  type    = string\n  default = \"eu-west-1\"\n}\n";
    text += "variable \"subnets\" { type = list(string) }\nvariable \"security_groups\" { type = list(string) }\n";
    text += &SIZES.map(|(name, _)| format!("variable \"{name}\" {{ type = number }}\n")).concat();
    let entry = |name: &str, value: &str| format!("    {{ name = \"{name}\", value = {value} }},\n");
    let mut settings: String = SAME.iter().map(|(name, value)| entry(name, &format!("\"{value}\""))).collect();
    settings.extend(NAMED.iter().map(|(name, value)| entry(name, &format!("\"{value}\""))));
    settings.extend(OWN_VALUES.iter().map(|(name, _)| entry(&name.to_uppercase(), &format!("var.{name}"))));
    let url =
        |name: &&str| entry(&format!("{}_API_URL", name.to_uppercase()), &format!("\"https://api.{name}.example/v1\""));
    settings.extend(PARTNERS.iter().take(10).map(url));
    let keys: String = secrets().iter().map(|name| format!("    \"{name}\",\n")).collect();
    let locals = format!(
        r#"locals {{
  registry = "${{var.account}}.dkr.ecr.${{var.region}}.amazonaws.com/shop"
  environment = [
{settings}  ]
  keys = [
{keys}  ]
  secrets = [for key in local.keys : {{ name = key, valueFrom = "${{aws_secretsmanager_secret.app.arn}}:${{key}}::" }}]
}}

resource "aws_secretsmanager_secret" "app" {{
  name = "shop/${{var.environment}}"
}}
"#
    );
    let ground = r#"resource "aws_ecs_cluster" "main" {
  name = "shop-${var.environment}"
}

resource "aws_ecr_repository" "images" {
  for_each = toset(["server", "proxy", "socket", "frontend", "indexer"])
  name     = "shop/${each.key}"
}

resource "aws_lb" "main" {
  name               = "shop-${var.environment}"
  load_balancer_type = "application"
  subnets            = var.subnets
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "nothing here"
      status_code  = "404"
    }
  }
}
"#;
    let mut services =
        definition("app", ("var.app_cpu", "var.app_memory"), &app(), "  volume { name = \"nginx-conf\" }\n");
    services += &service("app", "var.app_count", Some(("proxy", 80, "/up")), 100);
    for (number, small) in SMALL.iter().enumerate() {
        let Small { name, image, port, command, environment, secrets, count } = small;
        let mut more = format!("      environment = {environment}\n      secrets     = {secrets}\n");
        if *command != "null" {
            more += &format!("      command     = {command}\n");
        }
        if let Some((port, _)) = port {
            more += &format!("      portMappings = [{{ containerPort = {port}, protocol = \"tcp\" }}]\n");
        }
        let containers = container(name, image, &more) + &agent();
        services += &definition(name, ("var.small_cpu", "var.small_memory"), &containers, "");
        let way = port.map(|(port, path)| (*name, port, path));
        services += &service(name, count, way, 110 + 10 * number);
    }
    let own = "      command     = [\"process_tasks\"]\n      environment = concat(local.environment, [{ name = \"ROLE\", value = \"cron\" }])\n      secrets     = local.secrets\n";
    services += &definition("cron", ("var.small_cpu", "var.small_memory"), &container("cron", "server", own), "");
    let rules = CRONS.map(|(name, at, command)| {
        format!(
            r#"
resource "aws_cloudwatch_event_rule" "{name}" {{
  name                = "shop-${{var.environment}}-{name}"
  schedule_expression = "{at}"
  state               = var.environment == "dev" ? "DISABLED" : "ENABLED"
}}

resource "aws_cloudwatch_event_target" "{name}" {{
  rule     = aws_cloudwatch_event_rule.{name}.name
  arn      = aws_ecs_cluster.main.arn
  role_arn = "arn:aws:iam::${{var.account}}:role/shop-events"
  input    = jsonencode({{ containerOverrides = [{{ name = "cron", command = {command} }}] }})
  ecs_target {{
    launch_type         = "FARGATE"
    task_count          = 1
    task_definition_arn = aws_ecs_task_definition.cron.arn
    network_configuration {{
      subnets         = var.subnets
      security_groups = var.security_groups
    }}
  }}
}}
"#
        )
    });
    Folder::from([
        ("variables.tf".to_owned(), text),
        ("locals.tf".to_owned(), locals),
        ("main.tf".to_owned(), ground.to_owned()),
        ("services.tf".to_owned(), services),
        ("schedules.tf".to_owned(), rules.concat()),
    ])
}

/// What a stage says, as assignments.
fn values(stage: usize) -> String {
    let name = STAGES[stage];
    let domain = if name == "prod" { "shop.example".to_owned() } else { format!("{name}.shop.example") };
    let account = ["111111111111", "111111111111", "222222222222"][stage];
    let mut text = format!(
        "environment = \"{name}\"\ndomain = \"{domain}\"\nimage_tag = \"{name}-4f2c1d9\"\naccount = \"{account}\"\n\
         vpc_id = \"vpc-{stage}\"\ncertificate_arn = \"arn:aws:acm:eu-west-1:{account}:certificate/{name}\"\n\
         subnets = [\"subnet-{stage}a\", \"subnet-{stage}b\"]\nsecurity_groups = [\"sg-{stage}\"]\n"
    );
    text.extend(OWN_VALUES.iter().map(|(key, values)| format!("{key} = \"{}\"\n", values[stage])));
    text.extend(SIZES.iter().map(|(key, values)| format!("{key} = {}\n", values[stage])));
    text
}

/// Stages by files of variables beside one root module.
pub(crate) fn by_files() -> Folder {
    let mut folder = stack();
    folder.insert("provider.tf".to_owned(), "provider \"aws\" {\n  region = var.region\n}\n".to_owned());
    for (number, stage) in STAGES.iter().enumerate() {
        folder.insert(format!("{stage}.tfvars"), values(number));
    }
    folder
}

/// Stages by directories that call one module.
pub(crate) fn by_calls() -> Folder {
    let mut folder: Folder = stack().into_iter().map(|(path, text)| (format!("modules/shop/{path}"), text)).collect();
    for (number, stage) in STAGES.iter().enumerate() {
        let text = format!(
            "provider \"aws\" {{\n  region = \"eu-west-1\"\n}}\n\nmodule \"shop\" {{\n  source = \"../../modules/shop\"\n{}}}\n",
            values(number)
        );
        folder.insert(format!("envs/{stage}/main.tf"), text);
    }
    folder
}
