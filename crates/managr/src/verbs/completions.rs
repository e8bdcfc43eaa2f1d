//! `managr completions`: what the shell needs to complete our command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr completions bash > /etc/bash_completion.d/managr\n  \
    managr completions fish > ~/.config/fish/completions/managr.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell to write for
    shell: Shell,
}

pub(crate) fn run(cx: &Context, args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "managr", &mut out);
    cx.ui.exact(&String::from_utf8_lossy(&out));
    Ok(Exit::Done)
}
