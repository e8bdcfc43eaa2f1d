//! Everything that changes a parameter besides a new version: labels, tags, deletion; and how
//! every change is decided alone, stored, and then made visible.

use std::sync::Arc;

use aws_model::{Service, tags};
use store::Batch;

use crate::error::ParameterError;
use crate::find::whole_key_of;
use crate::parameter::{Key, Parameter, Tag};
use crate::{PARAMETERS, ParameterTruth, Parameters, VALUES, VERSIONS};

const LABELS_OF_VERSION: usize = 10;

/// What came of attaching or removing labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// The version meant.
    pub version: i64,
    /// Labels attached, or removed.
    pub done: Vec<String>,
    /// Labels that are not allowed, or that the version does not have.
    pub invalid: Vec<String>,
}

impl Parameters {
    /// Deletes a parameter with all its versions; one made later begins at 1 again.
    ///
    /// # Errors
    /// `ParameterNotFound`.
    pub async fn delete(&self, region: &str, id: &str) -> Result<(), ParameterError> {
        let gone = self.delete_all(region, vec![id.to_owned()]).await?;
        if gone.is_empty() { Err(ParameterError::NotFound(id.to_owned())) } else { Ok(()) }
    }

    /// Deletes those that are there, and returns which of `ids` they were.
    ///
    /// # Errors
    /// When the deletion could not be stored.
    pub async fn delete_all(&self, region: &str, ids: Vec<String>) -> Result<Vec<String>, ParameterError> {
        let region = region.to_owned();
        self.uninterrupted(move |inner| async move {
            let (mut batch, mut keys, mut gone) = (Batch::new(), Vec::<Key>::new(), Vec::new());
            for id in ids {
                let Some(key) = whole_key_of(&inner, &region, &id).filter(|key| !keys.contains(key)) else { continue };
                if let Some(parameter) = inner.parameters.read().get(&key) {
                    delete_rows(&mut batch, parameter);
                }
                keys.push(key);
                gone.push(id);
            }
            if !batch.is_empty() {
                inner.store.submit(batch).await?;
            }
            let mut parameters = inner.parameters.write();
            keys.iter().for_each(|key| drop(parameters.remove(key)));
            Ok(gone)
        })
        .await
    }

    /// Attaches labels to a version, the newest if none is named, taking them from whichever has them.
    ///
    /// # Errors
    /// When there is no such parameter or version, or it would have more than ten labels.
    pub async fn label(
        &self,
        region: &str,
        id: &str,
        version: Option<i64>,
        labels: Vec<String>,
    ) -> Result<Labelled, ParameterError> {
        self.revise(region, id, move |parameter| {
            let number = version.unwrap_or(parameter.latest().number);
            check_version(parameter, number)?;
            let (done, invalid): (Vec<String>, Vec<String>) = labels.into_iter().partition(|l| is_label(l));
            for version in &mut parameter.versions {
                let other = version.number != number;
                if other && version.labels.iter().any(|l| done.contains(l)) {
                    Arc::make_mut(version).labels.retain(|l| !done.contains(l));
                }
                let missing: Vec<String> = done.iter().filter(|l| !version.labels.contains(l)).cloned().collect();
                if !other && !missing.is_empty() {
                    Arc::make_mut(version).labels.extend(missing);
                }
                if version.labels.len() > LABELS_OF_VERSION {
                    return Err(ParameterError::TooManyLabels);
                }
            }
            Ok(Labelled { version: number, done, invalid })
        })
        .await
    }

    /// Takes labels away from a version.
    ///
    /// # Errors
    /// When there is no such parameter or version.
    pub async fn unlabel(
        &self,
        region: &str,
        id: &str,
        number: i64,
        labels: Vec<String>,
    ) -> Result<Labelled, ParameterError> {
        self.revise(region, id, move |parameter| {
            check_version(parameter, number)?;
            let version = parameter.versions.iter_mut().find(|v| v.number == number);
            let Some(version) = version else { return Ok(Labelled::default()) };
            let (done, invalid): (Vec<String>, Vec<String>) =
                labels.into_iter().partition(|l| version.labels.contains(l));
            if !done.is_empty() {
                Arc::make_mut(version).labels.retain(|l| !done.contains(l));
            }
            Ok(Labelled { version: number, done, invalid })
        })
        .await
    }

    /// Adds tags, in place of those with the same key.
    ///
    /// # Errors
    /// When there is no such parameter, there would be too many tags, or a key is not allowed.
    pub async fn tag(&self, region: &str, id: &str, tags: Vec<Tag>) -> Result<(), ParameterError> {
        self.revise_tags(region, id, move |present| {
            present.retain(|old| tags.iter().all(|new| new.key != old.key));
            present.extend(tags);
            check_tags(present)
        })
        .await
    }

