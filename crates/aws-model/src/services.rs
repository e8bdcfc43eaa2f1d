//! Which service is meant, and what is known of it besides its operations.

use std::sync::OnceLock;

use crate::model::Model;
use crate::protocol::Protocol;
use crate::service::{ROWS, Row, Service};

impl Service {
    /// Every service, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.service)
    }

    fn row(self) -> &'static Row {
        // The rows are written in the order of the enum; a test holds them to it.
        &ROWS[self as usize]
    }

    /// Returns the name that the AWS CLI gives the service.
    pub fn cli_name(self) -> &'static str {
        self.row().cli
    }

    /// Returns what people call the service.
    pub fn words(self) -> &'static str {
        self.row().words
    }

    /// Returns the name of the service in a credential scope.
    pub fn signing_name(self) -> &'static str {
        self.row().signing
    }

    /// Returns what stands before the operation in `X-Amz-Target`, and in RPC v2's path; empty if nothing does.
    pub fn target_prefix(self) -> &'static str {
        self.row().target
    }

    /// Returns the version of the API, which is a parameter of Query.
    pub fn api_version(self) -> &'static str {
        self.row().version
    }

    /// Returns the namespace of XML answers; empty if the service has none.
    pub fn xml_namespace(self) -> &'static str {
        self.row().namespace
    }

    /// Returns the protocols that the service speaks, the one that new clients choose first.
    pub fn protocols(self) -> &'static [Protocol] {
        self.row().protocols
    }

    /// Whether errors in JSON and CBOR carry the code of Query as well (`x-amzn-query-error`; Smithy's trait
    /// `awsQueryCompatible`).
    pub fn speaks_query_codes(self) -> bool {
        self.row().speaks_query_codes
    }

    /// Returns the service that a target's prefix belongs to.
    pub fn of_target(prefix: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.target == prefix && !prefix.is_empty()).map(|row| row.service)
    }

    /// Returns the service of a credential scope that has this version, or any if none is said: services may share a
    /// scope, as the two load balancers do.
    pub fn of_scope(signing: &str, version: Option<&str>) -> Option<Self> {
        let is_it = |row: &&Row| row.signing == signing && version.is_none_or(|version| row.version == version);
        ROWS.iter().find(is_it).map(|row| row.service)
    }

    /// Returns the official model; unpacked when it is first asked for.
    pub fn model(self) -> &'static Model {
        static MODELS: [OnceLock<Model>; ROWS.len()] = [const { OnceLock::new() }; ROWS.len()];
        MODELS[self as usize].get_or_init(|| Model::unpack(self, self.row().model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum_and_every_model_can_be_read() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.service as usize, index);
            let model = row.service.model();
            assert!(model.names().is_sorted() && model.names().len() > 10, "{}", row.cli);
            for operation in model.operations() {
                assert!(model.names().contains(&operation.name()), "{}", operation.name());
            }
        }
    }

    #[test]
    fn services_are_told_by_target_and_by_scope() {
        assert_eq!(Service::of_target("AmazonEC2ContainerServiceV20141113"), Some(Service::Ecs));
        assert_eq!(Service::of_target(""), None);
        assert_eq!(Service::of_scope("elasticloadbalancing", Some("2015-12-01")), Some(Service::ElbV2));
        assert_eq!(Service::of_scope("elasticloadbalancing", Some("2012-06-01")), None);
        assert_eq!(Service::of_scope("monitoring", None), Some(Service::CloudWatch));
    }
}
