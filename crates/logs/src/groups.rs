//! Log groups: their life, retention and tags.

use std::collections::BTreeMap;

use aws_model::page::{Cut, rest};
use aws_model::{Millis, Service, tags};

use crate::Logs;
use crate::error::LogsError;
use crate::index::{Extra, Group, GroupKey, GroupView};
use crate::metric::MetricFilter;
use crate::name;
use crate::records::Record;

/// Days of retention that AWS takes.
const RETENTIONS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// What a group may be created with.
#[derive(Debug, Clone, Default)]
pub struct GroupSettings {
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Class.
    pub class: Option<String>,
    /// Key that the caller names.
    pub kms_key_id: Option<String>,
    /// Whether it may not be deleted.
    pub protected: bool,
}

/// What `DescribeLogGroups` asks.
#[derive(Debug, Default)]
pub struct GroupsQuery {
    /// Names that begin so.
    pub prefix: Option<String>,
    /// Names that contain this, whatever the case.
    pub pattern: Option<String>,
    /// Only these, by name or ARN.
    pub identifiers: Vec<String>,
    /// Only this class.
    pub class: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// Where the last page ended.
    pub token: Option<String>,
}

impl Logs {
    /// Creates a group.
    ///
    /// # Errors
    /// When it is there already, or something of the request is not allowed.
    pub async fn create_group(&self, region: &str, group: &str, settings: GroupSettings) -> Result<(), LogsError> {
        name::check_group(group)?;
        check_tags(&settings.tags)?;
        let GroupSettings { tags, class, kms_key_id, protected } = settings;
        let extra = Extra { class, kms_key_id, protected, tags };
        let key: GroupKey = (region.to_owned(), group.to_owned());
        let plan_key = key.clone();
        self.change(
            move |index, inner| {
                if index.groups.contains_key(&plan_key) {
                    return Err(LogsError::GroupExists);
                }
                let group = Group {
                    id: index.next_group(),
                    created: (inner.now)(),
                    retention: None,
                    extra,
                    streams: BTreeMap::new(),
                };
                let row = (group.id, plan_key.0, plan_key.1, group.created, json(&group.extra));
                let statement: store::Statement = Box::new(move |tx| {
                    tx.prepare_cached(
                        "INSERT INTO log_groups (id, region, name, created, extra) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(row)
                    .map(drop)
                });
                Ok((group, Some(statement)))
            },
            |index, group| {
                index.groups.insert(key, group.clone());
            },
        )
        .await
        .map(drop)
    }

    /// Creates a group unless it is there. For the `awslogs-create-group` option.
    ///
    /// # Errors
    /// When the name is not allowed or the store refuses.
    pub async fn ensure_group(&self, region: &str, group: &str) -> Result<(), LogsError> {
        if self.inner.index.read().group(region, group).is_ok() {
            return Ok(());
        }
        match self.create_group(region, group, GroupSettings::default()).await {
            Err(LogsError::GroupExists) => Ok(()),
            outcome => outcome,
        }
    }

    /// Whether there is such a group.
    pub fn has_group(&self, region: &str, group: &str) -> bool {
        self.inner.index.read().group(region, group).is_ok()
    }

    /// Deletes a group; its events are out of sight at once and swept later.
    ///
    /// # Errors
    /// When there is no such group, or it is protected.
    pub async fn delete_group(&self, region: &str, group: &str) -> Result<(), LogsError> {
        let key: GroupKey = (region.to_owned(), group.to_owned());
        let plan_key = key.clone();
        self.change(
            move |index, _| {
                let group = index.groups.get(&plan_key).ok_or(LogsError::NoGroup)?;
                if group.extra.protected {
                    return Err(LogsError::invalid("The log group is protected from deletion."));
                }
                let id = group.id;
                let filters = index.records.of_group(&plan_key.0, &plan_key.1);
                let statement: store::Statement = Box::new(move |tx| {
                    for key in filters {
                        tx.execute("DELETE FROM documents WHERE tbl = ?1 AND key = ?2", [MetricFilter::TABLE, &key])?;
                    }
                    tx.execute("DELETE FROM log_groups WHERE id = ?1", [id])?;
                    tx.execute("DELETE FROM log_streams WHERE group_id = ?1", [id]).map(drop)
                });
                Ok(((), Some(statement)))
            },
            move |index, ()| {
                index.groups.remove(&key);
                for filter in index.records.of_group(&key.0, &key.1) {
                    index.records.filters.remove(&filter);
                }
            },
        )
        .await
    }

    /// Sets for how many days events are kept, or forever.
    ///
    /// # Errors
    /// When there is no such group, or AWS has no such retention.
    pub async fn set_retention(&self, region: &str, group: &str, days: Option<i64>) -> Result<(), LogsError> {
        if let Some(days) = days.filter(|days| !RETENTIONS.contains(days)) {
            return Err(LogsError::invalid(format!(
                "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member \
                 must satisfy enum value set: {RETENTIONS:?}"
            )));
        }
        self.revise(region, group, move |group| {
            group.retention = days;
            Ok(())
        })
        .await
    }

    /// Sets the key that a group names, or none.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn set_key(&self, region: &str, group: &str, key: Option<String>) -> Result<(), LogsError> {
        self.revise(region, group, move |group| {
            group.extra.kms_key_id = key;
            Ok(())
        })
        .await
    }

