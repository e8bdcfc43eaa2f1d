//! Which operation a method and a path are.

use aws_model::Service;
use aws_model::model::Operation;
use percent_encoding::percent_decode_str;

/// What stands at a path's names: the names as the model has them, the texts decoded.
pub type Labels = Vec<(&'static str, String)>;

/// Returns the operation of a service that a method and a path are, of several the one with most words of its own.
/// A slash at the end makes no difference.
pub fn find(service: Service, method: &str, path: &str) -> Option<(Operation, Labels)> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let fits = |operation: Operation| {
        let template = operation.path().split_once('?').map_or(operation.path(), |(path, _)| path);
        (operation.method() == method).then(|| labels(template, &segments)).flatten().map(|found| (operation, found))
    };
    service.model().operations().filter_map(fits).min_by_key(|(_, labels)| labels.len())
}

/// None if the path does not fit.
fn labels(template: &'static str, segments: &[&str]) -> Option<Labels> {
    let mut labels = Labels::new();
    let mut left = segments.iter();
    for part in template.trim_matches('/').split('/') {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            // It takes the rest of the path: nothing stands behind it in the models here.
            Some(name) if name.ends_with('+') => {
                let rest: Vec<String> = left.by_ref().map(|segment| decoded(segment)).collect();
                (!rest.is_empty()).then(|| labels.push((name.trim_end_matches('+'), rest.join("/"))))?;
            }
            Some(name) => {
                let segment = left.next().filter(|segment| !segment.is_empty())?;
                labels.push((name, decoded(segment)));
            }
            None if left.next() == Some(&part) => {}
            None => return None,
        }
    }
    left.next().is_none().then_some(labels)
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_fits_segment_by_segment() {
        let check = |template, path: &str, want: Option<&[(&str, &str)]>| {
            let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
            let got = labels(template, &segments);
            let got: Option<Vec<(&str, &str)>> =
                got.as_ref().map(|labels| labels.iter().map(|(name, text)| (*name, text.as_str())).collect());
            assert_eq!(got.as_deref(), want, "{template} {path}");
        };
        check("/a/{B}/c/", "/a/1%2F2/c", Some(&[("B", "1/2")]));
        check("/a/{B}", "/a/", None);
        check("/a/{B}", "/a/1/2", None);
        check("/a/{B+}", "/a/1/2", Some(&[("B", "1/2")]));
        check("/", "/", Some(&[]));
        check("/a", "/b", None);
    }
}
