//! Prints everything of managr's that is on this machine, a line each; for machines that have no tests on them.

fn main() {
    for line in e2e::leftovers::seen() {
        println!("{line}");
    }
}
