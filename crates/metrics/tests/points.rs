//! What the store promises of points: nothing is lost while it is kept, nothing is kept for ever.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use metrics::periods::Grid;
use metrics::point::Statistic;
use metrics::{Datum, Metric, Metrics};
use store::Store;

const R: &str = "us-east-1";
const START: i64 = 1_700_006_400; // midnight
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

struct World {
    metrics: Metrics,
    store: Store,
    now: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        Self::over(Store::ephemeral().unwrap())
    }

    fn over(store: Store) -> Self {
        let now = Arc::new(AtomicI64::new(START));
        Self { metrics: open(&store, &now), store, now }
    }

    fn at(&self, seconds: i64) {
        self.now.store(seconds, Ordering::SeqCst);
    }

    async fn put(&self, data: Vec<Datum>) {
        self.metrics.put(R, "N", data).await.unwrap();
    }

    fn sum(&self, from: i64, to: i64, period: i64) -> f64 {
        sum(&self.metrics, from, to, period)
    }
}

fn open(store: &Store, now: &Arc<AtomicI64>) -> Metrics {
    let now = now.clone();
    Metrics::open(store.clone(), "123456789012", Arc::new(move || now.load(Ordering::SeqCst) * 1000)).unwrap()
}

fn sum(metrics: &Metrics, from: i64, to: i64, period: i64) -> f64 {
    let grid = Grid { start: from, end: to, period };
    let periods = metrics.periods(R, &Metric::new("N", "m", Vec::new()), None, grid).unwrap();
    periods.values().map(|point| point.statistic(Statistic::Sum).unwrap()).sum()
}

fn datum(at: i64, value: f64) -> Datum {
    Datum::new("m", value, "Count").at(at * 1000)
}

#[tokio::test]
async fn points_of_one_minute_are_one_point_and_units_are_apart() {
    let world = World::new();
    world.put(vec![datum(START, 1.0), datum(START + 59, 2.0), datum(START + 60, 4.0)]).await;
    world.put(vec![datum(START + 1, 8.0), Datum::new("m", 100.0, "Bytes").at(START * 1000)]).await;
    let grid = Grid { start: START, end: START + 120, period: 60 };
    let metric = Metric::new("N", "m", Vec::new());
    let periods = world.metrics.periods(R, &metric, Some("Count"), grid).unwrap();
    let found: Vec<(i64, f64, f64)> = periods.iter().map(|(at, point)| (at - START, point.sum, point.count)).collect();
    assert_eq!(found, [(0, 11.0, 3.0), (60, 4.0, 1.0)]);
    assert_eq!(world.metrics.periods(R, &metric, None, grid).unwrap()[&START].sum, 111.0);
    assert_eq!(
        (world.metrics.count(), world.sum(START, START + 30, 10)),
        (2, 0.0),
        "single seconds were not asked for"
    );
}

#[tokio::test]
async fn single_seconds_are_kept_for_three_hours_and_their_minutes_longer() {
    let world = World::new();
    world.put((0..120).map(|n| datum(START + n, 1.0).fine()).collect()).await;
    assert_eq!(world.sum(START + 5, START + 15, 10), 10.0);
    world.at(START + 4 * HOUR);
    world.metrics.sweep().await.unwrap();
    assert_eq!(world.sum(START, START + 120, 10), 0.0);
    assert_eq!(world.sum(START, START + 120, 60), 120.0);
}

#[tokio::test]
async fn what_grows_old_is_packed_coarsened_and_let_go_and_its_sum_stays() {
    let world = World::new();
    for hour in 0..48 {
        world.put((0..60).map(|minute| datum(START + hour * HOUR + minute * 60, 1.0)).collect()).await;
    }
    let total = 48.0 * 60.0;
    for (day, period, expected) in [
        (2, 60, total),
        (3, 60, total),
        (3, 300, total),
        (18, 300, total),
        (18, 3600, total),
        (18, 60, 0.0),
        (67, 3600, 0.0),
    ] {
        world.at(START + day * DAY);
        world.metrics.sweep().await.unwrap();
        assert_eq!(world.sum(START, START + 2 * DAY, period), expected, "day {day}, periods of {period}");
        // A new process finds the same.
        let again = open(&world.store, &world.now);
        assert_eq!(sum(&again, START, START + 2 * DAY, period), expected);
    }
    assert_eq!((world.metrics.count(), world.metrics.bytes().unwrap()), (0, 0));
}

#[tokio::test]
async fn what_comes_late_joins_what_is_packed() {
    let world = World::new();
    world.put(vec![datum(START, 1.0), datum(START + 60, 2.0)]).await;
    world.at(START + DAY);
    world.metrics.sweep().await.unwrap();
    world.put(vec![datum(START + 60, 4.0), datum(START + 120, 8.0)]).await;
    assert_eq!(world.sum(START, START + HOUR, 60), 15.0);
    world.metrics.sweep().await.unwrap();
    assert_eq!(world.sum(START, START + HOUR, 60), 15.0);
    assert_eq!(world.sum(START + 60, START + 120, 60), 6.0);
}

#[tokio::test]
async fn a_day_of_fifty_containers_is_small() {
    let world = World::new();
    // Twenty metrics of fifty containers would be a thousand series; ten of them tell what each takes.
    for minute in 0..DAY / 60 {
        let at = START + minute * 60;
        world.at(at);
        let value = |n: i64| ((minute * 7919 + n * 104_729) % 10_000) as f64 / 100.0;
        let data = (0..10).map(|n| datum(at, value(n)).with("Container", &n.to_string()));
        world.put(data.collect()).await;
    }
    world.at(START + DAY + 7 * HOUR);
    let bytes = world.metrics.sweep().await.unwrap();
    let of_a_series = bytes / 10;
    assert!(of_a_series < 16_000, "{of_a_series} bytes for a day of one series");
    println!("a day of one series takes {of_a_series} bytes");
}
