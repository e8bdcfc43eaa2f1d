//! Log streams: their life, and their listing.

use aws_model::page::{Cut, Order, cut};
use serde::Deserialize;

use crate::Logs;
use crate::error::LogsError;
use crate::index::{Stream, StreamView};
use crate::name;

/// How streams are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum StreamOrder {
    /// By name.
    #[default]
    #[serde(rename = "LogStreamName")]
    Name,
    /// By the time of the latest event; those without events come first, as the oldest.
    #[serde(rename = "LastEventTime")]
    LastEvent,
}

/// What `DescribeLogStreams` asks.
#[derive(Debug, Default)]
pub struct StreamsQuery {
    /// Names that begin so.
    pub prefix: Option<String>,
    /// Order.
    pub order: StreamOrder,
    /// Last first.
    pub descending: bool,
    /// At most so many.
    pub limit: usize,
    /// Where the last page ended.
    pub token: Option<String>,
}

impl Logs {
    /// Creates a stream.
    ///
    /// # Errors
    /// When it is there already, its group is not, or the name is not allowed.
    pub async fn create_stream(&self, region: &str, group: &str, stream: &str) -> Result<(), LogsError> {
        name::check_stream(stream)?;
        let (region, group, stream) = (region.to_owned(), group.to_owned(), stream.to_owned());
        let show = (region.clone(), group.clone(), stream.clone());
        self.change(
            move |index, inner| {
                let parent = index.group(&region, &group)?;
                if parent.streams.contains_key(&stream) {
                    return Err(LogsError::StreamExists);
                }
                let group_id = parent.id;
                let created = (inner.now)();
                let new = Stream {
                    id: index.next_stream(),
                    created,
                    first_event: None,
                    last_event: None,
                    last_ingestion: None,
                };
                let row = (new.id, group_id, stream, created);
                let statement: store::Statement = Box::new(move |tx| {
                    tx.prepare_cached("INSERT INTO log_streams (id, group_id, name, created) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(row)
                        .map(drop)
                });
                Ok((new, Some(statement)))
            },
            move |index, new| {
                let (region, group, stream) = show;
                if let Ok(group) = index.group_mut(&region, &group) {
                    group.streams.insert(stream, *new);
                }
            },
        )
        .await
        .map(drop)
    }

    /// Creates a stream unless it is there.
    ///
    /// # Errors
    /// When its group is not there, the name is not allowed or the store refuses.
    pub async fn ensure_stream(&self, region: &str, group: &str, stream: &str) -> Result<(), LogsError> {
        if self.inner.index.read().group(region, group)?.streams.contains_key(stream) {
            return Ok(());
        }
        match self.create_stream(region, group, stream).await {
            Err(LogsError::StreamExists) => Ok(()),
            outcome => outcome,
        }
    }

    /// Deletes a stream; its events are out of sight at once and swept later.
    ///
    /// # Errors
    /// When there is no such stream.
    pub async fn delete_stream(&self, region: &str, group: &str, stream: &str) -> Result<(), LogsError> {
        let (region, group, stream) = (region.to_owned(), group.to_owned(), stream.to_owned());
        let hide = (region.clone(), group.clone(), stream.clone());
        self.change(
            move |index, _| {
                let id = index.group(&region, &group)?.stream(&stream)?.id;
                let statement: store::Statement =
                    Box::new(move |tx| tx.execute("DELETE FROM log_streams WHERE id = ?1", [id]).map(drop));
                Ok(((), Some(statement)))
            },
            move |index, ()| {
                let (region, group, stream) = hide;
                if let Ok(group) = index.group_mut(&region, &group) {
                    group.streams.remove(&stream);
                }
            },
        )
        .await
    }

    /// Lists the streams of a group.
    ///
    /// # Errors
    /// When there is no such group, or prefix and order cannot go together.
    pub fn streams(&self, region: &str, group: &str, query: &StreamsQuery) -> Result<Cut<StreamView>, LogsError> {
        if query.order == StreamOrder::LastEvent && query.prefix.is_some() {
            return Err(LogsError::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let prefix = query.prefix.as_deref().unwrap_or_default();
        let arn = name::group_arn(region, &self.inner.account, group);
        let mut items: Vec<(String, StreamView)> = {
            let index = self.inner.index.read();
            let streams = index.group(region, group)?.streams.range(prefix.to_owned()..);
            let wanted = streams.take_while(|(name, _)| name.starts_with(prefix));
            let views = wanted.map(|(name, stream)| view(&arn, name, stream));
            views.map(|view| (sort_key(query.order, &view), view)).collect()
        };
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        if query.descending {
            items.reverse();
        }
        let order = if query.descending { Order::Falling } else { Order::Rising };
        Ok(cut(items, order, query.token.as_deref(), query.limit))
    }
}

/// A stream without an event comes before all that have one.
fn sort_key(order: StreamOrder, view: &StreamView) -> String {
    match order {
        StreamOrder::Name => view.name.clone(),
        StreamOrder::LastEvent => {
            let last = view.last_event.map_or(0, |at| at.max(0) + 1);
            format!("{last:020} {}", view.name)
        }
    }
}

fn view(group_arn: &str, name: &str, stream: &Stream) -> StreamView {
    StreamView {
        name: name.to_owned(),
        arn: format!("{group_arn}:log-stream:{name}"),
        created: stream.created,
        first_event: stream.first_event,
        last_event: stream.last_event,
        last_ingestion: stream.last_ingestion,
    }
}
