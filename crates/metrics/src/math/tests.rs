//! The examples of the user guide, and that nothing panics.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::search::Searched;
use super::{Environment, Named, Search, Series, Value, evaluate, parse};
use crate::name::{Dimension, Metric};
use crate::periods::Grid;

const PERIOD: i64 = 60;

/// Values of consecutive minutes; `-` is a gap.
fn series(label: &str, values: &str) -> Series {
    let words: Vec<&str> = values.split_whitespace().collect();
    let numbered = words.iter().enumerate();
    let points: BTreeMap<i64, f64> =
        numbered.filter_map(|(n, word)| Some((n as i64 * PERIOD, word.parse().ok()?))).collect();
    let grid = Grid { start: 0, end: words.len() as i64 * PERIOD, period: PERIOD };
    Series { label: label.to_owned(), grid, points, origin: None }
}

fn environment(metrics: &[(&str, &str)]) -> Environment {
    let mut environment = Environment::default();
    for (id, values) in metrics {
        let series = series(id, values);
        environment.grid = Some(series.grid);
        environment.named.insert((*id).to_owned(), Named { value: Value::Series(series), is_metric: true });
        environment.metrics.push((*id).to_owned());
    }
    environment
}

fn words(series: &Series) -> String {
    let value = |at| series.points.get(&at).map_or("-".to_owned(), f64::to_string);
    series.grid.starts().map(value).collect::<Vec<_>>().join(" ")
}

fn said(expression: &str, metrics: &[(&str, &str)]) -> String {
    let evaluated = parse(expression).and_then(|parsed| evaluate(&parsed, &environment(metrics)));
    match evaluated {
        Ok(Value::Series(series)) => words(&series),
        Ok(Value::Array(all)) => {
            all.iter().map(|series| format!("{}: {}", series.label, words(series))).collect::<Vec<_>>().join("; ")
        }
        Ok(Value::Scalar(number)) => format!("scalar {number}"),
        Err(error) => format!("error: {error}"),
    }
}

fn check(expression: &str, metrics: &[(&str, &str)], expected: &str) {
    assert_eq!(said(expression, metrics), expected, "{expression}");
}

#[test]
fn comparisons_are_those_of_the_table() {
    let metrics = [("metric1", "30 20 0 0"), ("metric2", "20 - 20 -")];
    check("(metric1 < metric2)", &metrics, "0 0 1 0");
    check("(metric1 >= 30)", &metrics, "1 0 0 0");
    check("(metric1 > 15 AND metric2 > 15)", &metrics, "1 0 0 0");
    check("(metric1 > 15 && metric2 > 15) || metric1 == 0", &metrics, "1 0 1 1");
}

#[test]
fn if_is_that_of_the_tables() {
    let (one, two, three) = (("metric1", "1 1 0 0 -"), ("metric2", "30 - 0 0 30"), ("metric3", "0 0 20 - 20"));
    check("IF(metric1, metric2, metric3)", &[one, two, three], "30 0 20 - -");
    check("IF(metric1, 5, metric3)", &[one, three], "5 5 20 - -");
    check("IF(metric1, metric2, 5)", &[one, two], "30 0 5 5 -");
    check("IF(metric1, metric2)", &[one, two], "30 0 - - -");
    check("IF(1, metric2, metric3)", &[two, three], "30 - 0 0 30");
    check("IF(0, metric2)", &[two], "- - - - -");
    check("IF(metric1<400, metric1)", &[("metric1", "3 500 -")], "3 - -");
    check("IF(metric1<400, 10, 2)", &[("metric1", "3 500 -")], "10 2 -");
    check("IF([metric1], 1, 2)", &[one], "error: Unsupported operand type(s) for IF: 'TimeSeriesArray'");
}

#[test]
fn missing_values_are_nought_in_arithmetic_and_nothing_is_divided_by_it() {
    let metrics = [("m1", "1 2 - 4"), ("m2", "2 - - 0")];
    check("m1 + m2", &metrics, "3 2 - 4");
    check("m1 / m2", &metrics, "0.5 - - -");
    check("5 * m1", &metrics, "5 10 - 20");
    check("-m1 ^ 2", &metrics, "-1 -4 - -16");
    check("2 ^ 3 ^ 2 * m2", &metrics, "1024 - - 0");
    check("m1 - 1 - 1", &metrics, "-1 0 - 2");
    check("SUM(100/[m1, m2])", &[("m1", "50 25"), ("m2", "20 -")], "7 4");
    check("AVG([m1,m2]/m1)", &[("m1", "2 4"), ("m2", "4 8")], "1.5 1.5");
    check("METRICS()*100", &metrics, "m1: 100 200 - 400; m2: 200 - - 0");
    check("[m1]+[m2]", &metrics, "error: Unsupported operand type(s) for +: 'TimeSeriesArray' and 'TimeSeriesArray'");
}

