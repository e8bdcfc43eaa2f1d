//! The `managr` program: reads the command line, runs one verb, ends with its exit code.

mod actor;
mod allow;
mod balance;
mod cli;
mod context;
mod daemon;
mod dropin;
mod exit;
mod failure;
mod forwarding;
mod interrupts;
mod purge;
mod reach;
mod serve;
mod shell;
mod systemd;
mod ui;
mod verbs;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// The hidden verb that a task's supervisor is started with.
const SUPERVISE: &str = "supervise";

fn main() -> ExitCode {
    // A supervisor forks and enters namespaces: it must be alone in its process, before any
    // thread, any runtime and the parsing of anything else.
    let mut args = std::env::args_os();
    let program = args.next();
    if dropin::is_called(program.as_deref()) {
        return dropin::run(args);
    }
    match args.next() {
        Some(verb) if verb == SUPERVISE => return runtime::supervise(args),
        Some(verb) if verb == balance::VERB => return balance::run(args),
        _ => {}
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return told(&said),
    };
    let ui = Ui::new(cli.global.color, cli.global.quiet);
    log(&cli, ui);
    let context = Context { ui, global: cli.global };
    let exit = match run(&context, cli.command) {
        Ok(exit) => exit,
        Err(failure) => {
            ui::complain(&failure.render(ui.err));
            failure.exit
        }
    };
    written(exit, ui).into()
}

/// What was asked for is not done when it could not be printed.
fn written(exit: Exit, ui: Ui) -> Exit {
    let Some(error) = ui::lost() else { return exit };
    ui::complain(&Failure::new(format!("could not write to standard output: {error}")).render(ui.err));
    if exit == Exit::Done { Exit::Failed } else { exit }
}

/// Says what the command line is answered with: help and version are data, the rest are faults.
fn told(said: &clap::Error) -> ExitCode {
    let ui = Ui::new(ui::When::Auto, false);
    if said.use_stderr() {
        // As clap has it: with its colours, and its code.
        let _ = said.print();
        return Exit::Usage.into();
    }
    let text = said.render();
    ui.data(&if ui.out == ui::Paint::Colour { text.ansi().to_string() } else { text.to_string() });
    written(Exit::Done, ui).into()
}

fn run(cx: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => verbs::check::run(cx, &args),
        Command::Init(args) => verbs::init::run(cx, &args),
        Command::Schema(args) => verbs::schema::run(cx, &args),
        Command::Completions(args) => verbs::completions::run(cx, &args),
        Command::Docs(args) => verbs::docs::run(cx, &args),
        Command::Pipeline(args) => verbs::pipeline::run(cx, args),
        waiting => runtime(&waiting)?.block_on(async {
            match waiting {
                Command::Up(args) => verbs::up::run(cx, args).await,
                Command::Down(args) => verbs::down::run(cx, args).await,
                Command::Plan(args) => verbs::plan::run(cx, args).await,
                Command::Deploy(args) => verbs::deploy::run(cx, args).await,
                Command::Rollback(args) => verbs::rollback::run(cx, args).await,
                Command::History(args) => verbs::history::run(cx, args).await,
                Command::Wait(args) => verbs::wait::run(cx, args).await,
                Command::Scale(args) => verbs::scale::run(cx, args).await,
                Command::Schedules(args) => verbs::schedules::run(cx, args).await,
                Command::Status(args) => verbs::status::run(cx, args).await,
                Command::Ps(args) => verbs::ps::run(cx, args).await,
                Command::Top(args) => verbs::top::run(cx, args).await,
                Command::Logs(args) => verbs::logs::run(cx, args).await,
                Command::Connect(args) => verbs::connect::run(cx, args).await,
                Command::Db(args) => verbs::db::run(cx, args).await,
                Command::Forward(args) => verbs::forward::run(cx, args).await,
                Command::Run(args) => verbs::run::run(cx, args).await,
                Command::Build(args) => verbs::build::run(cx, args).await,
                Command::Push(args) => verbs::push::run(cx, args).await,
                Command::Import(args) => verbs::import::run(cx, args).await,
                Command::Verify(args) => verbs::verify::run(cx, args).await,
                Command::Vars(args) => verbs::vars::run(cx, args).await,
                Command::Taskdef(args) => verbs::taskdef::run(cx, args).await,
                Command::Preview(args) => verbs::preview::run(cx, args).await,
                Command::Plugin(args) => verbs::plugin::run(cx, args).await,
                Command::Platform(args) => verbs::platform::run(cx, args).await,
                Command::Gate(args) => verbs::gate::run(cx, &args).await,
                Command::Check(_)
                | Command::Init(_)
                | Command::Schema(_)
                | Command::Completions(_)
                | Command::Docs(_)
                | Command::Pipeline(_) => {
                    unreachable!("these verbs wait for nothing and ran above")
                }
            }
        }),
    }
}

/// The platform works on every core; the other verbs wait for answers, on one thread.
fn runtime(command: &Command) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match command {
        Command::Platform(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let built = builder.enable_all().build();
    built.map_err(|error| Failure::new(format!("could not start: {error}")))
}

/// Logs are for the operator of the platform; the other verbs talk through [`Ui`] and log
/// only when asked.
fn log(cli: &Cli, ui: Ui) {
    let default = match (&cli.command, cli.global.verbose) {
        (Command::Platform(_), false) => "info",
        (_, false) => "error",
        (_, true) => "managr=debug,deploy=debug,aws=debug,platform=debug,orchestrator=debug,info",
    };
    let filter = EnvFilter::try_from_env("MANAGR_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = ui.err == ui::Paint::Colour;
    // A log on a full disk is lost; complaining about that on the same disk would panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    log.with_ansi(ansi).with_writer(std::io::stderr).init();
}
