//! When is a target healthy? Counts probes in a row; no clock, no socket.

use super::HealthCheck;

/// What one probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The target answered with a code that passes.
    Pass,
    /// Anything else.
    Fail,
}

/// What the probes so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackState {
    /// Not decided yet.
    Initial,
    /// Takes requests.
    Healthy,
    /// Fails its checks.
    Unhealthy,
}

/// A target's run of probes.
///
/// A new target is healthy after one pass ("after your target is registered, it must pass one
/// health check to be considered healthy": ALB guide, target-group-health-checks); an unhealthy
/// one needs `healthy_threshold` passes in a row, and `unhealthy_threshold` failures in a row
/// make any target unhealthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthTrack {
    /// What is known now.
    pub state: TrackState,
    last: Option<Probe>,
    run: u32,
}

impl Default for HealthTrack {
    fn default() -> Self {
        Self { state: TrackState::Initial, last: None, run: 0 }
    }
}

impl HealthTrack {
    /// Returns the track of a target of which this was known before.
    pub fn known(state: TrackState) -> Self {
        Self { state, ..Self::default() }
    }

    /// Takes one probe in; returns the new state when it differs.
    pub fn observe(&mut self, check: &HealthCheck, probe: Probe) -> Option<TrackState> {
        self.run = if self.last == Some(probe) { self.run.saturating_add(1) } else { 1 };
        self.last = Some(probe);
        let next = match (self.state, probe) {
            (TrackState::Initial, Probe::Pass) => TrackState::Healthy,
            (TrackState::Unhealthy, Probe::Pass) if self.run >= check.healthy_threshold => TrackState::Healthy,
            (_, Probe::Fail) if self.run >= check.unhealthy_threshold => TrackState::Unhealthy,
            (state, _) => state,
        };
        (next != self.state).then(|| {
            self.state = next;
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn thresholds(healthy_threshold: u32, unhealthy_threshold: u32) -> HealthCheck {
        HealthCheck {
            enabled: true,
            path: "/".into(),
            port: None,
            interval: 30,
            timeout: 5,
            healthy_threshold,
            unhealthy_threshold,
            matcher: "200".into(),
        }
    }

    /// Probes read `+` and `-`; the states after each read `i`, `h`, `u`.
    fn check(probes: &str, wanted: &str) {
        let (check, mut track) = (thresholds(3, 2), HealthTrack::default());
        let states: String = probes
            .chars()
            .map(|c| {
                track.observe(&check, if c == '+' { Probe::Pass } else { Probe::Fail });
                match track.state {
                    TrackState::Initial => 'i',
                    TrackState::Healthy => 'h',
                    TrackState::Unhealthy => 'u',
                }
            })
            .collect();
        assert_eq!(states, wanted, "{probes}");
    }

    #[test]
    fn a_new_target_is_healthy_after_one_pass() {
        check("+", "h");
        check("-+", "ih");
    }

    #[test]
    fn a_target_turns_only_after_a_whole_run() {
        check("--", "iu");
        check("+-+-+", "hhhhh");
        check("+--", "hhu");
        check("--++-+++", "iuuuuuuh");
    }

    proptest! {
        #[test]
        fn a_state_never_turns_against_the_last_probe(
            probes in proptest::collection::vec(any::<bool>(), 0..60), up in 2u32..6, down in 2u32..6,
        ) {
            let (check, mut track) = (thresholds(up, down), HealthTrack::default());
            for (at, pass) in probes.iter().enumerate() {
                match track.observe(&check, if *pass { Probe::Pass } else { Probe::Fail }) {
                    Some(TrackState::Healthy) => prop_assert!(*pass),
                    Some(TrackState::Unhealthy) => {
                        let down = down as usize;
                        prop_assert!(at + 1 >= down && probes[at + 1 - down..=at].iter().all(|p| !p));
                    }
                    Some(TrackState::Initial) => prop_assert!(false, "nothing returns to initial"),
                    None => {}
                }
            }
        }
    }
}
