//! The table for people: a part of `docs/compatibility.md`.

use super::awslogs::OPTIONS;
use super::table::{REQUEST, Row, TASK, Treatment};

/// Returns the page's sections.
pub fn reference() -> String {
    let mut page = String::from(
        "\n## What a task definition may ask for\n\n\
         One table: the platform refuses by it where something would run, `managr check` and `managr verify local` tell \
         it\nbefore, and an import lists what of it cannot run here. Registering is never refused for it.\n\n\
         | member of RegisterTaskDefinition | |\n|---|---|\n",
    );
    rows(&mut page, TASK);
    page.push_str("\n### Options of the log driver awslogs\n\n| option | |\n|---|---|\n");
    for (name, words) in OPTIONS {
        page.push_str(&format!("| {name} | {words} |\n"));
    }
    page.push_str("| any other | refused |\n");
    page.push_str(
        "\n## What a request that runs one may ask for\n\n\
         | member of RunTask, CreateService, UpdateService | |\n|---|---|\n",
    );
    rows(&mut page, REQUEST);
    page
}

fn rows(page: &mut String, rows: &[Row]) {
    let mut members: Vec<_> = rows.iter().flat_map(Row::members).collect();
    members.sort_by(|a, b| a.path.cmp(&b.path));
    for member in members {
        let words = match member.treatment {
            Treatment::Served => "served".to_owned(),
            Treatment::Kept(why) => format!("kept without effect: {why}"),
            Treatment::Partly { words, .. } => format!("served: {words}"),
            Treatment::Refused("") => "refused".to_owned(),
            Treatment::Refused(instead) => format!("refused ({instead})"),
        };
        page.push_str(&format!("| {} | {words} |\n", member.path));
    }
}
