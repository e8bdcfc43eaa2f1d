//! ECR as a service: which operation is answered by what. Decides nothing about images.
//!
//! All regions are one registry (a push names none); ARNs are answered in the caller's region.

mod answers;
mod images;
mod layers;
mod page;
mod policies;
mod refusal;
mod repositories;
mod tags;

use aws_model::call::{Row, names};
use aws_model::{Answering, AwsError, Call, Door, row};

use crate::Registry;

/// In the order of their names.
const ROWS: &[Row<Registry>] = &[
    row!("BatchCheckLayerAvailability", layers::check_availability),
    row!("BatchDeleteImage", images::batch_delete),
    row!("BatchGetImage", images::batch_get),
    row!("CompleteLayerUpload", layers::complete_upload),
    row!("CreateRepository", repositories::create),
    row!("DeleteLifecyclePolicy", policies::delete_lifecycle),
    row!("DeleteRepository", repositories::delete),
    row!("DeleteRepositoryPolicy", policies::delete),
    row!("DescribeImages", images::describe),
    row!("DescribeRepositories", repositories::describe),
    row!("GetAuthorizationToken", repositories::authorization_token),
    row!("GetDownloadUrlForLayer", layers::download_url),
    row!("GetLifecyclePolicy", policies::get_lifecycle),
    row!("GetRepositoryPolicy", policies::get),
    row!("InitiateLayerUpload", layers::initiate_upload),
    row!("ListImages", images::list),
    row!("ListTagsForResource", tags::list),
    row!("PutImage", images::put),
    row!("PutImageScanningConfiguration", repositories::put_scanning),
    row!("PutImageTagMutability", repositories::put_mutability),
    row!("PutLifecyclePolicy", policies::put_lifecycle),
    row!("SetRepositoryPolicy", policies::set),
    row!("TagResource", tags::tag),
    row!("UntagResource", tags::untag),
    row!("UploadLayerPart", layers::upload_part),
];

/// The operations that are answered, by name.
pub const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Registry {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        let name = call.operation.name();
        let refused = refusal::of_other_registry(self, &call.input);
        match (refused, ROWS.binary_search_by_key(&name, |(name, _)| name)) {
            (Some(refused), _) => Box::pin(async move { Err(refused) }),
            (None, Ok(row)) => ROWS[row].1(self, call),
            (None, Err(_)) => {
                Box::pin(async move { Err(AwsError::server(format!("{name} is offered and has no row"))) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
