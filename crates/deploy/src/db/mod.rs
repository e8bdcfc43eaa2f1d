//! A stage's database: where it is and who may enter, a connection that needs no password at this end, its snapshots.

mod greet;
mod parts;
mod rds;
mod relay;

pub use parts::{Parts, PartsError, parts};
pub use rds::{Instance, RdsError, Restored, instance, make_snapshot, restore, snapshots};
pub use relay::{Dial, Dialled, Relay, RelayError};
