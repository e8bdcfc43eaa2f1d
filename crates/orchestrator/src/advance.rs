//! Moving the clock on: everything that is asked for on the way happens, each at its time, in order.

use aws_model::Millis;

use crate::driver::Driver;

/// Why the clock was not moved, or not all the way.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// It is the machine's.
    #[error(
        "the clock is the machine's and cannot be moved: containers really run here; `managr platform start --engine \
         simulated` has one that can"
    )]
    Fixed,
    /// It goes on only.
    #[error("the time is {now} (milliseconds since 1970) already, and {to} is before it")]
    Past {
        /// The time.
        now: Millis,
        /// What was asked for.
        to: Millis,
    },
    /// Nothing could be stored on the way.
    #[error("the clock stands at {at} (milliseconds since 1970): nothing can be stored")]
    Stuck {
        /// Where it stands.
        at: Millis,
    },
    /// The platform ends.
    #[error("the platform is shutting down")]
    Ending,
}

impl Driver {
    /// Moves the clock to a time. Calls that come meanwhile see the time where it stands.
    pub(crate) async fn advance(&mut self, to: Millis) -> Result<Millis, AdvanceError> {
        let clock = self.clock();
        if !clock.can_be_moved() {
            return Err(AdvanceError::Fixed);
        }
        let now = clock.now();
        if to < now {
            return Err(AdvanceError::Past { now, to });
        }
        clock.hold(now);
        let outcome = self.step_to(to).await;
        let at = clock.now();
        clock.release();
        outcome.map(|()| at)
    }

    async fn step_to(&mut self, to: Millis) -> Result<(), AdvanceError> {
        let clock = self.clock();
        loop {
            self.come_to_rest().await?;
            match self.next_timer().filter(|at| *at <= to) {
                Some(at) => clock.hold(at),
                None if clock.now() >= to => return Ok(()),
                None => clock.hold(to),
            }
        }
    }
}
