//! Asks one target whether it is well, again and again.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use platform_core::routing::{HealthCheck, Matcher, Probe, TrackState};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::event::{Event, Health};
use crate::group::{GroupAtWork, TargetAtWork};

/// A new target that does not answer yet is looked at this often between its counted probes,
/// so that it serves as soon as it can; only passes of these count. (The ALB waits a whole
/// interval; on one machine that wait is all that `managr up` would do.)
const EAGER: Duration = Duration::from_secs(1);

/// What one probe found, in ELB's words when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    probe: Probe,
    reason: Option<&'static str>,
    description: Option<String>,
}

/// Probes until aborted; the target's first probe begins at once.
pub(crate) async fn run(target: Arc<TargetAtWork>, group: Weak<GroupAtWork>, check: HealthCheck) {
    let matcher = Matcher::parse(&check.matcher);
    let interval = Duration::from_secs(u64::from(check.interval.max(1)));
    let mut due = Instant::now();
    loop {
        let finding = look(&target, &check, matcher.as_ref()).await;
        let counted = Instant::now() >= due;
        if counted {
            // Every probe begins an interval after the one before, however long that took.
            while due <= Instant::now() {
                due += interval;
            }
        }
        if counted || finding.probe == Probe::Pass {
            take_in(&target, &group, &check, finding);
        }
        let eager = target.health() == Health::Initial && interval > EAGER;
        sleep_until(if eager { due.min(Instant::now() + EAGER) } else { due }).await;
    }
}

fn take_in(target: &TargetAtWork, group: &Weak<GroupAtWork>, check: &HealthCheck, finding: Finding) {
    let state = {
        let mut track = target.track.lock();
        track.observe(check, finding.probe);
        track.state
    };
    let health = match state {
        TrackState::Initial => return,
        TrackState::Healthy => Health::Healthy,
        TrackState::Unhealthy => Health::Unhealthy,
    };
    if target.health() != health {
        target.set_health(health);
        if let Some(group) = group.upgrade() {
            group.refresh();
        }
    }
    // While the state stands against this finding, the last failure's words stand too.
    let agrees = (health == Health::Healthy) == (finding.probe == Probe::Pass);
    if !agrees {
        return;
    }
    target.tell_health(Event::TargetHealth {
        group: target.group.clone(),
        target: target.id.clone(),
        port: target.address.port(),
        state: health,
        reason: finding.reason.map(str::to_owned),
        description: finding.description,
    });
}

async fn look(target: &TargetAtWork, check: &HealthCheck, matcher: Option<&Matcher>) -> Finding {
    let failed = |reason, description: String| Finding {
        probe: Probe::Fail,
        reason: Some(reason),
        description: Some(description),
    };
    match timeout(Duration::from_secs(u64::from(check.timeout.max(1))), ask(target, check)).await {
        Err(_) => failed("Target.Timeout", "Request timed out".to_owned()),
        Ok(None) => failed("Target.FailedHealthChecks", "Health checks failed".to_owned()),
        Ok(Some(status)) if matcher.map_or(status == 200, |m| m.passes(status)) => {
            Finding { probe: Probe::Pass, reason: None, description: None }
        }
        Ok(Some(status)) => {
            failed("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{status}]"))
        }
    }
}

/// Returns the status answered; none when there was no HTTP answer.
async fn ask(target: &TargetAtWork, check: &HealthCheck) -> Option<u16> {
    let mut address = target.address;
    address.set_port(check.port.unwrap_or(address.port()));
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(check.path.as_str())
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        .header(header::CONNECTION, "close")
        .header(header::ACCEPT_ENCODING, "gzip, compressed")
        .body(Empty::new())
        .ok()?;
    let mut answer = pin!(sender.send_request(request));
    let mut connection = pin!(connection);
    // Nothing is lost if the connection ends first: its answer, or its lack, is already there.
    let answered = tokio::select! {
        answered = &mut answer => answered,
        _ = &mut connection => answer.await,
    };
    answered.ok().map(|response| response.status().as_u16())
}
