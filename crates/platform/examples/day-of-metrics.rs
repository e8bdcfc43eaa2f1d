//! `cargo xtask bench metrics`: a day of fifty containers, and what it takes: disk, memory, processor, and time to ask.

#[path = "../tests/day/mod.rs"]
mod day;

use std::time::{Duration, Instant};

use day::Day;

#[tokio::main]
async fn main() {
    let hours: i64 = std::env::args().nth(1).map_or(24, |hours| hours.parse().expect("a number of hours"));
    let dir = tempfile::tempdir().expect("a directory");
    let mut day = Day::new(dir.path());
    let (memory, processor, began) = (resident(), used(), Instant::now());
    let wrote = day.pass(hours * 60).await;
    let (took, processor) = (began.elapsed(), used() - processor);
    println!(
        "{hours} h of {} containers: {} metrics, {} data in {} calls",
        day.tasks(),
        day.metrics.count(),
        wrote.data,
        wrote.calls
    );
    println!("  written in {:.1} s, {:.1} s of processor", took.as_secs_f64(), processor.as_secs_f64());
    let share = processor.as_secs_f64() / (hours as f64 * 3600.0) * 100.0;
    println!("  which is {share:.3} % of a processor for as long as they run");
    let points = day.metrics.bytes().expect("the store answers");
    println!("  points {:.1} MiB, files {:.1} MiB", mib(points), mib(files(dir.path())));
    println!(
        "  memory {:.1} MiB more than before ({:.1})",
        (resident() as f64 - memory as f64) / 1048576.0,
        mib(memory)
    );
    for (what, hours, period) in [("3 h by minutes", 3, 60), ("a day by five minutes", 24, 300), ("3 h by 20 s", 3, 20)]
    {
        let began = Instant::now();
        let values = day.ask(hours, period).await;
        println!("  CPU of all services, {what}: {values} values in {:.1} ms", millis(began.elapsed()));
    }
    let began = Instant::now();
    let values = day.ask_percentile(24, 300).await;
    println!("  p99 of response times, a day by five minutes: {values} values in {:.1} ms", millis(began.elapsed()));
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Returns the bytes of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Returns the processor time that this process has used.
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in brackets, may have blanks; user and system time are the 14th and 15th field, in hundredths.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn files(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}
