//! Does a folder in a shape that people publish end in something true? Each was seen in a public folder, and is written
//! here in other words and values.

#![allow(clippy::unwrap_used)] // helpers of tests

use import::account::reckon;
use import::fold::fold;
use import::prove::prove;
use import::terraform::{Options, TerraformError, read};
use import::{Folder, Found, write};

fn folder(files: &[(&str, &str)]) -> Folder {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn of(files: &[(&str, &str)]) -> Found {
    read(&folder(files), &Options::default()).unwrap()
}

/// Returns what the manifest's own reader takes: every import must end in that.
fn manifest(found: &Found) -> String {
    let text = write::text(&fold(found).manifest, &[]);
    deploy_core::parse("managr.toml", &text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    text
}

fn stages(found: &Found) -> Vec<&str> {
    found.stages.iter().map(|stage| stage.name.as_str()).collect()
}

fn left(found: &Found) -> String {
    found.left.iter().map(|left| format!("{} | {} | {}\n", left.place, left.what, left.why)).collect()
}

const PROVIDER: &str = "provider \"aws\" { region = \"eu-west-1\" }\n";

fn task(label: &str, family: &str, container: &str) -> String {
    format!(
        "resource \"aws_ecs_task_definition\" \"{label}\" {{\n  family = \"{family}\"\n  \
         container_definitions = jsonencode([{container}])\n}}\n\
         resource \"aws_ecs_service\" \"{label}\" {{\n  name = \"{label}\"\n  task_definition = \
         aws_ecs_task_definition.{label}.arn\n  desired_count = 1\n}}\n"
    )
}

/// The network takes a name of the edge, and the edge takes an id of the network: Terraform sees no circle in that.
#[test]
fn modules_that_need_outputs_of_each_other_are_no_circle() {
    let root = format!(
        "{PROVIDER}module \"edge\" {{\n  source = \"./edge\"\n  network = module.network.id\n  label = \"edge\"\n}}\n\
         module \"network\" {{\n  source = \"./network\"\n  tag = module.edge.label\n  also = module.network.tag\n}}\n\
         module \"tasks\" {{\n  source = \"./tasks\"\n  label = module.network.tag\n  again = module.edge.network\n}}\n"
    );
    let edge = "variable \"network\" {}\nvariable \"label\" {}\noutput \"label\" { value = var.label }\noutput \
                \"network\" { value = var.network }\n";
    let network = "variable \"tag\" {}\nvariable \"also\" {}\noutput \"tag\" { value = \"of-${var.tag}\" }\noutput \
                   \"id\" { value = \"net-${var.tag}\" }\n";
    let tasks = task(
        "web",
        "web",
        "{ name = \"web\", image = \"web:1\", environment = [{ name = \"A\", value = var.label }, { name = \"B\", value \
         = var.again }] }",
    );
    let tasks = format!("variable \"label\" {{}}\nvariable \"again\" {{}}\n{tasks}");
    let files = [("main.tf", root.as_str()), ("edge/m.tf", edge), ("network/m.tf", network), ("tasks/m.tf", &tasks)];
    let text = manifest(&of(&files));
    assert!(text.contains("A = \"of-edge\"") && text.contains("B = \"net-edge\""), "{text}");
}

#[test]
fn the_folder_that_is_named_is_the_root_whatever_lies_beside_and_below_it() {
    let web = format!("{PROVIDER}{}", task("web", "web", "{ name = \"web\", image = \"web:1\" }"));
    let other = task("other", "other", "{ name = \"other\", image = \"other:1\" }");
    // `examples/basic` calls the module of the whole repository, whose other examples come along.
    let call = format!("{PROVIDER}module \"all\" {{ source = \"../..\" }}\n");
    let found = of(&[("main.tf", &call), ("../../main.tf", &other), ("../../examples/other/main.tf", &call)]);
    assert_eq!(found.stages[0].services.len(), 1, "{}", left(&found));
    manifest(&found);
    let found = of(&[("main.tf", &web), ("tools/main.tf", &other)]);
    assert_eq!(found.stages[0].services.len(), 1);
    assert!(left(&found).contains("tools | tools | another root module"), "{}", left(&found));
    // Without files of its own it is a question still.
    let both = folder(&[("one/main.tf", web.as_str()), ("two/main.tf", &other)]);
    assert!(matches!(read(&both, &Options::default()), Err(TerraformError::Roots(_))));
}

#[test]
fn a_container_that_nobody_names_is_a_question_and_never_equal() {
    let web =
        task("web", "web", "{ name = var.container, image = \"web:1\" }, { name = \"side\", image = \"side:1\" }");
    let found = of(&[("main.tf", &format!("{PROVIDER}variable \"container\" {{}}\n{web}"))]);
    let text = manifest(&found);
    assert!(text.contains("containers.container-1") && text.contains("containers.side"), "{text}");
    assert!(left(&found).contains("nobody tells its name"), "{}", left(&found));
    assert!(!prove(&text, &found).unwrap()[0].equal);
}

/// An unknown value is in no document: nothing that lacks something is equal to what it was made from.
#[test]
fn nothing_is_equal_that_lacks_what_nobody_can_tell() {
    let lacking = |member: &str| {
        let web = task("web", "web", &format!("{{ name = \"web\", image = \"web:1\", {member} }}"));
        let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
        let text = manifest(&found);
        let proof = prove(&text, &found).unwrap().remove(0);
        (proof.equal, proof.differences.join("; "))
    };
    assert_eq!(lacking("cpu = 10"), (true, String::new()));
    for (member, named) in [
        ("environment = [{ name = \"DB\", value = aws_db_instance.main.address }]", "variable DB of web"),
        (
            "environment = [{ name = \"API_TOKEN\", value = \"abcdefghijkl\" }]",
            "variable API_TOKEN of web (a secret now)",
        ),
        ("command = [\"serve\", aws_instance.one.private_ip]", "containerDefinitions[web].command"),
        ("cpu = data.aws_ssm_parameter.cpu.value", "containerDefinitions[web].cpu"),
    ] {
        let (equal, differences) = lacking(member);
        assert!(!equal && differences.contains(named), "{member}: {differences}");
    }
    // A service without its security groups would get the VPC's own.
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }").replace(
        "desired_count",
        "network_configuration {\n    subnets = [\"subnet-1\"]\n    security_groups = [aws_security_group.web.id]\n  }\n  \
         desired_count",
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    let services = reckon(&manifest(&found), &found, "nobody").unwrap().services;
    assert!(!services[0].equal && services[0].differences.join(" ").contains("securityGroups"), "{services:?}");
}

/// A whole configuration that is kept as a secret has ports in it, which containers need too.
#[test]
fn a_port_in_a_configuration_that_is_kept_as_a_secret_is_no_credential() {
    let secret = r#"
variable "proxy" {
  default = { listen = 6432, pin = 4711, motto = "all-hail-the-teapot" }
}
resource "aws_secretsmanager_secret" "config" { name = "proxy-config" }
resource "aws_secretsmanager_secret_version" "config" {
  secret_id     = aws_secretsmanager_secret.config.id
  secret_string = "listen = ${var.proxy.listen}\npin = ${var.proxy.pin}\nmotto = ${var.proxy.motto}"
}
"#;
    let proxy = task(
        "proxy",
        "proxy",
        "{ name = \"proxy\", image = \"proxy:1\", portMappings = [{ containerPort = var.proxy.listen }], environment = [{ \
         name = \"NUMBER\", value = \"${var.proxy.pin}\" }, { name = \"MOTTO\", value = var.proxy.motto }] }",
    );
    let text = manifest(&of(&[("main.tf", &format!("{PROVIDER}{secret}{proxy}"))]));
    assert!(text.contains("6432"), "{text}");
    assert!(!text.contains("4711") && !text.contains("teapot"), "{text}");
}

#[test]
fn a_file_of_variables_tells_its_stage_and_two_of_one_stage_are_not_mixed() {
    let web = format!(
        "{PROVIDER}variable \"size\" {{ default = \"0\" }}\n{}",
        task(
            "web",
            "web",
            "{ name = \"web\", image = \"web:1\", environment = [{ name = \"SIZE\", value = var.size }] }"
        )
    );
    let with = |files: &[(&str, &str)]| {
        let mut all = vec![("main.tf", web.as_str())];
        all.extend(files);
        let found = of(&all);
        (manifest(&found), stages(&found).join(" "), left(&found))
    };
    let (_, names, _) = with(&[("fixtures.staging.us-west-2.tfvars", "size = \"1\"")]);
    assert_eq!(names, "staging");
    let (text, names, _) =
        with(&[("staging.eu-west-1.tfvars", "size = \"1\""), ("staging.us-west-2.tfvars", "size = \"2\"")]);
    assert_eq!(names, "staging-eu-west-1 staging-us-west-2", "{text}");
    assert!(text.contains("\"1\"") && text.contains("\"2\""), "{text}");
    // Two halves of one stage.
    let (text, names, _) = with(&[("prod.tfvars", "size = \"1\""), ("prod-more.tfvars", "other = \"2\"")]);
    assert_eq!(names, "prod", "{text}");
    let (_, names, told) = with(&[("prod.tfvars", "size = \"1\""), ("prod-more.tfvars", "size = \"2\"")]);
    assert_eq!(names, "prod");
    assert!(told.contains("size of prod-more.tfvars says otherwise, and the last counts"), "{told}");
    let (_, names, _) = with(&[("eu west (old).tfvars", "size = \"1\"")]);
    assert_eq!(names, "eu-west--old");
}

#[test]
fn a_value_that_is_no_literal_takes_no_other_with_it() {
    let web = task("web", "web", "{ name = \"web\", image = \"web:${var.tag}\" }");
    let text = format!("{PROVIDER}variable \"zones\" {{}}\nvariable \"tag\" {{ default = \"9\" }}\n{web}");
    let found = of(&[("main.tf", &text), ("terraform.tfvars", "zones = [Zone-one]\ntag = \"7\"\n")]);
    assert!(manifest(&found).contains("web:7"));
    assert!(left(&found).contains("terraform.tfvars:1 | variable zones | it is no literal value"), "{}", left(&found));
}

#[test]
fn the_folder_s_own_name_is_a_stage_where_nothing_else_is() {
    let web = format!("{PROVIDER}{}", task("web", "web", "{ name = \"web\", image = \"web:1\" }"));
    let named = |name: &str| {
        let options = Options { folder: Some(name.to_owned()), ..Options::default() };
        stages(&read(&folder(&[("main.tf", &web)]), &options).unwrap()).join(" ")
    };
    assert_eq!((named("dev").as_str(), named("infra").as_str()), ("dev", "prod"));
}

fn account(files: &[(&str, &str)]) -> (Option<String>, String) {
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }");
    let mut all = vec![("web.tf", web.as_str())];
    all.extend(files);
    let role = "data \"aws_caller_identity\" \"me\" {}\n";
    all.push(("role.tf", role));
    let found = of(&all);
    manifest(&found);
    (found.stages[0].account.clone(), left(&found))
}

