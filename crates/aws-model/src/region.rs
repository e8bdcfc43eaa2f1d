//! Regions: which partition they are of, and what names there begin with.

/// Returns the partition of a region: what an ARN has after `arn:` (botocore, `partitions.json`, `regionRegex`).
pub fn partition(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 6] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    BY_PREFIX.into_iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// Returns `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` in the region's partition.
pub fn arn(service: &str, region: &str, account: &str, resource: &str) -> String {
    format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
}

/// Returns the ARN of something that is the same in all regions (IAM, Route 53), in the partition of `region`.
pub fn global_arn(service: &str, region: &str, account: &str, resource: &str) -> String {
    format!("arn:{}:{service}::{account}:{resource}", partition(region))
}

/// Returns the private DNS name of an address in a VPC (VPC guide, "DNS attributes for your VPC": us-east-1 has the short
/// form).
pub fn private_name(region: &str, address: std::net::Ipv4Addr) -> String {
    format!("ip-{}.{}", address.to_string().replace('.', "-"), private_domain(region))
}

/// Returns the domain of the private names of a region.
pub fn private_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_of_the_region_s_partition() {
        assert_eq!(arn("ecs", "eu-west-1", "1", "cluster/a"), "arn:aws:ecs:eu-west-1:1:cluster/a");
        assert_eq!(arn("ecs", "cn-north-1", "1", "cluster/a"), "arn:aws-cn:ecs:cn-north-1:1:cluster/a");
        assert_eq!(global_arn("iam", "us-gov-west-1", "1", "root"), "arn:aws-us-gov:iam::1:root");
        assert_eq!(partition("us-isob-east-1"), "aws-iso-b");
    }

    #[test]
    fn private_names_have_the_region_s_domain() {
        let address = "10.77.0.2".parse().unwrap();
        assert_eq!(private_name("us-east-1", address), "ip-10-77-0-2.ec2.internal");
        assert_eq!(private_name("eu-west-1", address), "ip-10-77-0-2.eu-west-1.compute.internal");
    }
}
