//! The loop: facts → decide → record intent → begin actions → absorb events.
//!
//! The world lives here, behind [`Handle`]; every change of it is stored before it is answered or
//! acted on. Decisions are `platform-core`'s; effects are the ports' ([`Engine`], [`Routes`], [`Outlet`], [`Databases`]), which
//! the composition root supplies. This crate never starts a process and never opens a socket.

mod advance;
mod backoff;
mod clock;
mod door;
mod driver;
mod due;
mod handle;
mod ports;

pub use advance::AdvanceError;
pub use clock::Clock;
pub use door::WorldDoor;
pub use driver::Driver;
pub use handle::{CallCx, Handle, OpenError, load};
pub use ports::{Begin, Databases, Engine, Fact, Outlet, Routes};
