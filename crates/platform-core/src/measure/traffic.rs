//! `AWS/ApplicationELB`: what do a balancer's counts say in CloudWatch's words? (ALB guide, "CloudWatch metrics for your
//! Application Load Balancer".)
//!
//! A [`Count`] is reported once, and holds what was counted since the one before it: adding them up gives the total,
//! however often platform and balancer were started again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MINUTE, Measured, region_of};

pub(super) const NAMESPACE: &str = "AWS/ApplicationELB";

/// What a balancer's process counted within some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// When counting began, in milliseconds.
    pub from: i64,
    /// When it ended.
    pub until: i64,
    /// Listeners that had anything to count.
    pub listeners: Vec<ListenerCount>,
    /// Groups that had anything to count.
    pub groups: Vec<GroupCount>,
}

impl Count {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.groups.is_empty()
    }
}

/// What was counted at a listener.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListenerCount {
    /// Listener's ARN.
    pub listener: String,
    /// Clients' connections accepted.
    pub connections: u64,
    /// Clients' connections closed at once, because there were as many as there can be.
    pub rejected: u64,
    /// Clients that did not shake hands.
    pub tls_errors: u64,
    /// Bytes to and from clients.
    pub bytes: u64,
    /// Fixed responses given.
    pub fixed: u64,
    /// Redirects given.
    pub redirects: u64,
    /// Answers of the balancer's own, by status.
    pub codes: BTreeMap<u16, u64>,
    /// Clients' connections open at the end.
    pub open: u64,
}

/// What was counted at a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupCount {
    /// Group's ARN.
    pub group: String,
    /// The listener that used it last.
    pub listener: String,
    /// Targets that may take requests, at the end.
    pub targets: u64,
    /// Requests that a target was chosen for.
    pub requests: u64,
    /// Targets' answers by class: `[2xx, 3xx, 4xx, 5xx]`.
    pub codes: [u64; 4],
    /// Connections to targets that were made.
    pub connections: u64,
    /// Connections to targets that could not be made.
    pub connection_errors: u64,
    /// Requests in flight at the end.
    pub in_flight: u64,
    /// Targets' response times, summed, in microseconds.
    pub micros: u64,
    /// How many response times there were in each bucket of [`bucket_of`].
    pub times: Vec<(i32, u64)>,
}

/// Buckets for each doubling of a response time: what is off is below 0.55 %, and CloudWatch's own buckets are the same.
const SCALE: f64 = 64.0;
/// The first bucket: a microsecond and less.
pub const FIRST_BUCKET: i32 = -20 * SCALE as i32;
/// How many buckets there are; the last is for 4,096 seconds and more.
pub const BUCKETS: usize = 32 * SCALE as usize;

/// Returns the bucket of a response time, counted from [`FIRST_BUCKET`].
pub fn bucket_of(micros: u64) -> usize {
    let bucket = ((micros.max(1) as f64 / 1e6).log2() * SCALE).floor() as i32 - FIRST_BUCKET;
    usize::try_from(bucket).unwrap_or(0).min(BUCKETS - 1)
}

/// Returns the response time that a bucket stands for, in seconds.
fn seconds_of(bucket: i32) -> f64 {
    ((f64::from(bucket) + 0.5) / SCALE).exp2()
}

/// Returns the values that CloudWatch receives for a count.
pub fn traffic(count: &Count) -> Vec<Measured> {
    let mut told = Told { all: Vec::new(), at: count.from };
    // Gauges are reported once a minute, at its end: their Sum is what AWS says is meaningful.
    let ends_minute = count.until.rem_euclid(MINUTE) == 0;
    let mut active: BTreeMap<&str, (String, u64)> = BTreeMap::new();
    for of in &count.listeners {
        listener(&mut told, of);
        let balancer = balancer_dimension(&of.listener);
        active.entry(balancer).or_insert_with(|| (region_of(&of.listener), 0)).1 += of.open;
    }
    for of in &count.groups {
        group(&mut told, of);
        let balancer = balancer_dimension(&of.listener);
        active.entry(balancer).or_insert_with(|| (region_of(&of.group), 0)).1 += of.in_flight;
    }
    for (balancer, (region, open)) in active.into_iter().filter(|_| ends_minute) {
        told.count(&region, "ActiveConnectionCount", &[("LoadBalancer", balancer)], open);
    }
    told.all
}

