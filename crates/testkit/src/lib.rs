//! Fakes and stories for tests: a platform without I/O, and a language to tell what happens to it.
//!
//! Never a dependency of product code. Pure like `platform-core`: time is a number that [`Stage`] moves.
//!
//! - [`documents`]: inputs that the official models allow, and inputs that they forbid.
//! - [`fixtures`]: one cluster, its revisions, a service.
//! - [`host`]: what containers do: start late, crash, never become healthy.
//! - [`stage`]: the world with its stored rows, the decisions, and the host, in virtual time.
//! - [`scenario`]: a text of operator steps and behaviours; its transcript is what happened.

pub mod documents;
pub mod fixtures;
pub mod host;
pub mod scenario;
pub mod stage;
mod transcript;

pub use host::Behaviour;
pub use scenario::play;
pub use stage::Stage;