#[test]
fn functions_of_one_series() {
    let metrics = [("m1", "1 4 - 10.5")];
    check("ABS(-m1)", &metrics, "1 4 - 10.5");
    check("CEIL(m1)", &metrics, "1 4 - 11");
    check("FLOOR(m1)", &metrics, "1 4 - 10");
    check("LOG10(100 * m1 / m1)", &metrics, "2 2 - 2");
    check("LOG(m1 / m1)", &metrics, "0 0 - 0");
    check("LOG(0 * m1)", &metrics, "- - - -");
    check("DIFF(m1)", &metrics, "- 3 - 6.5");
    check("DIFF_TIME(m1)", &metrics, "- 60 - 120");
    check("RATE(m1)", &[("m1", "0 60 - 300")], "- 1 - 2");
    check("RUNNING_SUM(m1)", &metrics, "1 5 - 15.5");
    check("m1/PERIOD(m1)", &[("m1", "60 120")], "1 2");
    check("PERIOD(m1)", &metrics, "error: The result must be a time series or an array of time series");
    check("TIME_SERIES(MAX(m1))", &metrics, "10.5 10.5 10.5 10.5");
    check("MINUTE(m1)", &metrics, "0 1 2 3");
    check("HOUR(m1) + DAY(m1) + DATE(m1) + MONTH(m1) + YEAR(m1)", &[("m1", "1")], "1976"); // a Thursday
    check("EPOCH(m1)", &metrics, "0 60 120 180");
}

#[test]
fn gaps_are_filled() {
    let metrics = [("m1", "- 1 - - 4 -"), ("m2", "9 9 9 - 9 9")];
    check("FILL(m1, 0)", &metrics, "0 1 0 0 4 0");
    check("FILL(m1, MIN(m1))", &metrics, "1 1 1 1 4 1");
    check("FILL(m1, REPEAT)", &metrics, "- 1 1 1 4 4");
    check("FILL(m1, LINEAR)", &metrics, "- 1 2 3 4 -");
    check("FILL(m1, m2)", &metrics, "9 1 9 - 4 9");
    check("FILL(METRICS(\"2\"), 0)", &metrics, "m2: 9 9 9 0 9 9");
    check("FILL(m1, 7)", &[("m1", "- - -")], "7 7 7");
}

#[test]
fn functions_of_many_series() {
    let metrics = [("errors_a", "1 2 -"), ("errors_b", "3 - -"), ("requests", "4 4 4")];
    check("SUM(METRICS())", &metrics, "8 6 4");
    check("SUM(METRICS(\"errors\"))/SUM(METRICS('requests'))*100", &metrics, "100 50 0");
    check("SUM([METRICS(\"_a\"), METRICS(\"_b\")])", &metrics, "4 2 -");
    check("AVG(METRICS('errors'))", &metrics, "2 1 -");
    check("MIN(METRICS('errors'))", &metrics, "1 2 -");
    check("MAX(METRICS())", &metrics, "4 4 4");
    check("STDDEV([errors_a, errors_b])", &metrics, "1 0 -");
    check("DATAPOINT_COUNT(METRICS('errors'))", &metrics, "2 1 -");
    check("errors_a - AVG(errors_a)", &metrics, "-0.5 0.5 -");
    check("SUM(errors_a) / DATAPOINT_COUNT(errors_a) * requests", &metrics, "6 6 6");
    check("requests/METRIC_COUNT(METRICS())", &metrics, "1.3333333333333333 1.3333333333333333 1.3333333333333333");
    check("SLICE(SORT(METRICS(), SUM, DESC), 0, 1)", &metrics, "requests: 4 4 4");
    check("SLICE(SORT(METRICS(), AVG, ASC), 2)", &metrics, "requests: 4 4 4");
    check("SORT(METRICS(), MAX, ASC, 2)", &metrics, "errors_a: 1 2 -; errors_b: 3 - -");
    check("IF(FIRST(SORT(METRICS(), AVG, DESC))>3, 1, 0)", &metrics, "1 1 1");
    check("LAST(METRICS())", &metrics, "4 4 4");
    check("REMOVE_EMPTY([requests, requests / 0])", &metrics, "requests: 4 4 4");
}

