//! One client connection's bytes: when they last moved, and what hyper does not tell of them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use crate::counts::ListenerCounts;
use crate::meter::Metered;

/// What is known of a client connection, shared by its bytes and its requests.
#[derive(Debug)]
pub(crate) struct Activity {
    began: Instant,
    last_millis: AtomicU64,
    /// Requests that wait for a target's answer: that wait has its own limit.
    waiting: AtomicUsize,
    /// Whether the bytes now coming may be a request's head.
    in_head: AtomicBool,
    /// Counts requests that are over, so that looking at heads begins anew after each.
    over: AtomicU32,
    ambiguous: AtomicBool,
}

/// While it lives the connection is not idle.
pub(crate) struct Waiting<'a>(&'a Activity);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            last_millis: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            in_head: AtomicBool::new(true),
            over: AtomicU32::new(0),
            ambiguous: AtomicBool::new(false),
        })
    }

    fn touch(&self) {
        self.last_millis.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Marks a request as waiting for its target.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }

    /// Tells that a request's head has ended and whether bytes of a body follow.
    ///
    /// Returns whether that head gave its length in two ways.
    pub(crate) fn end_of_head(&self, body_follows: bool) -> bool {
        if body_follows {
            self.in_head.store(false, Ordering::Release);
        } else {
            self.end_of_body();
        }
        self.ambiguous.swap(false, Ordering::AcqRel)
    }

    /// Tells that a request's body is over: what comes next is a head.
    pub(crate) fn end_of_body(&self) {
        self.over.fetch_add(1, Ordering::AcqRel);
        self.in_head.store(true, Ordering::Release);
    }

    /// Tells that no HTTP/1.1 head will come on this connection any more.
    pub(crate) fn no_more_heads(&self) {
        self.in_head.store(false, Ordering::Release);
    }

    /// Returns for how long no byte has moved; none while a request waits for a target.
    pub(crate) fn idle(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
        (self.waiting.load(Ordering::Acquire) == 0).then(|| self.began.elapsed().saturating_sub(last))
    }

    /// Resolves once no byte has moved for `limit` and no request waits for a target.
    pub(crate) async fn idle_for(&self, limit: Duration) {
        loop {
            let last = self.began + Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
            if self.waiting.load(Ordering::Acquire) > 0 {
                // The wait's own limit ends it and counts as a move.
                sleep_until(Instant::now() + limit).await;
            } else if last + limit <= Instant::now() {
                return;
            } else {
                sleep_until(last + limit).await;
            }
        }
    }
}

/// A client's bytes: its socket, or what TLS makes of it.
#[derive(Debug)]
pub(crate) struct FrontIo<S> {
    socket: TokioIo<Metered<S>>,
    activity: Arc<Activity>,
    heads: HeadScan,
}

impl<S> FrontIo<S> {
    pub(crate) fn new(socket: S, activity: Arc<Activity>, counts: Arc<ListenerCounts>) -> Self {
        Self { socket: TokioIo::new(Metered::new(socket, counts)), activity, heads: HeadScan::default() }
    }
}

impl<S: AsyncRead + Unpin> Read for FrontIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.activity.in_head.load(Ordering::Acquire) {
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
            this.activity.touch();
            return Poll::Ready(Ok(()));
        }
        // Read into a slice of our own sight first: the cursor shows nothing of what was put in.
        let mut seen = [0_u8; READ];
        let most = buf.remaining().min(READ);
        let mut own = hyper::rt::ReadBuf::new(&mut seen[..most]);
        ready!(Pin::new(&mut this.socket).poll_read(cx, own.unfilled()))?;
        let bytes = own.filled();
        this.activity.touch();
        let over = this.activity.over.load(Ordering::Acquire);
        if this.heads.take(bytes, over) {
            this.activity.ambiguous.store(true, Ordering::Release);
        }
        buf.put_slice(bytes);
        Poll::Ready(Ok(()))
    }
}

/// One read's size while heads are looked at; a copy of this much costs less than the system call.
const READ: usize = 4 * 1024;

impl<S: AsyncWrite + Unpin> Write for FrontIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.activity.touch();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, bufs))?;
        self.activity.touch();
        Poll::Ready(Ok(written))
    }
}

/// Finds heads that have both a `Transfer-Encoding` and a `Content-Length`.
///
/// hyper drops the length then and goes on (RFC 9112, 6.3 allows it), so that a request
/// handler cannot tell; yet such a request is the classical way to smuggle another. A head
/// that comes in one read with the end of an earlier body is not looked at: hyper's way of
/// dropping the length and closing afterwards holds for it.
#[derive(Debug, Default)]
struct HeadScan {
    name: [u8; 18],
    at: usize,
    coding: bool,
    length: bool,
    /// A body follows: nothing is a head until that request is over.
    stopped: bool,
    /// The count of requests over when this head began.
    over: u32,
}

impl HeadScan {
    /// Takes bytes of a head in; returns whether one had both.
    fn take(&mut self, mut bytes: &[u8], over: u32) -> bool {
        if self.stopped && self.over != over {
            *self = Self { over, ..Self::default() };
        }
        if self.stopped {
            return false;
        }
        let mut both = false;
        while let Some(&byte) = bytes.first() {
            if byte == b'\n' || self.at < self.name.len() {
                bytes = &bytes[1..];
                match byte {
                    b'\n' => {
                        if self.at == 0 && (self.coding || self.length) {
                            (self.stopped, self.over) = (true, over);
                            return both;
                        }
                        self.at = 0;
                    }
                    b'\r' if self.at == 0 => {}
                    b':' => {
                        let name = &self.name[..self.at];
                        self.coding |= name == b"transfer-encoding";
                        self.length |= name == b"content-length";
                        both |= self.coding && self.length;
                        self.at = self.name.len();
                    }
                    _ => {
                        self.name[self.at] = byte.to_ascii_lowercase();
                        self.at += 1;
                    }
                }
            } else {
                // Past the name: nothing of interest before the line's end.
                let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
                bytes = &bytes[end..];
            }
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use super::HeadScan;
    use proptest::prelude::*;

    const BOTH: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n";

    #[test]
    fn two_lengths_in_one_head_are_found_and_in_two_heads_are_not() {
        let found = |head: &str| HeadScan::default().take(head.as_bytes(), 0);
        assert!(found(BOTH));
        assert!(found(&BOTH.to_uppercase()));
        assert!(found("POST / HTTP/1.1\ncontent-length:1\ntransfer-encoding:chunked\n\n"));
        assert!(!found("POST / HTTP/1.1\r\nContent-Length: 3\r\nX: Transfer-Encoding: chunked\r\n\r\n"));
        assert!(!found(
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
    }

    #[test]
    fn a_body_that_looks_like_a_head_is_only_a_body() {
        let mut scan = HeadScan::default();
        let head = "POST / HTTP/1.1\r\nContent-Length: 70\r\n\r\n";
        assert!(!scan.take(format!("{head}{BOTH}").as_bytes(), 0));
        assert!(!scan.take(BOTH.as_bytes(), 0), "the same request goes on");
        assert!(scan.take(BOTH.as_bytes(), 1), "the next one is looked at again");
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(cuts in proptest::collection::vec(1usize..20, 0..20)) {
            let mut scan = HeadScan::default();
            let (mut rest, mut found) = (BOTH.as_bytes(), false);
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                found |= scan.take(part, 0);
                rest = after;
            }
            prop_assert!(found | scan.take(rest, 0));
        }
    }
}
