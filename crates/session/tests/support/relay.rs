//! A wire between the two ends on which the weather can be bad: whole WebSocket messages are lost, doubled and
//! put in another order, and the connection is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use session::{Duplex, WebSocket};
use tokio_tungstenite::tungstenite::Message;

const PIPE: usize = 256 << 10;

/// Per cent of messages, and after how many messages a connection is cut.
#[derive(Clone, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    pub(crate) cut_after: Option<u64>,
    pub(crate) seed: u64,
    /// How often it was cut.
    pub(crate) cuts: Arc<AtomicU64>,
}

impl Weather {
    /// Nothing is between the two ends.
    pub(crate) fn fair() -> Self {
        Self::default()
    }

    pub(crate) fn bad(seed: u64) -> Self {
        Self { lost: 5, doubled: 5, late: 5, cut_after: Some(700), seed, cuts: Arc::default() }
    }

    /// Returns a wire's two ends.
    pub(crate) async fn wire(&mut self) -> (Box<dyn Duplex>, Box<dyn Duplex>) {
        if self.lost + self.doubled + self.late == 0 && self.cut_after.is_none() {
            let (a, b) = tokio::io::duplex(PIPE);
            return (Box::new(a), Box::new(b));
        }
        let (user, near) = tokio::io::duplex(PIPE);
        let (far, container) = tokio::io::duplex(PIPE);
        let near = session::server_socket(Box::new(near)).await;
        let far = session::client_socket(Box::new(far)).await;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::spawn(relay(near, far, self.clone()));
        (Box::new(user), Box::new(container))
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

async fn relay(near: WebSocket, far: WebSocket, weather: Weather) {
    let (mut to_near, mut from_near) = near.split();
    let (mut to_far, mut from_far) = far.split();
    let mut dice = Dice(weather.seed | 1);
    let (mut count, mut held) = (0, None);
    loop {
        let (message, outward) = tokio::select! {
            message = from_near.next() => (message, true),
            message = from_far.next() => (message, false),
        };
        let Some(Ok(message)) = message else { return };
        count += 1;
        if weather.cut_after.is_some_and(|most| count > most) {
            weather.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let mut leaving = vec![message];
        // Text opens a connection, and the close is the connection's: weather is for frames.
        if let Message::Binary(_) = &leaving[0] {
            let luck = dice.below(100);
            if luck < weather.lost {
                leaving.clear();
            } else if luck < weather.lost + weather.doubled {
                leaving.push(leaving[0].clone());
            } else if luck < weather.lost + weather.doubled + weather.late && held.is_none() {
                held = Some((leaving.remove(0), outward));
            } else if let Some((message, its_way)) = held.take_if(|(_, its_way)| *its_way == outward) {
                assert_eq!(its_way, outward);
                leaving.push(message); // behind one that was sent after it
            }
        }
        for message in leaving {
            let sent = if outward { to_far.send(message).await } else { to_near.send(message).await };
            if sent.is_err() {
                return;
            }
        }
    }
}
