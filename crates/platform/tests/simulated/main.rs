//! The platform, whole, on the simulated engine: in this process, behind its own port.

mod alarms;
mod clock;
mod served;
mod sessions;
