//! Bodies on their way: nothing is buffered, and the end of each is noticed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::group::Lease;
use crate::pool::Sender;

/// How far a request's body has come.
#[derive(Debug)]
pub(crate) struct Progress {
    done: AtomicBool,
    failed: AtomicBool,
    last: Mutex<Instant>,
}

impl Progress {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            done: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            last: Mutex::new(Instant::now()),
        })
    }
    /// Whether the whole body was handed to the target's connection.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
    /// Whether the client's body was broken: bad chunking, or the client went.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
    /// When the last part of it moved.
    pub(crate) fn last(&self) -> Instant {
        *self.last.lock()
    }
}

/// A request's body on its way to a target.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    first: Option<Frame<Bytes>>,
    rest: Option<(Incoming, Arc<Progress>)>,
}

impl RequestBody {
    /// Returns no body.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Takes over a client's body.
    pub(crate) fn new(body: Incoming) -> Self {
        if body.is_end_stream() { Self::empty() } else { Self { first: None, rest: Some((body, Progress::new())) } }
    }

    /// Returns the watch over the body, none when there is no body.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        self.rest.as_ref().map(|(_, progress)| Arc::clone(progress))
    }

    /// Waits for the first part, so that a body which is malformed from its first byte on
    /// is never forwarded. Returns whether it is sound as far as it was seen.
    pub(crate) async fn look_ahead(&mut self) -> bool {
        let Some((body, progress)) = &mut self.rest else { return true };
        match std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            Some(Ok(frame)) => {
                self.first = Some(frame);
                true
            }
            Some(Err(_)) => false,
            None => {
                progress.done.store(true, Ordering::Release);
                self.rest = None;
                true
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let Some((body, progress)) = &mut this.rest else { return Poll::Ready(None) };
        let frame = match this.first.take() {
            Some(frame) => Some(Ok(frame)),
            None => ready!(Pin::new(&mut *body).poll_frame(cx)),
        };
        match &frame {
            Some(Ok(_)) => {
                *progress.last.lock() = Instant::now();
                if body.is_end_stream() {
                    progress.done.store(true, Ordering::Release);
                }
            }
            Some(Err(_)) => progress.failed.store(true, Ordering::Release),
            None => progress.done.store(true, Ordering::Release),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.as_ref().is_none_or(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.rest.as_ref().map_or(SizeHint::with_exact(0), |(body, _)| body.size_hint());
        if let Some(data) = self.first.as_ref().and_then(Frame::data_ref) {
            // The look-ahead took these bytes out of the count.
            match hint.exact() {
                Some(exact) => hint = SizeHint::with_exact(exact + data.len() as u64),
                None => hint.set_lower(hint.lower() + data.len() as u64),
            }
        }
        hint
    }
}

/// A response's body on its way to the client.
pub(crate) struct ResponseBody(BodySource);

enum BodySource {
    Own(Option<Bytes>),
    Upstream(Upstream),
}

/// A target's body; keeps the target's request count up while it lasts.
struct Upstream {
    body: Incoming,
    ended: bool,
    sender: Option<Sender>,
    progress: Option<Arc<Progress>>,
    lease: Lease,
}

impl ResponseBody {
    /// Returns the balancer's own body.
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self(BodySource::Own(Some(bytes).filter(|b| !b.is_empty())))
    }

    /// Whether the balancer says this itself.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.0, BodySource::Own(_))
    }

    /// Takes over a target's body and the connection it comes on, which goes back to the
    /// target's pool once the body has ended well.
    pub(crate) fn upstream(body: Incoming, sender: Sender, progress: Option<Arc<Progress>>, lease: Lease) -> Self {
        Self(BodySource::Upstream(Upstream { body, ended: false, sender: Some(sender), progress, lease }))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            BodySource::Own(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            BodySource::Upstream(upstream) => {
                let frame = ready!(Pin::new(&mut upstream.body).poll_frame(cx));
                match &frame {
                    None => upstream.ended = true,
                    Some(Err(_)) => upstream.sender = None,
                    Some(Ok(_)) => {}
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodySource::Own(bytes) => bytes.is_none(),
            BodySource::Upstream(upstream) => upstream.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodySource::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            BodySource::Upstream(upstream) => upstream.body.size_hint(),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // A connection is used again only if both bodies went through it whole.
        let whole = (self.ended || self.body.is_end_stream()) && self.progress.as_ref().is_none_or(|p| p.is_done());
        if let Some(sender) = self.sender.take().filter(|_| whole) {
            self.lease.target().pool.put(sender);
        }
    }
}
