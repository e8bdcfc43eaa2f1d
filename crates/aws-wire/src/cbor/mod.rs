//! CBOR as Smithy's RPC v2 has it (smithy.io, "Smithy RPC v2 CBOR protocol"): maps with text keys, bytes as bytes,
//! instants under tag 1.

mod read;
mod write;

pub use read::read;
pub(crate) use write::write;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::{document as document_of, operation};
    use aws_model::Service;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn bytes(document: Value) -> Vec<u8> {
        let operation = operation(Service::CloudWatch, "Do");
        write(operation.input().map(|id| (operation.model(), id)), &document_of(document))
    }

    #[test]
    fn instants_bytes_and_what_json_has_no_number_for_come_back() {
        let all = json!({
            "Text": "ü", "Int": -7, "Long": i64::MAX, "Double": "NaN", "Flag": false, "Blob": "AAEC/w==",
            "At": 1_796_047_200.5, "AtHttp": 1_796_047_200, "Structs": [{"A": "a", "At": 1.5}, {}], "Texts": [],
            "Self": {"Double": "-Infinity", "Self": {"Double": 2.0}}, "Map": {"k": "v"}, "Unknown": [1, {"x": "NaN"}],
        });
        assert_eq!(Value::Object(read(&bytes(all.clone())).unwrap()), all);
    }

    #[test]
    fn an_instant_is_tagged_bytes_are_bytes_and_a_whole_number_of_a_double_is_one() {
        for (document, tail) in [
            (json!({"At": 1}), &[0xc1, 1][..]),
            (json!({"Double": 2}), &[0xfb, 0x40, 0, 0, 0, 0, 0, 0, 0]),
            (json!({"Double": "Infinity"}), &[0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]),
            (json!({"Blob": "AAE="}), &[0x42, 0, 1]),
            (json!({"Text": null}), &[0xa0]),
        ] {
            assert!(bytes(document.clone()).ends_with(tail), "{document}: {:x?}", bytes(document.clone()));
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn every_way_to_write_a_value_is_read() {
        // Smithy's cases for servers: lengths that are not said, halves of floats, nulls, unknown tags.
        for (text, want) in [
            ("a0", json!({})),
            ("bfff", json!({})),
            ("bf6161f6616201ff", json!({"a": null, "b": 1})),
            ("a16161f93c00", json!({"a": 1.0})),
            ("a16161fa3fc00000", json!({"a": 1.5})),
            ("a16161f97e00", json!({"a": "NaN"})),
            ("a16161f7", json!({"a": null})),
            ("bf61617f6168616966ffff", json!(null)),
            ("bf61617f61686169ffff", json!({"a": "hi"})),
            ("bf61615f41004101ffff", json!({"a": "AAE="})),
            ("a161619f0102ff", json!({"a": [1, 2]})),
            ("a16161c11a6b0d5960", json!({"a": 0x6b0d_5960})),
            ("a16161c1fb3ff8000000000000", json!({"a": 1.5})),
            ("a16161d8ff01", json!({"a": 1})),
            ("a161613903e7", json!({"a": -1000})),
            ("a161611bffffffffffffffff", json!({"a": u64::MAX})),
        ] {
            match read(&hex(text)) {
                Ok(document) => assert_eq!(Value::Object(document), want, "{text}"),
                Err(error) => assert!(want.is_null(), "{text}: {error}"),
            }
        }
        assert!(read(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_map_or_ends_early_or_goes_on_or_is_too_much_is_refused() {
        for text in ["80", "01", "a161", "a1616101ff", "a10101", "bf616101", "a16161c249010000000000000000"] {
            assert_eq!(read(&hex(text)).unwrap_err().code, "SerializationException", "{text}");
        }
        let deep = [&hex("a16161")[..], &[0x81; 100], &[0]].concat();
        assert!(read(&deep).unwrap_err().message.contains("deeper than 64"));
        let many = [&hex("a161619f")[..], &[0; 70_001], &[0xff]].concat();
        assert!(read(&many).unwrap_err().message.contains("more than 70000"));
        // A length that is said and not there takes no memory.
        assert!(read(&hex("a161619bffffffffffffffff00")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = read(&[&[0xbf, 0x61, 0x61][..], &bytes].concat());
        }
    }
}
