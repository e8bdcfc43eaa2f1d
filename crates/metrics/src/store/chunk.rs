//! Many points of one series in one row: what differs from the last one, compressed.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::periods::{DAY, FIVE_MINUTES, MINUTE};
use crate::point::Point;
use crate::point::bytes::{read_varint, varint};

/// Bytes of a chunk once it is opened, at most: 360 points of a thousand buckets each.
const MOST: u64 = 8 << 20;

/// Returns how many seconds a chunk of a resolution holds: 360 minutes, or 288 times five of them.
pub(super) fn span(resolution: i64) -> i64 {
    match resolution {
        FIVE_MINUTES => DAY,
        _ => 360 * MINUTE,
    }
}

/// Returns the chunk of points, in their order.
pub(super) fn pack(points: &[(i64, Point)], start: i64, resolution: i64) -> Vec<u8> {
    let mut plain = Vec::new();
    varint(&mut plain, points.len() as u64);
    let mut last = start;
    for (at, point) in points {
        varint(&mut plain, u64::try_from((at - last) / resolution).unwrap_or(0));
        last = *at;
        point.write(&mut plain);
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain).and_then(|()| encoder.finish()).expect("memory takes everything")
}

/// Returns the points of a chunk; none of one that is damaged.
pub(super) fn open(body: &[u8], start: i64, resolution: i64) -> Vec<(i64, Point)> {
    let mut plain = Vec::new();
    if DeflateDecoder::new(body).take(MOST).read_to_end(&mut plain).is_err() {
        return Vec::new();
    }
    let mut rest = plain.as_slice();
    let mut points = Vec::new();
    let mut last = start;
    for _ in 0..read_varint(&mut rest).unwrap_or(0) {
        let Some((steps, point)) = read_varint(&mut rest).zip(Point::read(&mut rest)) else { break };
        last = last.saturating_add_unsigned(steps.saturating_mul(resolution.unsigned_abs()));
        points.push((last, point));
    }
    points
}
