//! The questions of `managr init`, one line each. Enter takes what is in brackets.

use std::io::{self, Write};

use clap::ValueEnum;

use super::answers::{Answers, check_host, check_name, check_path, check_port, default_name, words};
use super::template::Template;
use super::{InitArgs, app_name};
use crate::context::Context;

/// Returns the answers; none: the input ended.
pub(super) fn ask(cx: &Context, args: &InitArgs) -> io::Result<Option<Answers>> {
    let name = args.name.as_deref().map_or_else(|| default_name(&args.dir), app_name);
    let Some(app) = line(cx, "name of the application", &name, check_name)? else { return Ok(None) };
    let kind = format!("made with ({})", Template::names(", "));
    let known = |text: &str| match Template::from_str(text, true) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("one of {}", Template::names(", "))),
    };
    let Some(template) = line(cx, &kind, guess(args).name(), known)? else { return Ok(None) };
    let template = Template::from_str(&template, true).unwrap_or(Template::Static);
    let port = args.port.unwrap_or_else(|| template.port()).to_string();
    let Some(port) = line(cx, "port that it listens on", &port, check_port)? else { return Ok(None) };
    let health = args.health_path.as_deref().unwrap_or(template.health());
    let Some(health) = line(cx, "path that tells whether it is well", health, check_path)? else { return Ok(None) };
    let (mut worker, mut database) = (Vec::new(), false);
    if template.has_code() {
        let command = args.worker.as_deref().unwrap_or_default();
        let Some(command) = line(cx, "command of a background worker, if there is one", command, |_| Ok(()))? else {
            return Ok(None);
        };
        worker = words(&command);
        let default = if args.database { "y" } else { "n" };
        let Some(wanted) = line(cx, "PostgreSQL (y/n)", default, check_switch)? else { return Ok(None) };
        database = is_yes(&wanted);
    }
    let host = |host: &Option<String>| host.clone().unwrap_or_default();
    let Some(staging) = line(cx, "host name of staging, if there is one", &host(&args.staging), check_host)? else {
        return Ok(None);
    };
    let Some(prod) = line(cx, "host name of prod, if there is one", &host(&args.prod), check_host)? else {
        return Ok(None);
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let module = template.module(&args.dir);
    // It was checked.
    let port = port.parse().unwrap_or_else(|_| template.port());
    let (staging, prod) = (given(staging), given(prod));
    Ok(Some(Answers { template, app, port, health, worker, database, staging, prod, module }))
}

/// Returns what the files in the directory speak for.
fn guess(args: &InitArgs) -> Template {
    let has = |name: &str| args.dir.join(name).exists();
    match () {
        () if has("manage.py") => Template::Django,
        () if has("Gemfile") => Template::Rails,
        () if has("package.json") => Template::Node,
        () if has("public") => Template::Static,
        () => Template::Django,
    }
}

/// Asks until the answer is one; an empty one is the default. None: the input ended.
fn line(
    cx: &Context,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> io::Result<Option<String>> {
    loop {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let mut words = io::stderr().lock();
        write!(words, "{}{shown}: ", cx.ui.err.bold(question))?;
        words.flush()?;
        drop(words);
        let mut typed = String::new();
        if io::stdin().read_line(&mut typed)? == 0 {
            return Ok(None);
        }
        let answer = match typed.trim() {
            "" => default,
            typed => typed,
        };
        if answer.is_empty() {
            return Ok(Some(String::new()));
        }
        match check(answer) {
            Ok(()) => return Ok(Some(answer.to_owned())),
            Err(why) => cx.ui.say(&format!("  {} {why}", cx.ui.err.yellow("not that:"))),
        }
    }
}

fn check_switch(text: &str) -> Result<(), String> {
    let known = ["y", "yes", "n", "no"].contains(&text.to_lowercase().as_str());
    if known { Ok(()) } else { Err("y or n".to_owned()) }
}

fn is_yes(text: &str) -> bool {
    text.to_lowercase().starts_with('y')
}