/// One sign is enough, and of two that disagree none is taken.
#[test]
fn an_account_is_told_by_what_the_folder_names_where_all_of_it_agrees() {
    let provider = |body: &str| format!("provider \"aws\" {{\n  region = \"eu-west-1\"\n{body}\n}}\n");
    let some = |digits: &str| Some(digits.to_owned());
    for (text, expected) in [
        (provider("  allowed_account_ids = [\"111122223333\"]"), some("111122223333")),
        (
            provider("  assume_role {\n    role_arn = \"arn:aws:iam::111122223333:role/deploy\"\n  }"),
            some("111122223333"),
        ),
        (
            provider("") + "locals { certificate = \"arn:aws:acm:eu-west-1:111122223333:certificate/1\" }",
            some("111122223333"),
        ),
        (
            provider("") + "locals { image = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web\" }",
            some("111122223333"),
        ),
        (
            provider("")
                + "variable \"account_id\" { default = \"111122223333\" }\nlocals { shared = \"444455556666.dkr.ecr.eu-west-1.amazonaws.com/base\" }",
            some("111122223333"),
        ),
        // Whose are they?
        (
            provider("")
                + "locals {\n  a = \"arn:aws:acm:eu-west-1:111122223333:certificate/1\"\n  b = \"444455556666.dkr.ecr.eu-west-1.amazonaws.com/base\"\n}",
            None,
        ),
        // Others' wares.
        (
            provider("")
                + "locals { logs = \"906394416424.dkr.ecr.us-west-2.amazonaws.com/aws-for-fluent-bit:latest\" }",
            None,
        ),
    ] {
        assert_eq!(account(&[("main.tf", &text)]).0, expected, "{text}");
    }
    // Which values a stage has counts before what the files name.
    let text = provider("")
        + "variable \"certificate\" {}\nlocals { base = \"444455556666.dkr.ecr.eu-west-1.amazonaws.com/base\" }";
    let vars = "certificate = \"arn:aws:acm:eu-west-1:111122223333:certificate/1\"";
    assert_eq!(account(&[("main.tf", &text), ("terraform.tfvars", vars)]).0, some("111122223333"));
}

