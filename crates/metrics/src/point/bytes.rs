//! A point as it is stored: nine bytes for one value, a few for each bucket.

use super::distribution::{bucket, middle_of};
use super::{Distribution, Point};

const ONE: u8 = 0;
const SAME: u8 = 1;
const SET: u8 = 2;
const EXACT: u8 = 3;
const BUCKETS: u8 = 4;

impl Point {
    /// Writes it behind what is there.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let number = |out: &mut Vec<u8>, value: f64| out.extend_from_slice(&value.to_le_bytes());
        let Some(values) = &self.values else {
            out.push(SET);
            [self.count, self.sum, self.min, self.max].into_iter().for_each(|value| number(out, value));
            return;
        };
        if let ([(value, count)], None) = (values.values(), values.scale)
            && *value * *count == self.sum
        {
            out.push(if *count == 1.0 { ONE } else { SAME });
            number(out, *value);
            if *count != 1.0 {
                weight(out, *count);
            }
            return;
        }
        out.push(if values.scale.is_some() { BUCKETS } else { EXACT });
        [self.count, self.sum, self.min, self.max].into_iter().for_each(|value| number(out, value));
        varint(out, values.values.len() as u64);
        match values.scale {
            None => values.values.iter().for_each(|(value, count)| {
                number(out, *value);
                weight(out, *count);
            }),
            Some(scale) => {
                out.push(scale.to_le_bytes()[0]);
                let mut last = 0;
                for (value, count) in &values.values {
                    // The sign is the lowest bit but one, and nought has a bit of its own.
                    let (sign, at) = match *value {
                        0.0 => (1, last),
                        value if value < 0.0 => (2, bucket(-value, scale)),
                        value => (0, bucket(value, scale)),
                    };
                    varint(out, zigzag(i64::from(at) - i64::from(last)) << 2 | sign);
                    weight(out, *count);
                    last = at;
                }
            }
        }
    }

    /// Reads one from the front; none if there is none.
    pub(crate) fn read(bytes: &mut &[u8]) -> Option<Self> {
        match byte(bytes)? {
            ONE => Some(Self::of(read_number(bytes)?)),
            SAME => {
                let value = read_number(bytes)?;
                Some(Self::of_many(value, read_weight(bytes)?))
            }
            kind @ (SET | EXACT | BUCKETS) => {
                let (count, sum) = (read_number(bytes)?, read_number(bytes)?);
                let (min, max) = (read_number(bytes)?, read_number(bytes)?);
                let values = match kind {
                    SET => None,
                    EXACT => Some(read_exact(bytes)?),
                    _ => Some(read_buckets(bytes)?),
                };
                Some(Self { count, sum, min, max, values })
            }
            _ => None,
        }
    }
}

fn read_exact(bytes: &mut &[u8]) -> Option<Distribution> {
    let count = read_varint(bytes)?;
    let values = (0..count).map(|_| Some((read_number(bytes)?, read_weight(bytes)?)));
    Some(Distribution { scale: None, values: values.collect::<Option<_>>()? })
}

fn read_buckets(bytes: &mut &[u8]) -> Option<Distribution> {
    let count = read_varint(bytes)?;
    let scale = i8::from_le_bytes([byte(bytes)?]);
    let mut last = 0_i64;
    let values = (0..count).map(|_| {
        let step = read_varint(bytes)?;
        last += unzigzag(step >> 2);
        let middle = middle_of(i32::try_from(last).ok()?, scale);
        let value = [middle, 0.0, -middle].into_iter().nth((step & 3) as usize)?;
        Some((value, read_weight(bytes)?))
    });
    Some(Distribution { scale: Some(scale), values: values.collect::<Option<_>>()? })
}

/// Weights are whole nearly always.
fn weight(out: &mut Vec<u8>, weight: f64) {
    match (0.0..9e15).contains(&weight) && weight.fract() == 0.0 {
        true => varint(out, (weight as u64) << 1),
        false => {
            varint(out, 1);
            out.extend_from_slice(&weight.to_le_bytes());
        }
    }
}

fn read_weight(bytes: &mut &[u8]) -> Option<f64> {
    match read_varint(bytes)? {
        1 => read_number(bytes),
        whole => Some((whole >> 1) as f64),
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn read_number(bytes: &mut &[u8]) -> Option<f64> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*first))
}

/// Seven bits to the byte, the lowest first.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let next = byte(bytes)?;
        value |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Some(value);
        }
    }
    None
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
