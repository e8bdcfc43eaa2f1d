//! Which id has the key of KMS that AWS keeps for one of its services?
//!
//! It follows from service, region and account: who only names the key (ECR) and who makes it when it is first used
//! (KMS) need not ask each other.

use sha2::{Digest, Sha256};

/// The services whose own keys people refer to by alias, `alias/aws/SERVICE` (KMS developer guide, "AWS managed keys").
pub const SERVICES: [&str; 10] =
    ["ebs", "ecr", "elasticfilesystem", "logs", "rds", "s3", "secretsmanager", "sns", "sqs", "ssm"];

/// Returns the id of the key of `alias/aws/SERVICE`.
pub fn id(service: &str, region: &str, account: &str) -> String {
    let digest = Sha256::digest(format!("alias/aws/{service} {region} {account}"));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Returns the service whose key has this id.
pub fn service(id_of_key: &str, region: &str, account: &str) -> Option<&'static str> {
    SERVICES.into_iter().find(|service| id(service, region, account) == id_of_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_one_service_in_one_place() {
        let ecr = id("ecr", "eu-west-1", "123456789012");
        assert_eq!((ecr.len(), service(&ecr, "eu-west-1", "123456789012")), (36, Some("ecr")));
        assert_eq!(service(&ecr, "eu-west-2", "123456789012"), None);
        assert_eq!(service(&ecr, "eu-west-1", "210987654321"), None);
    }
}