/// An unknown account is in no manifest; if an ARN needs it, no deploy is possible before the user gives it.
#[test]
fn what_stands_for_an_account_is_never_said_as_one() {
    let role =
        "execution_role_arn = \"arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/shop-run\"\n  family";
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }").replacen("family", role, 1);
    let head = format!("{PROVIDER}data \"aws_caller_identity\" \"me\" {{}}\n");
    let found = of(&[("main.tf", &format!("{head}{web}"))]);
    let text = manifest(&found);
    assert!(!text.contains("000000000000") && text.contains("execution-role = \"shop-run\""), "{text}");
    assert!(left(&found).contains("say it with --account"), "{}", left(&found));
    let secret = "{ name = \"web\", image = \"web:1\", secrets = [{ name = \"KEY\", valueFrom = \
                  \"arn:aws:ssm:eu-west-1:${data.aws_caller_identity.me.account_id}:parameter/key\" }] }";
    let found = of(&[("main.tf", &format!("{head}{}", task("web", "web", secret)))]);
    let text = manifest(&found);
    assert!(text.contains("account = \"000000000000\""), "a deploy refuses it: {text}");
    // Two accounts: a question that names them.
    let two = "locals {\n  a = \"arn:aws:acm:eu-west-1:111122223333:certificate/1\"\n  b = \"arn:aws:kms:eu-west-1:444455556666:key/1\"\n}\n";
    let found = of(&[("main.tf", &format!("{head}{two}{web}"))]);
    assert!(left(&found).contains("its files name 111122223333, 444455556666"), "{}", left(&found));
}

