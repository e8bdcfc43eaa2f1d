//! Takes a blob in piece by piece, over as many requests as it needs, without holding it
//! in memory and without blocking the async threads.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::digest::Digest;
use crate::store::{ImageStore, OpenStore, StoreError, Temp, blocking};

/// How many pieces may wait for the disk before the sender is held back.
const QUEUE: usize = 16;

/// A blob that is being received. Dropping it drops what was received.
pub struct Ingest {
    inner: Arc<OpenStore>,
    slot: Arc<Mutex<Slot>>,
}

enum Slot {
    Waiting(Temp),
    Writing,
    Failed,
}

/// Why a piece could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Another request is writing to the same blob, or an earlier one failed on the disk.
    #[error("another request is writing to this upload, or has failed")]
    Unusable,
    /// The sender went away or broke the transfer.
    #[error("transfer broke off: {reason}")]
    Interrupted {
        /// The transport's words.
        reason: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IngestError {
    /// Returns whether the bytes that arrived are not those that were announced.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Store(StoreError::Mismatch { .. }))
    }
}

impl ImageStore {
    /// Begins to receive a blob.
    pub async fn begin_blob(&self) -> Result<Ingest, StoreError> {
        let inner = Arc::clone(&self.inner);
        let temp = blocking(move || Temp::create(&inner)).await?;
        Ok(Ingest { inner: Arc::clone(&self.inner), slot: Arc::new(Mutex::new(Slot::Waiting(temp))) })
    }
}

impl Ingest {
    /// Returns how many bytes are here; `None` while a request is writing.
    pub fn size(&self) -> Option<u64> {
        match &*self.slot.lock() {
            Slot::Waiting(temp) => Some(temp.size),
            Slot::Writing | Slot::Failed => None,
        }
    }

    /// Appends everything that a stream yields and returns the new size. What arrived before
    /// the stream broke, or before this future was dropped, stays received.
    pub async fn append<E: Display>(&self, stream: impl Stream<Item = Result<Bytes, E>>) -> Result<u64, IngestError> {
        let temp = match std::mem::replace(&mut *self.slot.lock(), Slot::Writing) {
            Slot::Waiting(temp) => temp,
            // Failed stays failed: reported as writing is the same refusal.
            Slot::Writing | Slot::Failed => return Err(IngestError::Unusable),
        };
        let (pieces, queue) = mpsc::channel::<Bytes>(QUEUE);
        // The writer puts the blob back into its slot itself, so a caller that is dropped
        // midway (a client that hung up) leaves an upload that can be resumed.
        let slot = Arc::clone(&self.slot);
        let writer = tokio::task::spawn_blocking(move || drain(temp, queue, &slot));

        let mut broken = None;
        let mut stream = std::pin::pin!(stream);
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => {
                    if pieces.send(piece).await.is_err() {
                        break; // the writer failed and says why
                    }
                }
                Err(error) => {
                    broken = Some(IngestError::Interrupted { reason: error.to_string() });
                    break;
                }
            }
        }
        drop(pieces);
        let size = match writer.await {
            Ok(result) => result?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        broken.map_or(Ok(size), Err)
    }

    /// Ends the blob: it must have the digest `wanted`, and is stored under it. Either way
    /// nothing can be appended any more.
    pub async fn finish(&self, wanted: &Digest) -> Result<(), IngestError> {
        let Slot::Waiting(temp) = std::mem::replace(&mut *self.slot.lock(), Slot::Failed) else {
            return Err(IngestError::Unusable);
        };
        let (inner, wanted) = (Arc::clone(&self.inner), wanted.clone());
        Ok(blocking(move || temp.commit(&inner, &wanted)).await?)
    }
}

fn drain(mut temp: Temp, mut queue: mpsc::Receiver<Bytes>, slot: &Mutex<Slot>) -> Result<u64, StoreError> {
    while let Some(piece) = queue.blocking_recv() {
        if let Err(error) = temp.write(&piece) {
            *slot.lock() = Slot::Failed;
            return Err(error);
        }
    }
    let size = temp.size;
    *slot.lock() = Slot::Waiting(temp);
    Ok(size)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn pieces(parts: &[&'static str]) -> impl Stream<Item = Result<Bytes, String>> + use<> {
        stream::iter(
            parts
                .iter()
                .map(|p| if *p == "BREAK" { Err(p.to_string()) } else { Ok(Bytes::from(*p)) })
                .collect::<Vec<_>>(),
        )
    }

    #[tokio::test]
    async fn a_broken_transfer_can_be_taken_up_where_it_broke() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(dir.path()).unwrap();
        let ingest = store.begin_blob().await.unwrap();
        assert!(matches!(ingest.append(pieces(&["ab", "BREAK", "xx"])).await, Err(IngestError::Interrupted { .. })));
        assert_eq!(ingest.size(), Some(2));
        assert_eq!(ingest.append(pieces(&["cd"])).await.unwrap(), 4);
        let digest = Digest::of(b"abcd");
        ingest.finish(&digest).await.unwrap();
        assert_eq!(store.stat(&digest), Some(4));
    }

    #[tokio::test]
    async fn a_wrong_digest_stores_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(dir.path()).unwrap();
        let ingest = store.begin_blob().await.unwrap();
        ingest.append(pieces(&["abcd"])).await.unwrap();
        let error = ingest.finish(&Digest::of(b"else")).await.unwrap_err();
        assert!(matches!(error, IngestError::Store(StoreError::Mismatch { .. })));
        assert_eq!(store.usage(), (0, 0));
        assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }
}
