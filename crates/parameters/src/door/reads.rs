//! The operations of Parameter Store that only look.

use aws_model::Call;
use serde_json::json;

use super::answers::{Described, Past, SecretOf, ValueOf};
use super::input::{Below, Describe, Get, GetAll, History};
use super::{Answered, with_token, written};
use crate::{Parameters, reference};

pub(super) async fn describe(parameters: &Parameters, call: &Call, input: Describe) -> Answered {
    let (shared, account) = (input.shared, &parameters.inner.account);
    let (max, token) = (input.max_results, input.next_token.clone());
    let page = parameters.list(&call.region, input.filters()?, max, token.as_deref())?;
    // A parameter is shared by another account, and there is none.
    let items = page.items.iter().filter(|_| !shared).map(|parameter| Described::of(parameter, account));
    Ok(with_token(json!({"Parameters": written(items)?}), page.next.filter(|_| !shared)))
}

pub(super) async fn get(parameters: &Parameters, call: &Call, input: Get) -> Answered {
    if reference::is_one(&input.name) {
        let referred = parameters.refer(&call.region, &input.name, input.with_decryption)?;
        return Ok(json!({"Parameter": SecretOf::of(&referred)}));
    }
    let got = parameters.get(&call.region, &input.name, input.with_decryption)?;
    Ok(json!({"Parameter": ValueOf::of(&got, &parameters.inner.account)}))
}

pub(super) async fn history(parameters: &Parameters, call: &Call, input: History) -> Answered {
    let (max, token) = (input.max_results, input.next_token.as_deref());
    let page = parameters.history(&call.region, &input.name, input.with_decryption, max, token)?;
    let versions = written(page.items.iter().map(|got| Past::of(got, &parameters.inner.account)))?;
    Ok(with_token(json!({"Parameters": versions}), page.next))
}

pub(super) async fn get_all(parameters: &Parameters, call: &Call, input: GetAll) -> Answered {
    let (references, names): (Vec<_>, Vec<_>) = input.names.into_iter().partition(|name| reference::is_one(name));
    let found = parameters.get_all(&call.region, &names, input.with_decryption)?;
    let (referred, invalid) = parameters.refer_all(&call.region, &references, input.with_decryption)?;
    let secrets = referred.iter().map(|one| json!(SecretOf::of(one)));
    let own = found.values.iter().map(|got| json!(ValueOf::of(got, &parameters.inner.account)));
    let values = written(own.chain(secrets))?;
    let invalid = [found.invalid, invalid].concat();
    Ok(json!({"Parameters": values, "InvalidParameters": invalid}))
}

pub(super) async fn by_path(parameters: &Parameters, call: &Call, input: Below) -> Answered {
    let page = parameters.by_path(&call.region, input.read())?;
    let values = written(page.items.iter().map(|got| ValueOf::of(got, &parameters.inner.account)))?;
    Ok(with_token(json!({"Parameters": values}), page.next))
}
