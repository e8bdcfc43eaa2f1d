//! Events for log groups: from the world's letters to CloudWatch Logs.

use aws_model::{AwsError, chain};
use logs::{LogEvent, Logs, LogsError};
use orchestrator::{Fact, Outlet};
use platform_core::events::letter::Letter;
use tokio::sync::mpsc::UnboundedSender;

/// The logs, as the world writes to them.
pub(crate) struct LogGroups {
    logs: Logs,
    facts: UnboundedSender<Fact>,
}

impl LogGroups {
    pub(crate) fn new(logs: Logs, facts: UnboundedSender<Fact>) -> Self {
        Self { logs, facts }
    }
}

impl Outlet for LogGroups {
    fn post(&self, letter: Letter) {
        let (logs, facts) = (self.logs.clone(), self.facts.clone());
        tokio::spawn(async move {
            let refused = write(&logs, &letter).await.err().map(|error| refusal(&error));
            // The driver has gone when this fails, and asks again after its next start.
            let _ = facts.send(Fact::Posted { delivery: letter.delivery, refused });
        });
    }
}

/// The group must be there, as on AWS; the stream is made.
async fn write(logs: &Logs, letter: &Letter) -> Result<(), LogsError> {
    let Letter { delivery, group, stream, at, text } = letter;
    logs.ensure_stream(&delivery.region, group, stream).await?;
    let event = LogEvent { at: *at, message: text.clone() };
    Ok(logs.append(&delivery.region, group, stream, vec![event])?.await?)
}

fn refusal(error: &LogsError) -> AwsError {
    let words = chain(error);
    match error {
        LogsError::Store(_) | LogsError::Interrupted => AwsError::server(words),
        _ => AwsError::new(error.code(), words),
    }
}
