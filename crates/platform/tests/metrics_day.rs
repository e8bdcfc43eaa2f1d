//! What fifty containers' points take, and that all of them can be asked for again. `cargo xtask bench metrics` writes a
//! whole day.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod day;

use day::{Day, SERVICES, TASKS};

/// Bytes that an hour of fifty containers may take before it is packed, which it is after seven hours at most; packed, a
/// day of one series takes 16 kB at most (`metrics/tests/points.rs`). A day is below 120 MiB then, of 256 that there are.
const HOUR: u64 = 12 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_points_of_fifty_containers_are_few_bytes_and_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut day = Day::new(dir.path());
    assert_eq!(day.tasks(), SERVICES * TASKS);
    let wrote = day.pass(60).await;
    let bytes = day.metrics.bytes().unwrap();
    println!("an hour of 50 containers: {wrote:?}, {} metrics, {bytes} bytes", day.metrics.count());
    assert!(bytes < HOUR, "{bytes} bytes for an hour");
    assert_eq!(day.ask(1, 60).await, SERVICES * 60);
    assert_eq!(day.ask(1, 20).await, SERVICES * 179, "the first reading has nothing before it");
    assert_eq!(day.ask_percentile(1, 60).await, 60);
}
