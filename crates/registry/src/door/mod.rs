//! ECR as a service: which operation is answered by what. Decides nothing about images.
//!
//! All regions are one registry (a push names none); ARNs are answered in the caller's region.

mod answers;
mod images;
mod layers;
mod lifecycle;
mod page;
mod policies;
mod refusal;
mod repositories;
mod scanning;
mod tags;
mod upstream;

use aws_model::call::{Row, answer_by, names};
use aws_model::{Answering, Call, Door, row};
use serde::Deserialize;

use crate::{Registry, Repository};

/// In the order of their names.
const ROWS: &[Row<Registry>] = &[
    row!("BatchCheckLayerAvailability", layers::check_availability),
    row!("BatchDeleteImage", images::batch_delete),
    row!("BatchGetImage", images::batch_get),
    row!("BatchGetRepositoryScanningConfiguration", scanning::of_repositories),
    row!("CompleteLayerUpload", layers::complete_upload),
    row!("CreatePullThroughCacheRule", upstream::create),
    row!("CreateRepository", repositories::create),
    row!("DeleteLifecyclePolicy", lifecycle::delete),
    row!("DeletePullThroughCacheRule", upstream::delete),
    row!("DeleteRegistryPolicy", policies::delete_of_registry),
    row!("DeleteRepository", repositories::delete),
    row!("DeleteRepositoryPolicy", policies::delete),
    row!("DescribeImageScanFindings", scanning::findings),
    row!("DescribeImages", images::describe),
    row!("DescribePullThroughCacheRules", upstream::describe),
    row!("DescribeRegistry", upstream::describe_registry),
    row!("DescribeRepositories", repositories::describe),
    row!("GetAuthorizationToken", repositories::authorization_token),
    row!("GetDownloadUrlForLayer", layers::download_url),
    row!("GetLifecyclePolicy", lifecycle::get),
    row!("GetLifecyclePolicyPreview", lifecycle::get_preview),
    row!("GetRegistryPolicy", policies::get_of_registry),
    row!("GetRegistryScanningConfiguration", scanning::get),
    row!("GetRepositoryPolicy", policies::get),
    row!("InitiateLayerUpload", layers::initiate_upload),
    row!("ListImages", images::list),
    row!("ListTagsForResource", tags::list),
    row!("PutImage", images::put),
    row!("PutImageScanningConfiguration", repositories::put_scanning),
    row!("PutImageTagMutability", repositories::put_mutability),
    row!("PutLifecyclePolicy", lifecycle::put),
    row!("PutRegistryPolicy", policies::put_of_registry),
    row!("PutRegistryScanningConfiguration", scanning::put),
    row!("PutReplicationConfiguration", upstream::put_replication),
    row!("SetRepositoryPolicy", policies::set),
    row!("StartImageScan", scanning::start),
    row!("StartLifecyclePolicyPreview", lifecycle::start_preview),
    row!("TagResource", tags::tag),
    row!("UntagResource", tags::untag),
    row!("UpdatePullThroughCacheRule", upstream::update),
    row!("UploadLayerPart", layers::upload_part),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Registry {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        match refusal::of_other_registry(self, &call.input) {
            Some(refused) => Box::pin(async move { Err(refused) }),
            None => answer_by(ROWS, self, call),
        }
    }
}

/// The input of what is asked of the registry as a whole.
#[derive(Deserialize)]
struct Nothing {}

/// Returns whether an image that comes to a repository now is to be scanned.
pub(crate) fn is_scanned(registry: &Registry, repository: &Repository) -> bool {
    scanning::on_push(registry, &repository.name, repository.scan_on_push)
}

#[cfg(test)]
mod tests;
