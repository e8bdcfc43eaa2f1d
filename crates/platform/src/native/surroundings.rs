//! Watches what else on this machine may be in the tasks' way, and keeps what the operator has to know.

use std::sync::Arc;
use std::time::Duration;

use aws_model::chain;
use parking_lot::Mutex;
use runtime::{Examined, Obstacle, Runtime};

/// How often the firewalls' rules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often tasks' packets are tried though no rule has changed: not everything in the way is a rule.
const TRY_EVERY: u32 = 30;

/// What is in the way at present. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    obstacles: Arc<Mutex<Vec<Obstacle>>>,
}

impl Surroundings {
    /// Examines the network once, and goes on doing so for as long as the process lives.
    pub(crate) async fn watch(&self, runtime: Runtime) {
        let mut known = self.examine(&runtime, Examined::default()).await;
        let surroundings = self.clone();
        tokio::spawn(async move {
            for turn in 1_u32.. {
                tokio::time::sleep(LOOK_EVERY).await;
                if turn.is_multiple_of(TRY_EVERY) || !runtime.is_unchanged(&known).await {
                    known = surroundings.examine(&runtime, known).await;
                }
            }
        });
    }

    /// Returns what the operator has to know.
    pub(crate) fn notices(&self) -> Vec<api::Notice> {
        self.obstacles.lock().iter().map(notice).collect()
    }

    async fn examine(&self, runtime: &Runtime, known: Examined) -> Examined {
        let examined = match runtime.examine_network().await {
            Ok(examined) => examined,
            Err(error) => {
                tracing::debug!(error = chain(&error), "the tasks' network could not be examined");
                return known;
            }
        };
        for obstacle in &examined.mended {
            let told = notice(obstacle);
            tracing::info!("{}; way was made by {}", told.text, commands(&told));
        }
        for obstacle in examined.obstacles.iter().filter(|obstacle| !known.obstacles.contains(obstacle)) {
            let told = notice(obstacle);
            tracing::warn!("{}; run {}", told.text, commands(&told));
        }
        if examined.obstacles.is_empty() && !known.obstacles.is_empty() {
            tracing::info!("nothing is in the way of tasks any more");
        }
        self.obstacles.lock().clone_from(&examined.obstacles);
        examined
    }
}

fn commands(notice: &api::Notice) -> String {
    notice.remedy.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(", ")
}

fn notice(obstacle: &Obstacle) -> api::Notice {
    api::Notice { text: format!("{}: {}", obstacle.what, obstacle.suffers), remedy: obstacle.remedy.clone() }
}
