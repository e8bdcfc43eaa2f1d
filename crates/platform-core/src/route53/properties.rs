//! What holds of a zone whatever is asked of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::account::Account;
use crate::names::{RecordKind, Resolution, resolve};

/// A change of one of few names, so that they meet.
fn change() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("a.test"), Just("www.a.test"), Just("x.www.a.test"), Just("*.a.test"), Just("b.other")];
    let action = prop_oneof![Just("CREATE"), Just("DELETE"), Just("UPSERT")];
    let kind = prop_oneof![
        Just(("A", "1.1.1.1")),
        Just(("A", "bad")),
        Just(("CNAME", "www.a.test")),
        Just(("TXT", "\"t\"")),
        Just(("NS", "ns.other")),
    ];
    let weight = prop_oneof![Just(None), (0..3_u8).prop_map(Some)];
    (name, action, kind, weight).prop_map(|(name, action, (kind, value), weight)| {
        let mut set = json!({"Name": name, "Type": kind, "TTL": 1, "ResourceRecords": [{"Value": value}]});
        if let Some(weight) = weight {
            (set["Weight"], set["SetIdentifier"]) = (json!(weight), json!(format!("s{weight}")));
        }
        json!({"Action": action, "ResourceRecordSet": set})
    })
}

fn all(account: &mut Account, zone: &Value) -> Vec<Value> {
    let listed = account.call("ListResourceRecordSets", json!({"HostedZoneId": zone})).unwrap();
    listed["ResourceRecordSets"].as_array().unwrap().clone()
}

fn text(set: &Value, member: &str) -> String {
    set[member].as_str().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_zone_stays_one_that_dns_can_answer(batches in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..12)) {
        let mut account = Account::new();
        let zone = account.call("CreateHostedZone", json!({"Name": "a.test", "CallerReference": "r"})).unwrap()["HostedZone"]["Id"].clone();
        for changes in batches {
            let before = all(&mut account, &zone);
            let asked = json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}});
            let done = account.call("ChangeResourceRecordSets", asked);
            let sets = all(&mut account, &zone);
            if let Err(refusal) = done {
                prop_assert!(refusal.starts_with("InvalidChangeBatch: [") || refusal.starts_with("InvalidInput"), "{}", refusal);
                prop_assert_eq!(&sets, &before);
            }
            for kind in ["NS", "SOA"] {
                prop_assert!(sets.iter().any(|set| text(set, "Name") == "a.test." && set["Type"] == kind), "no {}", kind);
            }
            for alias in sets.iter().filter(|set| set["Type"] == "CNAME") {
                let beside = sets.iter().any(|set| set["Name"] == alias["Name"] && set["Type"] != "CNAME");
                prop_assert!(!beside && text(alias, "Name") != "a.test.", "{:?}", sets);
            }
            let places: Vec<String> = sets.iter().map(|set| super::set::order(&text(set, "Name"), &text(set, "Type"), &text(set, "SetIdentifier"))).collect();
            prop_assert!(places.windows(2).all(|two| two[0] < two[1]), "{:?}", places);
            // Whatever is in it, every name has an answer, and one outside has none.
            for name in ["a.test", "www.a.test", "y.x.www.a.test", "none.a.test"] {
                for draw in 0..3 {
                    resolve(&account.world, "us-east-1", name, RecordKind::A, draw);
                }
            }
            prop_assert_eq!(resolve(&account.world, "us-east-1", "b.other", RecordKind::A, 0), Resolution::NotOurs);
        }
        // What is listed can be deleted as it is listed, and the zone after it.
        let own = |set: &Value| text(set, "Name") == "a.test." && ["NS", "SOA"].contains(&text(set, "Type").as_str());
        let changes: Vec<Value> = all(&mut account, &zone).into_iter().filter(|set| !own(set))
            .map(|set| json!({"Action": "DELETE", "ResourceRecordSet": set})).collect();
        if !changes.is_empty() {
            account.call("ChangeResourceRecordSets", json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}})).unwrap();
        }
        account.call("DeleteHostedZone", json!({"Id": zone})).unwrap();
    }
}