    /// Removes tags by key.
    ///
    /// # Errors
    /// When there is no such parameter.
    pub async fn untag(&self, region: &str, id: &str, keys: Vec<String>) -> Result<(), ParameterError> {
        self.revise_tags(region, id, move |present| {
            present.retain(|tag| !keys.contains(&tag.key));
            Ok(())
        })
        .await
    }

    async fn revise_tags(
        &self,
        region: &str,
        id: &str,
        f: impl FnOnce(&mut Vec<Tag>) -> Result<(), ParameterError> + Send + 'static,
    ) -> Result<(), ParameterError> {
        let revised = self.revise(region, id, move |parameter| f(&mut parameter.stored.tags)).await;
        revised.map_err(|error| match error {
            ParameterError::NotFound(id) => ParameterError::ResourceId(id),
            other => other,
        })
    }

    async fn revise<R: Send + 'static>(
        &self,
        region: &str,
        id: &str,
        f: impl FnOnce(&mut Parameter) -> Result<R, ParameterError> + Send + 'static,
    ) -> Result<R, ParameterError> {
        let (region, id) = (region.to_owned(), id.to_owned());
        self.uninterrupted(move |inner| async move {
            let key = whole_key_of(&inner, &region, &id);
            let before = key.and_then(|key| inner.parameters.read().get(&key).cloned());
            let before = before.ok_or(ParameterError::NotFound(id))?;
            let mut after = Parameter::clone(&before);
            let answer = f(&mut after)?;
            inner.keep(Some(&before), after).await?;
            Ok(answer)
        })
        .await
    }

    /// Runs a change to its end even when its caller goes away half-way: otherwise memory could
    /// lack what the store has.
    pub(crate) async fn uninterrupted<R, F, C>(&self, f: F) -> Result<R, ParameterError>
    where
        R: Send + 'static,
        F: FnOnce(Arc<ParameterTruth>) -> C + Send + 'static,
        C: Future<Output = Result<R, ParameterError>> + Send,
    {
        let inner = self.inner.clone();
        let change = tokio::spawn(async move {
            let turn = inner.clone();
            let _turn = turn.changing.lock().await;
            f(inner).await
        });
        change.await.unwrap_or(Err(ParameterError::Interrupted))
    }
}

impl ParameterTruth {
    /// Stores what differs between `before` and `after`, then shows `after`.
    pub(crate) async fn keep(&self, before: Option<&Parameter>, after: Parameter) -> Result<(), ParameterError> {
        let mut batch = Batch::new();
        if before.is_none_or(|b| b.stored.tags != after.stored.tags) {
            let body = serde_json::to_vec(&after.stored).expect("a parameter's document can be written");
            batch.put(PARAMETERS, &after.stored.row(), body);
        }
        let old = before.map_or(&[][..], |b| &b.versions);
        for gone in old.iter().filter(|v| after.version(v.number).is_none()) {
            delete_version(&mut batch, &after, gone.number);
        }
        for version in after.versions.iter().filter(|v| !old.iter().any(|o| Arc::ptr_eq(o, v))) {
            let row = after.row_of(version.number);
            batch.put(VERSIONS, &row, serde_json::to_vec(&**version).expect("a version's document can be written"));
            if !version.sealed.is_empty() {
                batch.put(VALUES, &row, version.sealed.to_vec());
            }
        }
        if !batch.is_empty() {
            self.store.submit(batch).await?;
        }
        self.parameters.write().insert(after.stored.key(), Arc::new(after));
        Ok(())
    }
}

pub(crate) fn delete_rows(batch: &mut Batch, parameter: &Parameter) {
    batch.delete(PARAMETERS, &parameter.stored.row());
    parameter.versions.iter().for_each(|v| delete_version(batch, parameter, v.number));
}

fn delete_version(batch: &mut Batch, parameter: &Parameter, number: i64) {
    let row = parameter.row_of(number);
    batch.delete(VERSIONS, &row);
    batch.delete(VALUES, &row);
}

fn check_version(parameter: &Parameter, number: i64) -> Result<(), ParameterError> {
    let missing =
        || ParameterError::VersionNotFound { what: format!("version {number}"), name: parameter.name().to_owned() };
    parameter.version(number).map(drop).ok_or_else(missing)
}

/// botocore, `LabelParameterVersion`: letters, digits, `.-_`; begins with no digit, `aws` or `ssm`.
fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    label.chars().all(allowed)
        && !label.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

pub(crate) fn check_tags(given: &[Tag]) -> Result<(), ParameterError> {
    Ok(tags::refuse(Service::Ssm, given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?)
}