fn listener(told: &mut Told, of: &ListenerCount) {
    let region = region_of(&of.listener);
    let dimensions = [("LoadBalancer", balancer_dimension(&of.listener))];
    let mut count = |name, value| told.count(&region, name, &dimensions, value);
    let codes = |range: std::ops::RangeInclusive<u16>| of.codes.range(range).map(|(_, n)| n).sum();
    count("NewConnectionCount", of.connections);
    count("RejectedConnectionCount", of.rejected);
    count("ClientTLSNegotiationErrorCount", of.tls_errors);
    count("HTTP_Fixed_Response_Count", of.fixed);
    count("HTTP_Redirect_Count", of.redirects);
    count("HTTPCode_ELB_3XX_Count", codes(300..=399));
    count("HTTPCode_ELB_4XX_Count", codes(400..=499));
    count("HTTPCode_ELB_5XX_Count", codes(500..=599));
    count("HTTPCode_ELB_500_Count", codes(500..=500));
    count("HTTPCode_ELB_502_Count", codes(502..=502));
    count("HTTPCode_ELB_503_Count", codes(503..=503));
    count("HTTPCode_ELB_504_Count", codes(504..=504));
    if of.bytes > 0 {
        told.put(&region, "ProcessedBytes", &dimensions, "Bytes", vec![(of.bytes as f64, 1.0)], None);
    }
}

fn group(told: &mut Told, of: &GroupCount) {
    let region = region_of(&of.group);
    let (balancer, group) = (balancer_dimension(&of.listener), group_dimension(&of.group));
    let (whole, part) = ([("LoadBalancer", balancer)], [("TargetGroup", group), ("LoadBalancer", balancer)]);
    told.count(&region, "NewConnectionCount", &whole, of.connections);
    for dimensions in [&whole[..], &part[..]] {
        let mut count = |name, value| told.count(&region, name, dimensions, value);
        count("RequestCount", of.requests);
        count("HTTPCode_Target_2XX_Count", of.codes[0]);
        count("HTTPCode_Target_3XX_Count", of.codes[1]);
        count("HTTPCode_Target_4XX_Count", of.codes[2]);
        count("HTTPCode_Target_5XX_Count", of.codes[3]);
        count("TargetConnectionErrorCount", of.connection_errors);
        if !of.times.is_empty() {
            let times = of.times.iter().map(|(bucket, n)| (seconds_of(*bucket), *n as f64)).collect();
            let sum = Some(of.micros as f64 / 1e6);
            told.put(&region, "TargetResponseTime", dimensions, "Seconds", times, sum);
        }
    }
    if of.requests > 0 && of.targets > 0 {
        // "The average number of requests per target": its Sum over a period is the one statistic that means anything.
        let each = of.requests as f64 / of.targets as f64;
        for dimensions in [&part[..1], &part[..]] {
            told.put(&region, "RequestCountPerTarget", dimensions, "Count", vec![(each, 1.0)], None);
        }
    }
}

struct Told {
    all: Vec<Measured>,
    at: i64,
}

impl Told {
    /// "Reporting criteria: There is a nonzero value."
    fn count(&mut self, region: &str, name: &'static str, dimensions: &[(&'static str, &str)], value: u64) {
        if value > 0 {
            self.put(region, name, dimensions, "Count", vec![(value as f64, 1.0)], None);
        }
    }

    fn put(
        &mut self,
        region: &str,
        name: &'static str,
        dimensions: &[(&'static str, &str)],
        unit: &'static str,
        values: Vec<(f64, f64)>,
        sum: Option<f64>,
    ) {
        let dimensions = dimensions.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (region, at) = (region.to_owned(), self.at);
        self.all.push(Measured {
            region,
            namespace: NAMESPACE,
            name,
            dimensions,
            unit,
            at,
            is_fine: false,
            values,
            sum,
        });
    }
}

/// Returns `app/NAME/ID` of a load balancer's or a listener's ARN.
pub(super) fn balancer_dimension(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let rest = resource.split_once('/').map_or(resource, |(_, rest)| rest);
    match rest.match_indices('/').nth(2) {
        Some((end, _)) => &rest[..end], // a listener's id follows
        None => rest,
    }
}

/// Returns `targetgroup/NAME/ID` of a group's ARN.
pub(super) fn group_dimension(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}
