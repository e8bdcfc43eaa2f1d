//! Functions of networks: `cidrsubnet`, `cidrhost`, `cidrnetmask` of IPv4.

use std::net::Ipv4Addr;

use super::super::eval::Fault;
use super::super::value::Value;
use super::wrong;

/// Calls one of these functions; nothing for another one, or for a network of IPv6.
pub(super) fn call(name: &str, args: &[Value]) -> Option<Result<Value, Fault>> {
    if !["cidrsubnet", "cidrhost", "cidrnetmask", "cidrsubnets"].contains(&name) {
        return None;
    }
    let text = args.first().and_then(Value::as_text).and_then(|text| text.known())?;
    let (address, length) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let network = u32::from(address) & mask(length);
    let numbers: Option<Vec<i64>> = args[1..].iter().map(|value| value.as_number().map(|one| one as i64)).collect();
    Some(made(name, network, length, &numbers?).ok_or_else(|| wrong(name)))
}

fn made(name: &str, network: u32, length: u32, numbers: &[i64]) -> Option<Value> {
    match (name, numbers) {
        ("cidrnetmask", []) => Some(Ipv4Addr::from(mask(length)).to_string().into()),
        ("cidrsubnet", [more, number]) => {
            let longer = length.checked_add(u32::try_from(*more).ok()?).filter(|length| *length <= 32)?;
            subnet(network, longer, *number, 1_i64 << more)
        }
        ("cidrhost", [number]) => {
            let hosts = 1_i64 << (32 - length);
            // A negative number counts from the end.
            let number = if *number < 0 { hosts + number } else { *number };
            (0..hosts).contains(&number).then(|| Ipv4Addr::from(network + number as u32).to_string().into())
        }
        ("cidrsubnets", lengths) => {
            let mut at = i64::from(network);
            let end = at + (1_i64 << (32 - length));
            let mut found = Vec::new();
            for more in lengths {
                let longer = length.checked_add(u32::try_from(*more).ok()?).filter(|length| *length <= 32)?;
                let size = 1_i64 << (32 - longer);
                let begin = (at + size - 1) / size * size;
                at = begin + size;
                if at > end {
                    return None;
                }
                found.push(format!("{}/{longer}", Ipv4Addr::from(begin as u32)).into());
            }
            Some(Value::List(found))
        }
        _ => None,
    }
}

fn subnet(network: u32, length: u32, number: i64, count: i64) -> Option<Value> {
    let size = 1_i64 << (32 - length);
    (0..count).contains(&number).then(|| {
        let address = i64::from(network) + number * size;
        format!("{}/{length}", Ipv4Addr::from(address as u32)).into()
    })
}

fn mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}