/// Go reads members of JSON whatever the case of their letters, and so does the provider.
#[test]
fn members_of_containers_are_read_as_the_provider_reads_them() {
    let web = task(
        "web",
        "web",
        "{ Name = \"web\", Image = \"web:1\", Environment = [{ Name = \"MODE\", Value = \"fast\" }], secrets = [{ name = \
         \"KEY\", ValueFrom = \"arn:aws:ssm:eu-west-1:111122223333:parameter/key\" }], log_configuration = {} }",
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    let text = manifest(&found);
    assert!(
        text.contains("MODE = \"fast\"") && text.contains("parameter/key") && text.contains("containers.web"),
        "{text}"
    );
    let proof = prove(&text, &found).unwrap().remove(0);
    assert!(proof.equal, "{proof:?}");
}

#[test]
fn a_default_that_somebody_is_to_fill_in_is_no_region_and_no_value() {
    let head = "variable \"region\" { default = \"<AWS-region>\" }\nprovider \"aws\" { region = var.region }\n";
    let role = "execution_role_arn = \"arn:aws:iam::<YOUR_ACCOUNT>:role/run\"\n  family";
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }").replacen("family", role, 1);
    let found = of(&[("main.tf", &format!("{head}{web}"))]);
    let text = manifest(&found);
    assert_eq!(found.stages[0].region, None);
    assert!(left(&found).contains("executionRoleArn of aws_ecs_task_definition.web"), "{}", left(&found));
    assert!(!prove(&text, &found).unwrap()[0].equal);
}

#[test]
fn a_stage_is_told_by_the_root_s_variables_or_by_what_its_services_are_called() {
    let module =
        "variable \"name\" {}\n".to_owned() + &task("web", "${var.name}-task", "{ name = \"web\", image = \"web:1\" }");
    let root = |name: &str| format!("{PROVIDER}module \"web\" {{\n  source = \"./web\"\n  name = {name}\n}}\n");
    let stage = |text: &str| stages(&of(&[("main.tf", text), ("web/main.tf", &module)])).join(" ");
    let with_variable = format!("{}variable \"environment\" {{ default = \"dev\" }}\n", root("\"shop\""));
    assert_eq!(stage(&with_variable), "dev");
    assert_eq!(stage(&root("\"shop-dev-eu\"")), "dev");
    assert_eq!(stage(&root("\"shop\"")), "prod");
}

/// Machines of EC2 with a bridge: nothing of the network is the service's, and the provider's launch type is EC2.
#[test]
fn a_service_on_machines_is_not_made_one_of_fargate() {
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\", memory = 128 }").replacen(
        "family",
        "network_mode = \"bridge\"\n  family",
        1,
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    let services = reckon(&manifest(&found), &found, "nobody").unwrap().services;
    assert!(services[0].equal, "{services:?}");
}

#[test]
fn comments_in_ignore_changes_are_no_names() {
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }").replacen(
        "desired_count",
        "lifecycle {\n    ignore_changes = [\n      desired_count, // a scaler's\n      # task_definition\n    ]\n  }\n  desired_count",
        1,
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    assert!(left(&found).contains("ignore_changes = [desired_count, task_definition]"), "{}", left(&found));
}

