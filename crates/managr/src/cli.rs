//! The command line: what can be asked for. The doc comments are the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::ui::When;
use crate::verbs;

/// Build, ship, run and operate a containerised web application from one file
///
/// On this machine `managr up` starts an embedded platform that speaks the API of AWS ECS
/// and really runs the containers: no Docker daemon, no AWS account.
#[derive(Debug, Parser)]
#[command(name = "managr", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  managr up --detach          Start the application in the background
  managr status               Show what runs
  managr top                  Watch what it uses
  managr logs local -f        Follow what containers write
  managr run staging -- ...   Run a command once, as a task of its own
  managr down --purge         Stop it and remove every trace of it
  managr plan staging         Show what a deploy would change
  managr deploy staging       Build, push, release and watch
  managr rollback prod        Go back to the release before
  managr vars set all A=b     Give every stage a variable";

/// What every verb takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Manifest [default: managr.toml here or in a directory above]
    #[arg(short = 'F', long, global = true, env = "MANAGR_FILE", value_name = "FILE", hide_env_values = true)]
    pub(crate) file: Option<PathBuf>,
    /// Address of the ECS API [default: http://127.0.0.1:4566 for the local stage, AWS for the others]
    #[arg(long, global = true, env = "MANAGR_ENDPOINT", value_name = "URL", hide_env_values = true)]
    pub(crate) endpoint: Option<String>,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: When,
    /// Print only failures
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more: the output of builds, every call
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(verbs::init::InitArgs),
    Up(verbs::up::UpArgs),
    Down(verbs::down::DownArgs),
    Plan(verbs::plan::PlanArgs),
    Deploy(verbs::deploy::DeployArgs),
    Rollback(verbs::rollback::RollbackArgs),
    History(verbs::history::HistoryArgs),
    Status(verbs::status::StatusArgs),
    Ps(verbs::ps::PsArgs),
    Top(verbs::top::TopArgs),
    Wait(verbs::wait::WaitArgs),
    Scale(verbs::scale::ScaleArgs),
    Schedules(verbs::schedules::SchedulesArgs),
    Logs(verbs::logs::LogsArgs),
    Connect(verbs::connect::ConnectArgs),
    Forward(verbs::forward::ForwardArgs),
    Db(verbs::db::DbArgs),
    Run(verbs::run::RunArgs),
    Build(verbs::build::BuildArgs),
    Push(verbs::push::PushArgs),
    Check(verbs::check::CheckArgs),
    Verify(verbs::verify::VerifyArgs),
    Vars(verbs::vars::VarsArgs),
    Taskdef(verbs::taskdef::TaskdefArgs),
    Import(verbs::import::ImportArgs),
    Pipeline(verbs::pipeline::PipelineArgs),
    Preview(verbs::preview::PreviewArgs),
    Schema(verbs::schema::SchemaArgs),
    Platform(verbs::platform::PlatformArgs),
    Plugin(verbs::plugin::PluginArgs),
    Completions(verbs::completions::CompletionsArgs),
    #[command(hide = true)]
    Gate(verbs::gate::GateArgs),
    #[command(hide = true)]
    Docs(verbs::docs::DocsArgs),
}
