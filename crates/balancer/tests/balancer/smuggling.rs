//! Requests that two servers could read differently never reach a target.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use http_body_util::Full;

use crate::support::{Rig, Served, raw};

/// Sends bytes; returns the first status line's code and how many requests reached the target.
async fn check(bytes: &str) -> (u16, usize) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reached);
    let served = Served::http(move |request| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            drop(http_body_util::BodyExt::collect(request.into_body()).await);
            Response::new(Full::from("reached"))
        }
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let answer = raw(rig.address, bytes).await;
    (answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), reached.load(Ordering::SeqCst))
}

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (what, bytes) in [
        (
            "length, then coding",
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
            ),
        ),
        (
            "coding, then length",
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{inner}"
            ),
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello{inner}"),
        ),
        ("list of lengths", format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello{inner}")),
        ("signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello".into()),
        ("unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".into()),
        (
            "coding not last",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".into(),
        ),
        ("coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into()),
        ("space before colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n".into()),
        ("folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Transfer-Encoding: chunked\r\n\r\n".into()),
        (
            "chunk size is no number",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n".into(),
        ),
        (
            "chunk size overflows",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nabc\r\n0\r\n\r\n"
                .into(),
        ),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into()),
        ("no host", "GET / HTTP/1.1\r\nX: 1\r\n\r\n".into()),
        ("null in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".into()),
    ] {
        assert_eq!(check(&bytes).await, (400, 0), "{what}");
    }
}

#[tokio::test]
async fn methods_that_no_balancer_forwards_are_refused() {
    assert_eq!(check("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").await, (405, 0));
    assert_eq!(check("CONNECT b.test:80 HTTP/1.1\r\nHost: b.test:80\r\n\r\n").await, (400, 0));
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let long = "x".repeat(17 * 1024);
    assert_eq!(check(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")).await, (414, 0));
    assert_eq!(check(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n")).await, (431, 0));
    let many: String = (0..80).map(|i| format!("X{i}: {}\r\n", "y".repeat(1000))).collect();
    assert_eq!(check(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).await, (431, 0));
}

#[tokio::test]
async fn one_length_said_twice_and_a_sound_pipeline_are_served() {
    let twice = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    assert_eq!(check(twice).await, (200, 1));
    // A body that looks like an ambiguous head is only a body.
    let body = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let pipeline = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let (status, reached) = check(&pipeline).await;
    assert!(status == 200 && reached == 2, "{status} {reached}");
}