/// CodeDeploy's services take no revision from any other caller: no deploy of ours could do anything there.
#[test]
fn a_service_that_another_controller_deploys_is_told() {
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }").replacen(
        "desired_count",
        "deployment_controller {\n    type = \"CODE_DEPLOY\"\n  }\n  desired_count",
        1,
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    let left = fold(&found).left;
    assert!(left.iter().any(|one| one.why.starts_with("CODE_DEPLOY replaces its tasks")), "{left:?}");
}

/// A second way in, which the manifest has no word for, is not taken away.
#[test]
fn a_further_load_balancer_of_a_service_stays() {
    let group = |name: &str, port: u16| {
        format!(
            "resource \"aws_lb_target_group\" \"{name}\" {{\n  name = \"{name}\"\n  port = {port}\n  vpc_id = \"vpc-1\"\n  target_type = \"ip\"\n}}\n\
                 resource \"aws_lb_listener\" \"{name}\" {{\n  load_balancer_arn = aws_lb.main.arn\n  port = {port}\n  default_action {{\n    type = \"forward\"\n    target_group_arn = aws_lb_target_group.{name}.arn\n  }}\n}}\n"
        )
    };
    let balancer = |name: &str, port: u16| {
        format!(
            "load_balancer {{\n    target_group_arn = aws_lb_target_group.{name}.arn\n    container_name = \"web\"\n    container_port = {port}\n  }}\n  "
        )
    };
    let web = task(
        "web",
        "web",
        "{ name = \"web\", image = \"web:1\", portMappings = [{ containerPort = 80 }, { containerPort = 81 }] }",
    )
    .replacen("desired_count", &format!("{}{}desired_count", balancer("pages", 80), balancer("admin", 81)), 1);
    let text = format!(
        "{PROVIDER}resource \"aws_lb\" \"main\" {{\n  name = \"main\"\n  subnets = [\"subnet-1\"]\n}}\n{}{}{web}",
        group("pages", 80),
        group("admin", 81)
    );
    let found = of(&[("main.tf", &text)]);
    let services = reckon(&manifest(&found), &found, "nobody").unwrap().services;
    assert!(!services[0].differences.join(" ").contains("loadBalancers"), "{services:?}");
}

/// The provider's structures have numbers and truths; what is written as a text is what ECS takes there, and told.
#[test]
fn texts_in_containers_have_the_types_of_the_model() {
    let web = task(
        "web",
        "web",
        "{ name = \"web\", image = \"web:1\", cpu = \"128\", essential = \"true\", portMappings = [{ containerPort = \"80\" }] }",
    );
    let found = of(&[("main.tf", &format!("{PROVIDER}{web}"))]);
    let container = &found.stages[0].services[0].task_definition["containerDefinitions"][0];
    assert_eq!((&container["cpu"], &container["essential"]), (&128.into(), &true.into()));
    assert!(manifest(&found).contains("ports = [80]"));
    assert!(left(&found).contains("container_definitions.web.cpu of aws_ecs_task_definition.web"), "{}", left(&found));
}

/// What no table names is in no document; a definition or a service that lacks it is not equal, whatever else is.
#[test]
fn what_nobody_reads_of_a_definition_or_a_service_makes_it_unequal() {
    let web = task("web", "web", "{ name = \"web\", image = \"web:1\" }");
    let with = |of_task: &str, of_service: &str| {
        let text = web.replacen("family", &format!("{of_task}\n  family"), 1).replacen(
            "desired_count",
            &format!("{of_service}\n  desired_count"),
            1,
        );
        let found = of(&[("main.tf", &format!("{PROVIDER}{text}"))]);
        let text = manifest(&found);
        let equal = |proofs: Vec<import::prove::Proof>| proofs[0].equal;
        (equal(prove(&text, &found).unwrap()), equal(reckon(&text, &found, "nobody").unwrap().services))
    };
    assert_eq!(with("skip_destroy = true", "wait_for_steady_state = true"), (true, true));
    assert_eq!(with("tomorrows_argument = true", ""), (false, true));
    assert_eq!(with("", "tomorrows_block {\n    a = 1\n  }"), (true, false));
    let volume = "volume {\n    name = \"win\"\n    fsx_windows_file_server_volume_configuration {\n      file_system_id = \"fs-1\"\n      root_directory = \"/\"\n    }\n  }";
    assert_eq!(with(volume, ""), (true, true));
    let ebs = "volume_configuration {\n    name = \"d\"\n    managed_ebs_volume {\n      role_arn = \"arn:aws:iam::111122223333:role/ebs\"\n      size_in_gb = 20\n    }\n  }";
    assert_eq!(with("", ebs), (true, true));
}
