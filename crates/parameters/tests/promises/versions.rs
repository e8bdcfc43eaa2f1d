//! Versions count up, one maker of a name wins, and memory is what the store would bring back.

use parameters::{NewVersion, ParameterType, Parameters};
use proptest::prelude::*;
use secrets::Secrets;
use store::Store;

use crate::{ACCOUNT, REGION, again, code, fresh, new, now, read, secure};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_make_one_name_at_once_one_succeeds_and_overwriters_all_count() {
    let parameters = fresh();
    let racing: Vec<_> = (0..32)
        .map(|n| {
            let parameters = parameters.clone();
            tokio::spawn(async move { parameters.put(REGION, new("/app/lock", &n.to_string())).await })
        })
        .collect();
    let mut winners = Vec::new();
    for (n, racer) in racing.into_iter().enumerate() {
        match racer.await.unwrap() {
            Ok(put) => winners.push((n, put.version)),
            Err(error) => assert_eq!(error.code(), "ParameterAlreadyExists"),
        }
    }
    let [(winner, 1)] = winners[..] else { panic!("{winners:?}") };
    assert_eq!(read(&parameters, "/app/lock"), format!("1={winner}"));

    let racing: Vec<_> = (0..32)
        .map(|n| {
            let parameters = parameters.clone();
            tokio::spawn(async move { parameters.put(REGION, again("/app/lock", &n.to_string())).await })
        })
        .collect();
    let mut made = Vec::new();
    for racer in racing {
        made.push(racer.await.unwrap().unwrap().version);
    }
    made.sort_unstable();
    assert_eq!(made, (2..=33).collect::<Vec<_>>());
}

/// One request of the property below.
#[derive(Debug, Clone)]
enum Act {
    Make,
    Overwrite,
    Delete,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn versions_count_up_and_only_what_was_answered_is_there(acts in proptest::collection::vec(
        (0..3usize, prop_oneof![1 => Just(Act::Make), 4 => Just(Act::Overwrite), 1 => Just(Act::Delete)]), 0..60,
    )) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::ephemeral().unwrap();
            let secrets = Secrets::open(store.clone(), None, ACCOUNT, now()).unwrap();
            let parameters = Parameters::open(store.clone(), &secrets, ACCOUNT, now()).unwrap();
            let mut model: [Option<(i64, usize)>; 3] = [None; 3];
            for (step, (which, act)) in acts.into_iter().enumerate() {
                let (name, value) = (format!("/p/{which}"), step.to_string());
                let overwriting = NewVersion { kind: Some(ParameterType::SecureString), ..again(&name, &value) };
                let (got, expected) = match (act, model[which]) {
                    (Act::Make, Some(_)) => (code(parameters.put(REGION, secure(&name, &value)).await), "ParameterAlreadyExists"),
                    (Act::Make, None) => {
                        model[which] = Some((1, step));
                        (code(parameters.put(REGION, secure(&name, &value)).await), "accepted")
                    }
                    (Act::Overwrite, present) => {
                        model[which] = Some((present.map_or(1, |(version, _)| version + 1), step));
                        (code(parameters.put(REGION, overwriting).await), "accepted")
                    }
                    (Act::Delete, None) => (code(parameters.delete(REGION, &name).await), "ParameterNotFound"),
                    (Act::Delete, Some(_)) => {
                        model[which] = None;
                        (code(parameters.delete(REGION, &name).await), "accepted")
                    }
                };
                assert_eq!(got, expected);
            }
            // What memory shows is what the store would bring back.
            for seen in [&parameters, &Parameters::open(store, &secrets, ACCOUNT, now()).unwrap()] {
                for (which, state) in model.iter().enumerate() {
                    let expected = state.map_or("ParameterNotFound".to_owned(), |(version, step)| format!("{version}={step}"));
                    assert_eq!(read(seen, &format!("/p/{which}")), expected);
                    if let Some((version, _)) = state {
                        let kept = seen.describe(REGION, &format!("/p/{which}")).unwrap();
                        let numbers: Vec<i64> = kept.versions().iter().map(|v| v.number).collect();
                        assert_eq!(numbers, (1..=*version).collect::<Vec<_>>());
                    }
                }
            }
        });
    }
}