#[test]
fn what_makes_no_sense_is_told() {
    let metrics = [("m1", "1")];
    let wrong = |expression: &str, words: &str| {
        let said = said(expression, &metrics);
        assert!(said.starts_with("error: ") && said.contains(words), "{expression}: {said}");
    };
    wrong("m1 +", "not complete");
    wrong("m1 m1", "Unexpected 'm1'");
    wrong("(m1", "not complete");
    wrong("m1 $ 2", "Unexpected '$'");
    wrong("'m1", "not closed");
    wrong("m2", "Undeclared variable 'm2'");
    wrong("SUM(m1)", "must be a time series");
    wrong("sum(m1)", "Unknown function 'sum'");
    wrong("FILL(m1)", "Wrong arguments for FILL");
    wrong("ABS(1)", "Unsupported operand");
    wrong("ANOMALY_DETECTION_BAND(m1)", "not supported by managr's platform");
    wrong("INSIGHT_RULE_METRIC(\"a\", \"b\")", "not supported by managr's platform");
    wrong(&"(".repeat(2000), "too deeply nested");
    wrong(&"-".repeat(2000), "too deeply nested");
    let long = vec!["m1"; 500].join("+");
    check(&long, &metrics, "500");
}

fn metric(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Metric {
    let dimension = |(name, value): &(&str, &str)| Dimension { name: (*name).into(), value: (*value).into() };
    Metric::new(namespace, name, dimensions.iter().map(dimension).collect())
}

fn finds(text: &str, metric: &Metric) -> bool {
    Searched::parse(text).unwrap().finds(metric, "111122223333")
}

#[test]
fn searches_are_those_of_the_user_guide() {
    let custom = metric("MyNamespace", "CustomCount1", &[]);
    for term in ["count", "Count", "COUNT", "CustomCount", "Count1", "customcount1", "1"] {
        assert!(finds(term, &custom), "{term}");
    }
    for term in ["couNT", "customcount", "count1", "\"customcount1\"", "\"Custom\""] {
        assert!(!finds(term, &custom), "{term}");
    }
    assert!(finds("{MyNamespace}, \"CustomCount1\"", &custom));
    for name in ["Network-Errors-2", "NetworkErrors2"] {
        for term in ["network/errors", "network+errors", "network-errors", "Network_Errors"] {
            assert!(finds(term, &metric("N", name, &[])), "{term}");
        }
    }
    let instance = metric("AWS/EC2", "CPUUtilization", &[("InstanceId", "i-1234567890123456")]);
    let kind = metric("AWS/EC2", "CPUUtilization", &[("InstanceType", "t2.micro")]);
    let check = |text: &str, metric: &Metric, expected: bool| assert_eq!(finds(text, metric), expected, "{text}");
    check("{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"", &instance, true);
    check("{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"", &kind, false);
    check("{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\" NOT i-1234567890123456", &instance, false);
    check("InstanceType=micro", &kind, true);
    check("InstanceType=\"t2.micro\" Namespace=\"AWS/EC2\"", &kind, true);
    check("NOT Namespace=AWS", &kind, false);
    check("NOT Namespace=AWS", &custom, true);
    check("(EC2 OR EBS) AND MetricName=CPUUtilization", &kind, true);
    check("MetricName=\"CPUUtilization\" AND (\"AWS/ECS\" OR \"AWS/ES\")", &kind, false);
    check("MetricName=(\"Errors\" OR \"CPUUtilization\")", &kind, true);
    let lambda = metric("AWS/Lambda", "Invocations", &[("FunctionName", "ProjectA-web")]);
    let nested =
        "{AWS/Lambda,FunctionName} MetricName=\"Errors\" OR (MetricName=\"Invocations\" AND (ProjectA OR ProjectB))";
    check(nested, &lambda, true);
    check("{AWS/ECS ClusterName}, MetricName=\"CPUUtilization\"", &lambda, false);
    check(
        "{\"My Namespace\", \"Dimension@Name\"}, \"Custom:Name[Special_Characters\"",
        &metric("My Namespace", "Custom:Name[Special_Characters", &[("Dimension@Name", "x")]),
        true,
    );
    check("\"Europe\\\\France Traffic\\(Network\\)\"", &metric("N", "Europe\\France Traffic(Network)", &[]), true);
    check(":aws.AccountId = \"444455556666\" CPUUtilization", &kind, false);
    check(":aws.AccountId = LOCAL CPUUtilization", &kind, true);
}

#[test]
fn what_a_search_found_is_what_it_makes() {
    let mut environment = environment(&[]);
    let search = Search { text: "{N} Errors".into(), statistic: "Sum".into(), period: Some(60) };
    environment.found.insert(search, vec![series("a", "1 2"), series("b", "3 -")]);
    let parsed = parse("SUM(SEARCH('{N} Errors', 'Sum', 60))").unwrap();
    let Value::Series(sum) = evaluate(&parsed, &environment).unwrap() else { panic!("a sum is one series") };
    assert_eq!(words(&sum), "4 2");
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("m1".to_owned()),
        Just("m2".to_owned()),
        Just("METRICS()".to_owned()),
        (0..9_u8).prop_map(|n| n.to_string()),
        Just("TIME_SERIES(3)".to_owned()),
        Just("'x'".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let names = prop::sample::select(vec![
            "ABS",
            "AVG",
            "CEIL",
            "DIFF",
            "DIFF_TIME",
            "FIRST",
            "FLOOR",
            "LAST",
            "LOG",
            "MAX",
            "METRIC_COUNT",
            "RATE",
            "RUNNING_SUM",
            "STDDEV",
            "SUM",
            "HOUR",
            "TIME_SERIES",
            "REMOVE_EMPTY",
            "FILL",
            "IF",
            "SLICE",
        ]);
        let operators = prop::sample::select(vec!["+", "-", "*", "/", "^", "<", ">=", "==", "AND", "||"]);
        prop_oneof![
            (names, prop::collection::vec(inner.clone(), 1..4))
                .prop_map(|(name, of)| format!("{name}({})", of.join(","))),
            (inner.clone(), operators, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|of| format!("[{}]", of.join(","))),
            inner.clone().prop_map(|of| format!("-{of}")),
            inner.prop_map(|of| format!("SORT({of}, SUM, ASC)")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_none(text in ".{0,60}") {
        let _ = parse(&text);
        let _ = Searched::parse(&text);
    }

    #[test]
    fn any_words_are_a_search_or_none(words in prop::collection::vec(prop::sample::select(vec!["(", ")", "AND", "OR", "NOT", "a", "=", "\"b\"", "{", "}", ","]), 0..30)) {
        if let Ok(searched) = Searched::parse(&words.join(" ")) {
            let _ = searched.finds(&metric("a", "b", &[("a", "b")]), "1");
        }
    }

    #[test]
    fn whatever_is_read_is_reckoned_and_every_value_is_a_number(text in expression(), one in "([0-9]|-)( ([0-9]|-)){0,9}", two in "([0-9]|-)( ([0-9]|-)){0,9}") {
        let environment = environment(&[("m1", &one), ("m2", &two)]);
        if let Ok(value) = parse(&text).and_then(|parsed| evaluate(&parsed, &environment)) {
            let all = match value { Value::Series(series) => vec![series], Value::Array(all) => all, Value::Scalar(_) => panic!("a scalar") };
            for series in all {
                prop_assert!(series.points.values().all(|value| value.is_finite()), "{}", text);
            }
        }
    }

    #[test]
    fn sums_of_sums_are_sums(one in "([0-9]|-)( ([0-9]|-)){5}", two in "([0-9]|-)( ([0-9]|-)){5}") {
        prop_assume!(one.contains(|c: char| c.is_ascii_digit()) && two.contains(|c: char| c.is_ascii_digit()));
        let metrics = [("m1", one.as_str()), ("m2", two.as_str())];
        prop_assert_eq!(said("SUM([m1, m2])", &metrics), said("m1 + m2", &metrics));
        prop_assert_eq!(said("TIME_SERIES(SUM(SUM([m1, m2])))", &metrics), said("TIME_SERIES(SUM(m1) + SUM(m2))", &metrics));
        prop_assert_eq!(said("TIME_SERIES(SUM(FILL(m1, 0)))", &metrics), said("TIME_SERIES(SUM(m1))", &metrics));
    }
}
