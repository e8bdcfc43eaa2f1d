//! How groups and streams change: one at a time, to the end, durable before visible.

use std::sync::Arc;

use store::{Batch, Statement};

use crate::error::LogsError;
use crate::index::Index;
use crate::{LogTruth, Logs};

impl Logs {
    /// Decides with `plan`, stores its statement, then lets `apply` show it.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        plan: impl FnOnce(&mut Index, &LogTruth) -> Result<(R, Option<Statement>), LogsError> + Send + 'static,
        apply: impl FnOnce(&mut Index, &R) + Send + 'static,
    ) -> Result<R, LogsError> {
        self.uninterrupted(|inner| async move {
            let (answer, statement) = plan(&mut inner.index.write(), &inner)?;
            if let Some(statement) = statement {
                let mut batch = Batch::new();
                batch.with(statement);
                inner.store.submit(batch).await?;
                apply(&mut inner.index.write(), &answer);
            }
            Ok(answer)
        })
        .await
    }

    /// Runs a change to its end even when its caller goes away half-way: otherwise memory could
    /// lack what the store has.
    pub(crate) async fn uninterrupted<R, F, C>(&self, f: F) -> Result<R, LogsError>
    where
        R: Send + 'static,
        F: FnOnce(Arc<LogTruth>) -> C + Send + 'static,
        C: Future<Output = Result<R, LogsError>> + Send,
    {
        let inner = self.inner.clone();
        let change = tokio::spawn(async move {
            let turn = inner.clone();
            let _turn = turn.changing.lock().await;
            f(inner).await
        });
        change.await.unwrap_or(Err(LogsError::Interrupted))
    }
}
