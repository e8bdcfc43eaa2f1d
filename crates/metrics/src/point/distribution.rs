//! Which values were measured, and how often: exactly while they are few, in buckets once they are many.
//!
//! The buckets are those of OpenTelemetry's exponential histogram (specification, "ExponentialHistogram"): at a scale of
//! `s` their borders are the powers of two to the `1/2^s`, so that two buckets of one scale are one of the next lower
//! scale, and joining is exact. A value of a bucket is taken as the bucket's middle, which is off by half a percent at
//! most at [`FINEST`]; each step down doubles that. CloudWatch says of its own percentiles no error at all.

/// How many different values are kept as they are. One datum brings 150 at most (`Values`).
pub(super) const EXACT: usize = 160;
/// How many buckets there are at most.
pub(super) const BUCKETS: usize = 1024;
/// The scale of the first buckets: what is off is below 0.55 %, while the largest value is below 65,536 times the least.
pub(super) const FINEST: i8 = 6;

/// Values in rising order, each once, with how often they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// None while values are exact.
    pub(super) scale: Option<i8>,
    pub(super) values: Vec<(f64, f64)>,
}

impl Distribution {
    /// Returns the distribution of one value.
    pub fn of(value: f64, count: f64) -> Self {
        Self { scale: None, values: vec![(value + 0.0, count)] } // a zero has no sign here
    }

    /// Returns how far off a value may be, as a part of it.
    pub fn error(&self) -> f64 {
        self.scale.map_or(0.0, |scale| (0.5 / f64::from(scale).exp2()).exp2() - 1.0)
    }

    /// Returns values in rising order, and how often each came.
    pub fn values(&self) -> &[(f64, f64)] {
        &self.values
    }

    /// Takes another one in.
    pub fn join(&mut self, other: &Self) {
        let scale = match (self.scale, other.scale) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.lower(scale);
        let theirs = match scale == other.scale {
            true => other.values.clone(),
            false => {
                let mut theirs = other.clone();
                theirs.lower(scale);
                theirs.values
            }
        };
        self.values = merged(&self.values, &theirs);
        while self.values.len() > if self.scale.is_some() { BUCKETS } else { EXACT } {
            self.lower(Some(self.scale.map_or(FINEST, |scale| scale - 1)));
        }
    }

    /// Puts the values into the buckets of a scale that is not finer than theirs.
    fn lower(&mut self, scale: Option<i8>) {
        let Some(scale) = scale.filter(|_| self.scale != scale) else { return };
        self.scale = Some(scale);
        let mut lowered: Vec<(f64, f64)> = Vec::with_capacity(self.values.len());
        for (value, count) in self.values.drain(..) {
            let value = middle(value, scale);
            match lowered.last_mut() {
                Some((last, so_far)) if *last == value => *so_far += count,
                _ => lowered.push((value, count)),
            }
        }
        self.values = lowered;
    }
}

/// Returns the bucket of a value above zero.
pub(super) fn bucket(value: f64, scale: i8) -> i32 {
    (value.log2() * f64::from(scale).exp2()).floor() as i32
}

/// Returns the middle of a bucket.
pub(super) fn middle_of(bucket: i32, scale: i8) -> f64 {
    ((f64::from(bucket) + 0.5) / f64::from(scale).exp2()).exp2()
}

fn middle(value: f64, scale: i8) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    middle_of(bucket(value.abs(), scale), scale).copysign(value)
}

fn merged(ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut all = Vec::with_capacity(ours.len() + theirs.len());
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    loop {
        all.push(match (ours.peek(), theirs.peek()) {
            (Some(&&(a, n)), Some(&&(b, m))) if a == b => {
                ours.next();
                theirs.next();
                (a, n + m)
            }
            (Some(&&a), Some(&&b)) if a.0 < b.0 => {
                ours.next();
                debug_assert!(b.0 > a.0);
                a
            }
            (Some(&&a), None) => {
                ours.next();
                a
            }
            (_, Some(&&b)) => {
                theirs.next();
                b
            }
            (None, None) => return all,
        });
    }
}
