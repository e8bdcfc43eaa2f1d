//! A connection that changed its protocol: bytes both ways until one side ends.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::counts::Connected;
use crate::descriptors::{ConnectionSlot, Held};
use crate::group::Lease;
use crate::io::Activity;
use crate::listener::GRACE;

/// What a tunnel holds, and what ends it.
pub(crate) struct Ends {
    pub(crate) lease: Lease,
    pub(crate) activity: Arc<Activity>,
    pub(crate) idle: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) open: TaskTrackerToken,
    pub(crate) place: Arc<ConnectionSlot>,
    /// The target's connection among those that may be open.
    pub(crate) held: Held,
    /// Counts the client's connection as open.
    pub(crate) counts: Arc<Connected>,
}

/// Begins to carry bytes once both sides have changed; the lease is held until they end.
pub(crate) fn begin(client: OnUpgrade, target: OnUpgrade, ends: Ends) {
    tokio::spawn(async move {
        let Ends { lease, activity, idle, stop, open, place, held, counts } = ends;
        let Ok((client, target)) = tokio::try_join!(client, target) else { return };
        let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
        // Whatever ends first, dropping the others closes both connections.
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut target) => {}
            () = activity.idle_for(idle) => {}
            () = place.needed() => {}
            () = async { stop.cancelled().await; sleep(GRACE).await } => {}
        }
        drop((lease, open, place, held, counts));
    });
}
