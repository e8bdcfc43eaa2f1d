//! What of a deploy is Terraform's, as people read it.

use std::fmt::Write;

use import::terraform::{Owned, Seam, Turn};

use super::Paint;
use super::visible::word;

/// Returns a seam as text; `has_blocks` is whether it is known what blocks ignore.
pub(crate) fn seam(seam: &Seam, has_blocks: bool, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold("Terraform beside it"));
    if seam.resources.is_empty() {
        out += "  no resource of the state is a service, target group, rule or schedule of this stage, by its name in AWS\n";
        return out;
    }
    let mut of = "";
    for owned in &seam.owned {
        if of != owned.address {
            of = &owned.address;
            let _ = writeln!(out, "  {}", paint.bold(&word(&owned.address)));
        }
        let _ = writeln!(out, "    {} {}: {}", turn(owned, paint), word(&owned.attribute), word(&what(owned)));
    }
    let quiet = seam.resources.iter().filter(|address| seam.owned.iter().all(|one| one.address != **address));
    let quiet: Vec<String> = quiet.map(|address| word(address).into_owned()).collect();
    if !quiet.is_empty() {
        let _ = writeln!(out, "  {} as the deploy wants it: {}", paint.green("the same"), quiet.join(", "));
    }
    for paste in &seam.paste {
        let place = paste.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let _ = writeln!(out, "  put into the block of {}{}:", paint.bold(&word(&paste.address)), word(&place));
        paste.lines.lines().for_each(|line| {
            let _ = writeln!(out, "      {}", word(line));
        });
    }
    if !has_blocks && seam.owned.iter().any(|owned| owned.turn == Turn::Unknown) {
        out += "  whether blocks have that already, no state tells: give --terraform DIR, or look for `ignore_changes` in them\n";
    }
    out
}

fn turn(owned: &Owned, paint: Paint) -> String {
    match (owned.turn, owned.differs) {
        (Turn::Ignored, _) => paint.green("ignored"),
        (Turn::TakenBack, true) => paint.red("TAKEN BACK"),
        (Turn::TakenBack, false) => paint.yellow("will be taken back"),
        (Turn::Unknown, true) => paint.yellow("taken back unless ignored"),
        (Turn::Unknown, false) => paint.yellow("will be, unless ignored"),
    }
}

/// Says what the two sides have, or that it is no matter of now.
fn what(owned: &Owned) -> String {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    match (owned.attribute.as_str(), owned.differs) {
        ("secret_string", _) => "`managr vars set` and deploys write its values, and Terraform has its own".to_owned(),
        ("container_definitions", _) => {
            "`track_latest` compares it with the revision that a deploy registers".to_owned()
        }
        ("input", _) => "what is said over the task is another here".to_owned(),
        (_, true) => {
            format!("Terraform has {}, and with this deploy it is {}", show(&owned.terraform), show(&owned.deploy))
        }
        (_, false) => match &owned.terraform {
            Some(known) => format!("{known} on both sides now, and the next deploy that changes a task makes another"),
            None => "each deploy that changes a task makes another".to_owned(),
        },
    }
}