    /// Adds tags, in place of those with the same key.
    ///
    /// # Errors
    /// When there is no such group or there would be too many tags.
    pub async fn tag(&self, region: &str, group: &str, tags: BTreeMap<String, String>) -> Result<(), LogsError> {
        self.revise(region, group, move |group| {
            group.extra.tags.extend(tags);
            check_tags(&group.extra.tags)
        })
        .await
    }

    /// Removes tags by key.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn untag(&self, region: &str, group: &str, keys: Vec<String>) -> Result<(), LogsError> {
        self.revise(region, group, move |group| {
            group.extra.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    /// Returns a group's tags.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn tags(&self, region: &str, group: &str) -> Result<BTreeMap<String, String>, LogsError> {
        Ok(self.inner.index.read().group(region, group)?.extra.tags.clone())
    }

    /// Lists the groups of a region by name.
    ///
    /// # Errors
    /// When an identifier is not one.
    pub fn groups(&self, region: &str, query: &GroupsQuery) -> Result<Cut<GroupView>, LogsError> {
        let named =
            query.identifiers.iter().map(|id| self.resolve(region, id)).collect::<Result<Vec<GroupKey>, _>>()?;
        let pattern = query.pattern.as_deref().map(str::to_lowercase);
        let prefix = query.prefix.as_deref().unwrap_or_default();
        let after = query.token.as_deref().unwrap_or_default();
        let index = self.inner.index.read();
        let start: GroupKey = (region.to_owned(), after.max(prefix).to_owned());
        let views = index
            .groups
            .range(start..)
            .take_while(|((r, name), _)| r == region && name.starts_with(prefix))
            .filter(|((_, name), _)| query.token.is_none() || name.as_str() > after)
            .filter(|((_, name), _)| pattern.as_ref().is_none_or(|p| name.to_lowercase().contains(p)))
            .filter(|(key, _)| named.is_empty() || named.contains(key))
            .map(|(key, group)| view(key, &self.inner.account, group, index.records.of_group(&key.0, &key.1).len()))
            .filter(|view| query.class.as_ref().is_none_or(|class| *class == view.class));
        Ok(rest(views.map(|view| (view.name.clone(), view)), query.limit))
    }

    /// Returns region and name of a group given by name or ARN.
    ///
    /// # Errors
    /// When it is another resource's ARN, or another account's.
    pub fn resolve(&self, region: &str, identifier: &str) -> Result<(String, String), LogsError> {
        let (region, name) = name::resolve(region, &self.inner.account, identifier)?;
        Ok((region.to_owned(), name.to_owned()))
    }

    async fn revise(
        &self,
        region: &str,
        group: &str,
        f: impl FnOnce(&mut Group) -> Result<(), LogsError> + Send + 'static,
    ) -> Result<(), LogsError> {
        let (region, name) = (region.to_owned(), group.to_owned());
        let key = (region.clone(), name.clone());
        self.change(
            move |index, _| {
                // Only these two are revised, so streams that come meanwhile are not lost.
                let present = index.group(&region, &name)?;
                let mut group = Group { streams: BTreeMap::new(), ..present.clone() };
                f(&mut group)?;
                let row = (group.id, group.retention, json(&group.extra));
                let statement: store::Statement = Box::new(move |tx| {
                    tx.execute("UPDATE log_groups SET retention = ?2, extra = ?3 WHERE id = ?1", row).map(drop)
                });
                Ok(((group.retention, group.extra), Some(statement)))
            },
            move |index, (retention, extra)| {
                if let Some(group) = index.groups.get_mut(&key) {
                    group.retention = *retention;
                    group.extra = extra.clone();
                }
            },
        )
        .await
        .map(drop)
    }
}

fn view((region, name): &GroupKey, account: &str, group: &Group, metric_filters: usize) -> GroupView {
    GroupView {
        metric_filters,
        name: name.to_owned(),
        arn: name::group_arn(region, account, name),
        created: group.created as Millis,
        retention: group.retention,
        class: group.extra.class.clone().unwrap_or_else(|| "STANDARD".to_owned()),
        kms_key_id: group.extra.kms_key_id.clone(),
        protected: group.extra.protected,
    }
}

fn json(extra: &Extra) -> String {
    serde_json::to_string(extra).expect("strings and maps of strings can be written")
}

fn check_tags(given: &BTreeMap<String, String>) -> Result<(), LogsError> {
    Ok(tags::refuse(Service::Logs, given.iter().map(|(key, value)| (key.as_str(), value.as_str())))?)
}
