//! One at a time per name: two callers that want the same layer do the work once.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::Digest;

type Gate = tokio::sync::Mutex<()>;

/// A lock per digest, made when it is wanted and forgotten when it is free.
#[derive(Default)]
pub(crate) struct Keyed {
    gates: Mutex<HashMap<Digest, Weak<Gate>>>,
}

impl Keyed {
    /// Waits until `key` is free.
    pub(crate) async fn lock(&self, key: &Digest) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.gates.lock();
            gates.retain(|_, gate| gate.strong_count() > 0);
            match gates.get(key).and_then(Weak::upgrade) {
                Some(gate) => gate,
                None => {
                    let gate = Arc::new(Gate::default());
                    gates.insert(key.clone(), Arc::downgrade(&gate));
                    gate
                }
            }
        };
        gate.lock_owned().await
    }
}
