//! Points are joined without loss, percentiles are as near as is said, and what is written is read.

use proptest::prelude::*;

use super::distribution::{EXACT, FINEST};
use super::{Bound, Point, Statistic};

fn point(values: &[f64]) -> Point {
    let mut points = values.iter().map(|value| Point::of(*value));
    let mut point = points.next().unwrap();
    points.for_each(|other| point.join(&other));
    point
}

fn check(text: &str, values: &[f64], expected: f64) {
    let found = point(values).statistic(Statistic::parse(text).unwrap()).unwrap();
    assert!((found - expected).abs() < 1e-9, "{text} of {values:?} is {found}, not {expected}");
}

#[test]
fn statistics_are_those_of_the_definitions() {
    let ten: Vec<f64> = (1..=10).map(f64::from).collect();
    check("SampleCount", &ten, 10.0);
    check("Sum", &ten, 55.0);
    check("Average", &ten, 5.5);
    check("Minimum", &ten, 1.0);
    check("Maximum", &ten, 10.0);
    // "p99 is the maximum value of the remaining 99%, while tm99 is the average of the remaining 99%".
    check("p90", &ten, 9.0);
    check("p50", &ten, 5.0);
    check("p100", &ten, 10.0);
    check("p0", &ten, 1.0);
    check("tm90", &ten, 5.0);
    check("TM(:90%)", &ten, 5.0);
    check("tc90", &ten, 9.0);
    check("ts90", &ten, 45.0);
    check("TS(80%:)", &ten, 19.0);
    check("TM(20%:80%)", &ten, 5.5);
    check("wm90", &ten, 5.4);
    check("WM(10%:90%)", &ten, 5.4);
    check("PR(:3)", &ten, 30.0);
    check("PR(3:7)", &ten, 40.0);
    check("PR(8:)", &ten, 20.0);
    check("IQM", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 80.0], 4.5);
    // The lower border is outside, the higher one inside.
    check("TM(150:1000)", &[150.0, 200.0, 1000.0, 1001.0], 600.0);
    check("TC(0.005:0.030)", &[0.005, 0.01, 0.03, 0.031], 2.0);
}

#[test]
fn what_is_no_statistic_is_told() {
    for text in [
        "",
        "p",
        "p101",
        "p-1",
        "pNaN",
        "p1e1",
        "average",
        "tm",
        "TM90",
        "tm(1:2)",
        "TM(:)",
        "TM(2:1)",
        "TM(1%:2)",
        "PR(1%:2%)",
        "TM(1:2",
        "p1.12345678901",
        "é",
    ] {
        assert!(Statistic::parse(text).is_err(), "{text}");
    }
    let between = Statistic::TrimmedMean(Bound::Value(1.5), Bound::Open);
    assert_eq!(Statistic::parse("TM(1.5:)"), Ok(between));
}

#[test]
fn percentiles_need_values_and_none_below_zero() {
    let p50 = Statistic::parse("p50").unwrap();
    assert_eq!(Point::of_set(3.0, 6.0, 1.0, 3.0).statistic(p50), None);
    assert_eq!(Point::of_set(3.0, 6.0, 2.0, 2.0).statistic(p50), Some(2.0));
    assert_eq!(Point::of_set(1.0, 7.0, 7.0, 7.0).statistic(p50), Some(7.0));
    assert_eq!(point(&[-1.0, 2.0]).statistic(p50), None);
    let mut both = Point::of(1.0);
    both.join(&Point::of_set(2.0, 5.0, 2.0, 3.0));
    assert_eq!((both.statistic(p50), both.statistic(Statistic::Average)), (None, Some(2.0)));
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    // From a millisecond to a minute, mostly: what latencies are.
    prop::collection::vec(prop_oneof![Just(0.0), 0.001..60.0, (0_u32..50).prop_map(f64::from)], 1..400)
}

fn written(point: &Point) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.write(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn percentiles_are_within_the_error(values in values(), part in 0.0..=1.0_f64, cut in 0_usize..400) {
        let cut = cut.clamp(1, values.len());
        let mut joined = point(&values[..cut]);
        if cut < values.len() {
            joined.join(&point(&values[cut..]));
        }
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = ((values.len() as f64 * part - 1e-9).ceil().max(1.0) as usize).min(values.len());
        let exact = sorted[rank - 1];
        let found = joined.statistic(Statistic::Percentile(part)).unwrap();
        let error = joined.values.as_ref().unwrap().error();
        prop_assert!((found - exact).abs() <= exact * error + 1e-12, "{found} for {exact}");
        prop_assert!(error <= 0.0055, "{error}");
    }

    #[test]
    fn joining_loses_nothing(values in values(), cut in 0_usize..400) {
        let cut = cut.clamp(1, values.len());
        let mut joined = point(&values[..cut]);
        if cut < values.len() {
            joined.join(&point(&values[cut..]));
        }
        let sum: f64 = values.iter().sum();
        prop_assert!((joined.sum - sum).abs() <= 1e-9 * sum.abs().max(1.0));
        prop_assert_eq!(joined.count, values.len() as f64);
        let kept: f64 = joined.values.as_ref().unwrap().values().iter().map(|(_, count)| count).sum();
        prop_assert_eq!(kept, joined.count);
        let inside = joined.statistic(Statistic::TrimmedCount(Bound::Open, Bound::Value(1e9))).unwrap();
        prop_assert_eq!(inside, joined.count);
    }

    #[test]
    fn what_is_written_is_read(values in values(), signs in any::<bool>(), weight in 0.5..3.0_f64) {
        let mut points = vec![point(&values), Point::of(values[0]), Point::of_many(values[0], weight)];
        points.push(Point::of_set(weight, 3.0, 1.0, 2.0));
        if signs {
            points.push(point(&values.iter().map(|value| -value).collect::<Vec<_>>()));
        }
        for point in points {
            let bytes = written(&point);
            let mut rest = bytes.as_slice();
            let read = Point::read(&mut rest).unwrap();
            prop_assert_eq!(&read, &point);
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn any_bytes_are_a_point_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Point::read(&mut bytes.as_slice());
    }

    #[test]
    fn any_text_is_a_statistic_or_none(text in ".{0,12}") {
        let _ = Statistic::parse(&text);
    }

    #[test]
    fn many_and_wide_values_stay_bounded(exponents in prop::collection::vec(-360.0..360.0_f64, 200..2000)) {
        let values: Vec<f64> = exponents.into_iter().map(f64::exp2).collect();
        let joined = point(&values);
        prop_assert!(joined.values.as_ref().unwrap().values().len() <= 1024);
        prop_assert!(written(&joined).len() < 12 << 10);
    }
}

#[test]
fn few_values_are_exact_and_many_are_small() {
    let few = point(&(0..EXACT).map(|n| n as f64 * 0.37).collect::<Vec<_>>());
    assert_eq!(few.values.as_ref().unwrap().scale, None);
    let many = point(&(0..10_000).map(|n| 0.05 + f64::from(n % 997) * 0.001).collect::<Vec<_>>());
    let values = many.values.as_ref().unwrap();
    assert_eq!(values.scale, Some(FINEST));
    assert!(written(&many).len() < 1200, "{} bytes for {} buckets", written(&many).len(), values.values().len());
}
