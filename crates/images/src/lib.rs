//! Container images on this machine: blobs by digest, layers unpacked once, pulls from
//! other registries, and the sweep that takes away what nothing refers to.
//!
//! It knows nothing of ECS, ECR or containers. The registry writes what is pushed straight
//! into this store, and the runtime mounts the unpacked layers straight out of it, so an
//! image exists once on the disk however it arrived.
//!
//! On disk, under the directory given to [`ImageStore::open`]:
//!
//! ```text
//! blobs/sha256/ab/<hex>   one file per blob, named by the digest of its bytes
//! l/<16 hex>/fs           one directory per layer, named by its diff_id (short: overlayfs
//!                         takes all lower directories in one page of options)
//! l/<16 hex>/diff_id      the whole diff_id, so that a shared prefix is noticed
//! pulled/<16 hex>.json    which digest a pulled reference meant
//! tmp/                    whatever is not finished; emptied by the next open
//! ```

mod digest;
mod document;
mod extract;
mod hold;
mod ingest;
mod keyed;
mod limits;
mod pull;
mod reference;
mod store;
mod sweep;
mod unpack;

pub use digest::{Digest, DigestError};
pub use document::{Descriptor, DocumentError, Healthcheck, ImageConfig, Manifest, Platform, media};
pub use extract::ExtractError;
pub use hold::Lease;
pub use ingest::{Ingest, IngestError};
pub use limits::{Excess, Limits};
pub use pull::{Credentials, Progress, PullError};
pub use reference::{Reference, ReferenceError};
pub use store::{ImageStore, OpenError, Pulled, StoreError};
pub use sweep::Swept;
pub use unpack::{Layer, UnpackError, Unpacked};
