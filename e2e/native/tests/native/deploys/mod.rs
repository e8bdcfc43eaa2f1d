//! Releases that go well and releases that do not, for real: what each prints, and the exit code.
//!
//! Each test has a platform of its own and starts from the example `hello`, whose environment says how it
//! misbehaves. What is said is kept as golden transcripts; what is not said (which tasks run, what is
//! registered) is asked of ECS.

mod cut;
mod lost;
mod others;
mod starts;
mod well;

/// A task that takes its time to listen, and may: seconds.
fn slow(seconds: u32) -> [(&'static str, String); 2] {
    [
        ("[variables]", format!("SLOW_START = \"{seconds}\"")),
        ("[services.web.ingress]", "grace-period = \"60s\"".to_owned()),
    ]
}

/// Changes as [`e2e_native::app::App::edit`] takes them.
fn changes<'a>(list: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    list.iter().map(|(table, lines)| (*table, lines.as_str())).collect()
}
